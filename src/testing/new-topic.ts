import type { Client } from "../client/index.ts"
import { ErrorCode, errorName, isRetriable } from "../protocol/error-codes.ts"
import { createTopics } from "../protocol/messages/create-topics.ts"

export interface NewTopic {
  readonly name: string
  /** 1 unless said otherwise. */
  readonly partitions?: number
  /** 3, or as many as there are nodes, unless said otherwise. */
  readonly replicationFactor?: number
  /** By Kafka's names: `{ "cleanup.policy": "compact" }`. */
  readonly configs?: Readonly<Record<string, string>>
}

const patienceMs = 10_000
const backOffMs = 20

/** Rejects with what the cluster says against it. */
export async function createTopic(client: Client, topic: NewTopic, nodes: number): Promise<void> {
  const { name, partitions = 1, replicationFactor = Math.min(3, nodes), configs = {} } = topic
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    const answer = await client.ask(createTopics, {
      topics: [
        {
          name,
          numPartitions: partitions,
          replicationFactor,
          assignments: [],
          configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
        },
      ],
      timeoutMs: patienceMs,
    })
    const { errorCode = ErrorCode.NONE, errorMessage } = answer.topics[0] ?? {}
    if (errorCode === ErrorCode.NONE) return
    const why = `topic ${name}: ${errorName(errorCode)} ${errorMessage ?? ""}`.trim()
    if (!isRetriable(errorCode) || performance.now() > deadlineMs) throw new Error(why)
    await Bun.sleep(backOffMs)
  }
}
