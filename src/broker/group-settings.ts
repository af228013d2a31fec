/**
 * Kafka's settings of the group coordinator, by Kafka's names: `group.*` and `offsets.*`, with
 * Kafka's defaults and bounds, and what the node takes of them.
 */
import type { NodeSettings } from "../node/node.ts"
import { int, listOf, oneOf } from "./setting-kinds.ts"
import type { SettingKind } from "./setting-kinds.ts"

const int32Max = 2 ** 31 - 1
const int64Max = Number.MAX_SAFE_INTEGER
const positive = { min: 1, max: int32Max }
const any = { min: 0, max: int32Max }

export const groupSettingKinds = {
  "group.min.session.timeout.ms": int(6_000, any),
  "group.max.session.timeout.ms": int(1_800_000, any),
  "group.initial.rebalance.delay.ms": int(3_000, any),
  "group.max.size": int(int32Max, positive),
  "group.consumer.session.timeout.ms": int(45_000, positive),
  "group.consumer.min.session.timeout.ms": int(45_000, positive),
  "group.consumer.max.session.timeout.ms": int(60_000, positive),
  "group.consumer.heartbeat.interval.ms": int(5_000, positive),
  "group.consumer.min.heartbeat.interval.ms": int(5_000, positive),
  "group.consumer.max.heartbeat.interval.ms": int(15_000, positive),
  "group.consumer.max.size": int(int32Max, positive),
  "group.consumer.assignors": listOf(["uniform", "range"], ["uniform", "range"]),
  "group.consumer.migration.policy": oneOf("bidirectional", [
    "bidirectional",
    "upgrade",
    "downgrade",
    "disabled",
  ]),
  "group.consumer.assignment.interval.ms": int(1_000, any),
  "group.consumer.min.assignment.interval.ms": int(0, any),
  "group.consumer.max.assignment.interval.ms": int(15_000, any),
  "group.consumer.regex.refresh.interval.ms": int(600_000, { min: 10_000, max: int32Max }),
  "offset.metadata.max.bytes": int(4_096, any),
  "offsets.retention.minutes": int(10_080, positive),
  "offsets.retention.check.interval.ms": int(600_000, { min: 1, max: int64Max }),
  "offsets.commit.timeout.ms": int(5_000, positive),
  "offsets.topic.replication.factor": int(3, { min: 1, max: 32_767 }),
  "offsets.topic.num.partitions": int(50, { min: 1, max: 10_000 }),
  "offsets.topic.segment.bytes": int(104_857_600, positive),
  "offsets.topic.compression.codec": int(0, { min: 0, max: 4 }),
} as const satisfies Record<string, SettingKind>

type ValueOf<K> = K extends SettingKind<infer A> ? A : never
type GroupSettingValues = {
  readonly [K in keyof typeof groupSettingKinds]: ValueOf<(typeof groupSettingKinds)[K]>
}

/** By Kafka's numbers. */
const compressions = ["none", "gzip", "snappy", "lz4", "zstd"] as const

export function groupNodeSettings(
  values: GroupSettingValues,
): Pick<
  NodeSettings,
  | "groups"
  | "offsetsCommitTimeoutMs"
  | "offsetsTopicNumPartitions"
  | "offsetsTopicReplicationFactor"
  | "offsetsTopicSegmentBytes"
  | "offsetsTopicCompression"
> {
  return {
    offsetsCommitTimeoutMs: values["offsets.commit.timeout.ms"],
    offsetsTopicNumPartitions: values["offsets.topic.num.partitions"],
    offsetsTopicReplicationFactor: values["offsets.topic.replication.factor"],
    offsetsTopicSegmentBytes: values["offsets.topic.segment.bytes"],
    offsetsTopicCompression: compressions[values["offsets.topic.compression.codec"]] ?? "none",
    groups: {
      groupMinSessionTimeoutMs: values["group.min.session.timeout.ms"],
      groupMaxSessionTimeoutMs: values["group.max.session.timeout.ms"],
      groupInitialRebalanceDelayMs: values["group.initial.rebalance.delay.ms"],
      groupMaxSize: values["group.max.size"],
      groupConsumerSessionTimeoutMs: values["group.consumer.session.timeout.ms"],
      groupConsumerMinSessionTimeoutMs: values["group.consumer.min.session.timeout.ms"],
      groupConsumerMaxSessionTimeoutMs: values["group.consumer.max.session.timeout.ms"],
      groupConsumerHeartbeatIntervalMs: values["group.consumer.heartbeat.interval.ms"],
      groupConsumerMinHeartbeatIntervalMs: values["group.consumer.min.heartbeat.interval.ms"],
      groupConsumerMaxHeartbeatIntervalMs: values["group.consumer.max.heartbeat.interval.ms"],
      groupConsumerMaxSize: values["group.consumer.max.size"],
      groupConsumerAssignors: values["group.consumer.assignors"],
      groupConsumerMigrationPolicy: values["group.consumer.migration.policy"],
      groupConsumerAssignmentIntervalMs: values["group.consumer.assignment.interval.ms"],
      groupConsumerMinAssignmentIntervalMs: values["group.consumer.min.assignment.interval.ms"],
      groupConsumerMaxAssignmentIntervalMs: values["group.consumer.max.assignment.interval.ms"],
      groupConsumerRegexRefreshIntervalMs: values["group.consumer.regex.refresh.interval.ms"],
      offsetMetadataMaxBytes: values["offset.metadata.max.bytes"],
      offsetsRetentionMinutes: values["offsets.retention.minutes"],
      offsetsRetentionCheckIntervalMs: values["offsets.retention.check.interval.ms"],
    },
  }
}

/** [smaller or equal, larger]: Kafka refuses to start otherwise. */
const inOrder = [
  ["group.min.session.timeout.ms", "group.max.session.timeout.ms"],
  ["group.consumer.min.session.timeout.ms", "group.consumer.session.timeout.ms"],
  ["group.consumer.session.timeout.ms", "group.consumer.max.session.timeout.ms"],
  ["group.consumer.min.heartbeat.interval.ms", "group.consumer.heartbeat.interval.ms"],
  ["group.consumer.heartbeat.interval.ms", "group.consumer.max.heartbeat.interval.ms"],
  ["group.consumer.min.assignment.interval.ms", "group.consumer.assignment.interval.ms"],
  ["group.consumer.assignment.interval.ms", "group.consumer.max.assignment.interval.ms"],
] as const

/** What is wrong with the settings together, as one line. */
export function groupSettingsProblem(values: GroupSettingValues): string | undefined {
  for (const [smaller, larger] of inOrder) {
    if (values[smaller] <= values[larger]) continue
    return (
      `setting ${larger} has the value "${values[larger]}"; expected at least that of ` +
      `${smaller}, ${values[smaller]}`
    )
  }
  const heartbeat = values["group.consumer.heartbeat.interval.ms"]
  const session = values["group.consumer.session.timeout.ms"]
  if (heartbeat < session) return undefined
  return (
    `setting group.consumer.heartbeat.interval.ms has the value "${heartbeat}"; expected less ` +
    `than group.consumer.session.timeout.ms, ${session}`
  )
}
