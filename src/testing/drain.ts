/** What every replica holds at the end, under the names that the test's records have. */
import type { RunClock } from "../chaos/clock.ts"
import type { Topic } from "../chaos/drivers/partition.ts"
import type { Recorder } from "../chaos/history/recorder.ts"
import { drainReplicas } from "../chaos/workloads/drain.ts"
import { describeResource, ResourceType } from "../client/configs.ts"
import type { Client } from "../client/index.ts"
import { ErrorCode, errorName } from "../protocol/error-codes.ts"
import type { LogRecord } from "../protocol/record.ts"
import { partitionName } from "./records.ts"
import type { TestCluster } from "./test-cluster.ts"

export interface DrainOptions {
  /** Those that were sent to, unless said otherwise. */
  readonly topics?: ReadonlyArray<string>
  /** 30 s unless said otherwise. */
  readonly timeoutMs?: number
}

export interface DrainContext {
  readonly clock: RunClock
  readonly recorder: Recorder
  readonly timeoutMs: number
  readonly nameOf: (topic: string, record: LogRecord) => string
}

export async function drainTopics(
  cluster: TestCluster,
  names: ReadonlyArray<string>,
  { clock, recorder, timeoutMs, nameOf }: DrainContext,
): Promise<void> {
  const client = cluster.client("test-drain")
  try {
    const topics = await describeTopics(client, names)
    await drainReplicas({
      cluster: cluster.chaos,
      clock,
      recorder: plainNames(recorder),
      topics: topics.map((topic) => ({ ...topic, nameOf: (record) => nameOf(topic.name, record) })),
      timeoutMs,
      signal: new AbortController().signal,
    })
  } finally {
    client.close()
  }
}

async function describeTopics(
  client: Client,
  names: ReadonlyArray<string>,
): Promise<ReadonlyArray<Topic>> {
  const { topics } = await client.metadata(names)
  return Promise.all(
    topics.map(async ({ name, errorCode, topicId, partitions }) => {
      if (name === null || errorCode !== ErrorCode.NONE) {
        throw new Error(`topic ${name ?? "?"} cannot be read back: ${errorName(errorCode)}`)
      }
      const configs = await describeResource(client, { type: ResourceType.topic, name })
      const policy = configs.find((config) => config.name === "cleanup.policy")?.value ?? ""
      const isCompacted = policy.includes("compact")
      return { name, id: topicId, partitions: partitions.length, isCompacted }
    }),
  )
}

/** A test knows its topics by their names alone: "orders/0". */
function plainNames(recorder: Recorder): Recorder {
  return {
    begin: (process, call) => {
      if (call.f !== "drain") return recorder.begin(process, call)
      const [, topic = "", partition = ""] = /^(.*)#[^#]*\/(\d+)$/.exec(call.partition) ?? []
      return recorder.begin(process, { ...call, partition: partitionName(topic, +partition) })
    },
  }
}
