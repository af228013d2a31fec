import { Kafka, logLevel } from "kafkajs"
import { until } from "../../scripts/harness/until.ts"
import type { CompatCluster } from "./compat-cluster.ts"

/** kafkajs says a harmless thing about its partitioner whenever a producer is made. */
process.env["KAFKAJS_NO_PARTITIONER_WARNING"] = "1"

export function kafkaFor(cluster: CompatCluster): Kafka {
  return new Kafka({
    clientId: "test",
    brokers: cluster.bootstrapList,
    logLevel: logLevel.NOTHING,
    retry: { retries: 10, initialRetryTime: 50, maxRetryTime: 500 },
  })
}

/** A topic with a replica on each of the three brokers, once every partition has a leader. */
export async function createTopic(
  cluster: CompatCluster,
  topic: string,
  partitions: number,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  const admin = kafkaFor(cluster).admin()
  await admin.connect()
  try {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    const entry = { topic, numPartitions: partitions, replicationFactor: 3, configEntries }
    await admin.createTopics({ topics: [entry], waitForLeaders: false })
    // kafkajs's own waiting gives up where a broker has not heard of the new topic yet.
    await until(`a leader for every partition of ${topic}`, async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      return topics[0]?.partitions.filter((p) => p.leader >= 0).length === partitions
    })
  } finally {
    await admin.disconnect()
  }
}
