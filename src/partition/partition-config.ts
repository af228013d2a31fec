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
  /** cleanup.policy holds "delete": retention.ms and retention.bytes apply. */
  readonly cleanupDelete: boolean
  /** cleanup.policy holds "compact". */
  readonly compacted: boolean
  /** −1: without end. Kafka's limits, as are those below. */
  readonly retentionMs: number
  /** −1: without end. */
  readonly retentionBytes: number
  readonly segmentMs: number
  readonly segmentBytes: number
  readonly minCompactionLagMs: number
  readonly maxCompactionLagMs: number
  /** How long a tombstone is kept once compaction has seen it. */
  readonly deleteRetentionMs: number
  /** 0 … 1: compaction begins when so much of the log is not compacted yet. */
  readonly minCleanableDirtyRatio: number
  readonly fileDeleteDelayMs: number
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
  cleanupDelete: true,
  compacted: false,
  retentionMs: 604_800_000,
  retentionBytes: -1,
  segmentMs: 604_800_000,
  segmentBytes: 1_073_741_824,
  minCompactionLagMs: 0,
  maxCompactionLagMs: Number.MAX_SAFE_INTEGER,
  deleteRetentionMs: 86_400_000,
  minCleanableDirtyRatio: 0.5,
  fileDeleteDelayMs: 60_000,
  replicaLagTimeMaxMs: 30_000,
  producerIdExpirationMs: 86_400_000,
  producersMax: 20_000,
  backlogBytesMax: 64 << 20,
}
