import { createTopic as create, kafkaFor as connectTo } from "../../scripts/harness/layout.ts"
import type { CompatCluster } from "./compat-cluster.ts"

export const kafkaFor = (cluster: CompatCluster) => connectTo(cluster.bootstrapList)

/** A topic with a replica on each of the three brokers. */
export const createTopic = (
  cluster: CompatCluster,
  topic: string,
  partitions: number,
  configs: Readonly<Record<string, string>> = {},
) => create(cluster.bootstrapList, { topic, partitions, configs })
