/** A topic's settings as far as its partitions act on them; replaced as a whole at a change. */
export interface PartitionConfig {
  /** min.insync.replicas; more than there are replicas counts as all of them, as in Kafka 4. */
  readonly minInSyncReplicas: number
  /** max.message.bytes, checked by `validateProduceBatch`. */
  readonly maxMessageBytes: number
  readonly timestampType: "CreateTime" | "LogAppendTime"
  /** message.timestamp.before.max.ms and …after.max.ms, checked by `validateProduceBatch`. */
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly compacted: boolean
  readonly replicaLagTimeMaxMs: number
  readonly producerIdExpirationMs: number
  readonly producersMax: number
  /**
   * Proposed and not committed, payload bytes; at the bound appends are refused before anything is
   * proposed.
   */
  readonly backlogBytesMax: number
}

export const defaultPartitionConfig: PartitionConfig = {
  minInSyncReplicas: 1,
  maxMessageBytes: 1_048_588,
  timestampType: "CreateTime",
  timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
  timestampAfterMaxMs: 3_600_000,
  compacted: false,
  replicaLagTimeMaxMs: 30_000,
  producerIdExpirationMs: 86_400_000,
  producersMax: 20_000,
  backlogBytesMax: 64 << 20,
}
