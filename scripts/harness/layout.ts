import { Kafka, logLevel, type Admin } from "kafkajs"
import { until } from "./until.ts"

/** Who leads what, seen as every client sees it. */

export interface PartitionLayout {
  readonly partition: number
  readonly leader: number
  readonly replicas: ReadonlyArray<number>
  readonly inSyncReplicas: ReadonlyArray<number>
}

export function kafkaFor(bootstrap: ReadonlyArray<string>): Kafka {
  // kafkajs says a harmless thing about its partitioner whenever a producer is made.
  process.env["KAFKAJS_NO_PARTITIONER_WARNING"] = "1"
  return new Kafka({
    clientId: "harness",
    brokers: [...bootstrap],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 500 },
  })
}

export async function withAdmin<A>(
  bootstrap: ReadonlyArray<string>,
  use: (admin: Admin) => Promise<A>,
): Promise<A> {
  const admin = kafkaFor(bootstrap).admin()
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect().catch(() => {})
  }
}

async function layoutBy(admin: Admin, topic: string): Promise<Array<PartitionLayout>> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
  return (topics[0]?.partitions ?? [])
    .map((p) => ({
      partition: p.partitionId,
      leader: p.leader,
      replicas: p.replicas,
      inSyncReplicas: p.isr,
    }))
    .toSorted((a, b) => a.partition - b.partition)
}

/** Asks again where a broker went away in the middle of the answer. */
export const layoutOf = (bootstrap: ReadonlyArray<string>, topic: string) =>
  until(`metadata of ${topic}`, () =>
    withAdmin(bootstrap, async (admin) => {
      const layout = await layoutBy(admin, topic)
      return layout.length > 0 ? layout : undefined
    }),
  )

export interface NewTopic {
  readonly topic: string
  readonly partitions: number
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

/** Creates a topic and waits until every partition has a leader. */
export async function createTopic(
  bootstrap: ReadonlyArray<string>,
  { topic, partitions, replicationFactor = 3, configs = {} }: NewTopic,
): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  const entry = { topic, numPartitions: partitions, replicationFactor, configEntries }
  await withAdmin(bootstrap, async (admin) => {
    await admin.createTopics({ topics: [entry], waitForLeaders: false })
    // kafkajs's own waiting gives up where a broker has not heard of the new topic yet.
    await until(`a leader for every partition of ${topic}`, async () => {
      const layout = await layoutBy(admin, topic)
      return layout.filter((p) => p.leader >= 0).length === partitions
    })
  })
}

/**
 * Until every replica of every partition is in sync, so that the next fault starts from a whole
 * cluster.
 */
export async function untilInSync(
  bootstrap: ReadonlyArray<string>,
  topic: string,
  timeoutMs = 60_000,
): Promise<void> {
  await withAdmin(bootstrap, (admin) =>
    until(
      `all replicas of ${topic} in sync`,
      async () => {
        const layout = await layoutBy(admin, topic)
        const whole = layout.every((p) => p.inSyncReplicas.length === p.replicas.length)
        return layout.length > 0 && whole
      },
      { timeoutMs, everyMs: 50 },
    ),
  )
}

/** By partition: where the log ends. */
export const endsOf = (bootstrap: ReadonlyArray<string>, topic: string) =>
  withAdmin(bootstrap, async (admin) => {
    const found = await admin.fetchTopicOffsets(topic)
    const inOrder = found.toSorted((a, b) => a.partition - b.partition)
    return inOrder.map(({ high }) => Number(high))
  })

/** By partition: what the group has committed. */
export const committedOffsets = (
  bootstrap: ReadonlyArray<string>,
  groupId: string,
  topic: string,
) =>
  withAdmin(bootstrap, async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
    const partitions = found?.partitions ?? []
    return new Map(partitions.map(({ partition, offset }) => [partition, Number(offset)]))
  })
