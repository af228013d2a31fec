/** From a topic's configs and the broker's settings to what its partitions act on. */
import type { TopicInfo } from "../cluster/image.ts"
import { brokerValue } from "../cluster/configs/broker-layers.ts"
import type { BrokerLayers } from "../cluster/configs/broker-layers.ts"
import { topicConfigKey, topicValue } from "../cluster/topic-configs.ts"
import { defaultPartitionConfig } from "../partition/partition-config.ts"
import type { PartitionConfig } from "../partition/partition-config.ts"
import type { NodeSettings } from "./ports.ts"

export function partitionConfig(
  topic: Pick<TopicInfo, "configs">,
  settings: NodeSettings,
  layers: BrokerLayers,
): PartitionConfig {
  const text = (name: string): string => {
    const key = topicConfigKey(name)
    if (key === undefined) throw new Error(`no topic config is named ${name}`)
    return topicValue(key, topic.configs, layers)
  }
  const number = (name: string) => wholeNumber(text(name))
  const policies = text("cleanup.policy").split(",")
  const producerIdExpirationMs = brokerValue(layers, "producer.id.expiration.ms")
  return {
    ...defaultPartitionConfig,
    minInSyncReplicas: number("min.insync.replicas"),
    maxMessageBytes: number("max.message.bytes"),
    timestampType:
      text("message.timestamp.type") === "LogAppendTime" ? "LogAppendTime" : "CreateTime",
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
    minCleanableDirtyRatio: Number.parseFloat(text("min.cleanable.dirty.ratio")),
    fileDeleteDelayMs: number("file.delete.delay.ms"),
    replicaLagTimeMaxMs: settings.replicaLagTimeMaxMs,
    producerIdExpirationMs:
      producerIdExpirationMs === null
        ? settings.producerIdExpirationMs
        : wholeNumber(producerIdExpirationMs),
  }
}

/** What no double holds is as good as without end. */
function wholeNumber(text: string): number {
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : Number.MAX_SAFE_INTEGER
}
