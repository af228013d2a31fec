import { createTopics } from "../../../src/protocol/messages/create-topics.ts"
import { fieldOf, objectsIn, textIn } from "../values.ts"
import type { Asker } from "../asker.ts"

/** Makes a topic whose partitions broker 0 leads, and gives its id. */
export async function topicLedBy0(
  asker: Asker,
  name: string,
  configs: Readonly<Record<string, string>> = {},
  partitions = 2,
): Promise<string> {
  const assignments = Array.from({ length: partitions }, (_, partitionIndex) => ({
    partitionIndex,
    brokerIds: [0, 1, 2],
  }))
  const answer = await asker.call(
    createTopics,
    7,
    {
      topics: [
        {
          name,
          numPartitions: -1,
          replicationFactor: -1,
          assignments,
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: 9_000,
    },
    `led by broker 0: ${name}`,
  )
  await asker.rest(200)
  const topic = objectsIn(fieldOf(answer, "topics"))[0]
  return textIn(topic, "topicId")
}

export const nobodyId = "f".repeat(32)
