/**
 * Kafka's `group.*` and `offsets.*` settings as far as the coordinator heeds them, under Kafka's
 * names in camel case. Bounds are checked where settings are read.
 */
export type MigrationPolicy = "bidirectional" | "upgrade" | "downgrade" | "disabled"

export interface GroupSettings {
  readonly groupMinSessionTimeoutMs: number
  readonly groupMaxSessionTimeoutMs: number
  readonly groupInitialRebalanceDelayMs: number
  readonly groupMaxSize: number
  readonly groupConsumerSessionTimeoutMs: number
  readonly groupConsumerMinSessionTimeoutMs: number
  readonly groupConsumerMaxSessionTimeoutMs: number
  readonly groupConsumerHeartbeatIntervalMs: number
  readonly groupConsumerMinHeartbeatIntervalMs: number
  readonly groupConsumerMaxHeartbeatIntervalMs: number
  readonly groupConsumerMaxSize: number
  /** Names of assignors, the default one first. */
  readonly groupConsumerAssignors: ReadonlyArray<string>
  readonly groupConsumerMigrationPolicy: MigrationPolicy
  /** KIP-1263: at least this long between two target assignments of a group. */
  readonly groupConsumerAssignmentIntervalMs: number
  readonly groupConsumerMinAssignmentIntervalMs: number
  readonly groupConsumerMaxAssignmentIntervalMs: number
  readonly groupConsumerRegexRefreshIntervalMs: number
  /** In characters, whatever its name says: as Kafka counts. */
  readonly offsetMetadataMaxBytes: number
  readonly offsetsRetentionMinutes: number
  readonly offsetsRetentionCheckIntervalMs: number
}

const int32Max = 0x7fffffff

/** Kafka 4.3's. */
export const defaultGroupSettings: GroupSettings = {
  groupMinSessionTimeoutMs: 6_000,
  groupMaxSessionTimeoutMs: 1_800_000,
  groupInitialRebalanceDelayMs: 3_000,
  groupMaxSize: int32Max,
  groupConsumerSessionTimeoutMs: 45_000,
  groupConsumerMinSessionTimeoutMs: 45_000,
  groupConsumerMaxSessionTimeoutMs: 60_000,
  groupConsumerHeartbeatIntervalMs: 5_000,
  groupConsumerMinHeartbeatIntervalMs: 5_000,
  groupConsumerMaxHeartbeatIntervalMs: 15_000,
  groupConsumerMaxSize: int32Max,
  groupConsumerAssignors: ["uniform", "range"],
  groupConsumerMigrationPolicy: "bidirectional",
  groupConsumerAssignmentIntervalMs: 1_000,
  groupConsumerMinAssignmentIntervalMs: 0,
  groupConsumerMaxAssignmentIntervalMs: 15_000,
  groupConsumerRegexRefreshIntervalMs: 600_000,
  offsetMetadataMaxBytes: 4_096,
  offsetsRetentionMinutes: 10_080,
  offsetsRetentionCheckIntervalMs: 600_000,
}
