/** What a decision about one consumer group goes by. Read only: decisions give records. */
import type { CoordinatorHost } from "../ports.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import type { NewestTopics } from "./newest-topics.ts"

export interface GroupContext {
  readonly host: CoordinatorHost
  readonly group: ConsumerGroup
  readonly nowMs: number
  /** Moves with the topics. */
  readonly topicsGeneration: number
  /** The topics may have changed since the group's metadata hash was last compared. */
  readonly hasStaleMetadata: boolean
  readonly newestTopics: NewestTopics
}

type Config =
  | "consumer.session.timeout.ms"
  | "consumer.heartbeat.interval.ms"
  | "consumer.assignment.interval.ms"

export const sessionTimeoutMs = (host: CoordinatorHost, groupId: string): number => {
  const { settings } = host
  return configured(host, groupId, "consumer.session.timeout.ms", {
    value: settings.groupConsumerSessionTimeoutMs,
    min: settings.groupConsumerMinSessionTimeoutMs,
    max: settings.groupConsumerMaxSessionTimeoutMs,
  })
}

export const heartbeatIntervalMs = (host: CoordinatorHost, groupId: string): number => {
  const { settings } = host
  return configured(host, groupId, "consumer.heartbeat.interval.ms", {
    value: settings.groupConsumerHeartbeatIntervalMs,
    min: settings.groupConsumerMinHeartbeatIntervalMs,
    max: settings.groupConsumerMaxHeartbeatIntervalMs,
  })
}

export const assignmentIntervalMs = (host: CoordinatorHost, groupId: string): number => {
  const { settings } = host
  return configured(host, groupId, "consumer.assignment.interval.ms", {
    value: settings.groupConsumerAssignmentIntervalMs,
    min: settings.groupConsumerMinAssignmentIntervalMs,
    max: settings.groupConsumerMaxAssignmentIntervalMs,
  })
}

/** A group's own value keeps to the broker's bounds, which may have moved since it was set. */
function configured(
  host: CoordinatorHost,
  groupId: string,
  name: Config,
  { value, min, max }: { readonly value: number; readonly min: number; readonly max: number },
): number {
  const own = Number.parseInt(host.groupConfig(groupId)?.get(name) ?? "", 10)
  return Number.isNaN(own) ? value : Math.min(Math.max(own, min), max)
}
