/** From a topic's configs and the broker's settings to what its partitions act on. */
import type { TopicInfo } from "../cluster/image.ts"
import { effectiveTopicConfigs } from "../cluster/topic-configs.ts"
import { defaultPartitionConfig } from "../partition/partition-config.ts"
import type { PartitionConfig } from "../partition/partition-config.ts"
import { defaultNodeSettings } from "./ports.ts"
import type { NodeSettings } from "./ports.ts"

/** Broker settings that differ from Kafka's defaults, by Kafka's broker names. */
export function brokerConfigs(settings: NodeSettings): ReadonlyMap<string, string> {
  const configs = new Map(settings.brokerConfigs)
  const put = (name: string, key: keyof Omit<NodeSettings, "brokerConfigs">) => {
    if (settings[key] !== defaultNodeSettings[key]) configs.set(name, String(settings[key]))
  }
  put("min.insync.replicas", "minInsyncReplicas")
  put("message.max.bytes", "messageMaxBytes")
  put("log.message.timestamp.type", "timestampType")
  put("log.message.timestamp.before.max.ms", "timestampBeforeMaxMs")
  put("log.message.timestamp.after.max.ms", "timestampAfterMaxMs")
  return configs
}

export function partitionConfig(topic: TopicInfo, settings: NodeSettings): PartitionConfig {
  const values = new Map(
    effectiveTopicConfigs(topic.configs, brokerConfigs(settings)).map((config) => [
      config.name,
      config.value,
    ]),
  )
  const number = (name: string) => {
    const value = Number(values.get(name))
    return Number.isSafeInteger(value) ? value : Number.MAX_SAFE_INTEGER
  }
  const policies = (values.get("cleanup.policy") ?? "").split(",").map((policy) => policy.trim())
  return {
    ...defaultPartitionConfig,
    minInSyncReplicas: number("min.insync.replicas"),
    maxMessageBytes: number("max.message.bytes"),
    timestampType:
      values.get("message.timestamp.type") === "LogAppendTime" ? "LogAppendTime" : "CreateTime",
    timestampBeforeMaxMs: number("message.timestamp.before.max.ms"),
    timestampAfterMaxMs: number("message.timestamp.after.max.ms"),
    cleanupDelete: policies.includes("delete"),
    compacted: policies.includes("compact"),
    retentionMs: number("retention.ms"),
    retentionBytes: number("retention.bytes"),
    segmentMs: number("segment.ms"),
    segmentBytes: number("segment.bytes"),
    minCompactionLagMs: number("min.compaction.lag.ms"),
    maxCompactionLagMs: number("max.compaction.lag.ms"),
    deleteRetentionMs: number("delete.retention.ms"),
    minCleanableDirtyRatio: Number.parseFloat(values.get("min.cleanable.dirty.ratio") ?? "0.5"),
    fileDeleteDelayMs: number("file.delete.delay.ms"),
    replicaLagTimeMaxMs: settings.replicaLagTimeMaxMs,
    producerIdExpirationMs: settings.producerIdExpirationMs,
  }
}
