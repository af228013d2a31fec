/**
 * Kafka's settings of logs that stand in for topic configs, by Kafka's names, with Kafka's bounds.
 * What was given goes to the node as text: a topic's own config comes first, and what was altered
 * while brokers run (src/cluster/configs/broker-layers.ts).
 *
 * log.retention.ms stands before …minutes before …hours, log.roll.ms before log.roll.hours.
 */
import { boolean, decimal, given, int, limit, listOf } from "./setting-kinds.ts"
import type { SettingKind } from "./setting-kinds.ts"

const int32Max = 2 ** 31 - 1
const int64Max = Number.MAX_SAFE_INTEGER
const anyInt64 = { min: 0, max: int64Max }

export const logSettingKinds = {
  "log.retention.ms": given(limit(-1, { min: 1, max: int64Max })),
  "log.retention.minutes": given(limit(-1, { min: 1, max: int32Max })),
  "log.retention.hours": limit(168, { min: 1, max: int32Max }),
  "log.retention.bytes": limit(-1, anyInt64),
  "log.retention.check.interval.ms": int(300_000, { min: 1, max: int64Max }),
  "log.cleanup.policy": listOf(["delete"], ["delete", "compact"]),
  "log.segment.bytes": int(1_073_741_824, { min: 1024 * 1024, max: int32Max }),
  "log.segment.delete.delay.ms": int(60_000, anyInt64),
  "log.roll.ms": given(int(-1, { min: 1, max: int64Max })),
  "log.roll.hours": int(168, { min: 1, max: int32Max }),
  "log.cleaner.enable": boolean(true),
  "log.cleaner.backoff.ms": int(15_000, anyInt64),
  "log.cleaner.dedupe.buffer.size": int(134_217_728, { min: 1024 * 1024, max: int64Max }),
  "log.cleaner.delete.retention.ms": int(86_400_000, anyInt64),
  "log.cleaner.min.compaction.lag.ms": int(0, anyInt64),
  "log.cleaner.max.compaction.lag.ms": int(int64Max, { min: 1, max: int64Max }),
  "log.cleaner.min.cleanable.ratio": decimal(0.5, { min: 0, max: 1 }),
} as const satisfies Record<string, SettingKind>
