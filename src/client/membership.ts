/** What a consumer needs of its group, whichever protocol it speaks. */
import type { Committer } from "./offsets.ts"
import type { TopicPartition } from "./topic-partition.ts"

export interface Subscribed {
  readonly topics: ReadonlyArray<string>
  /** Instead of topics: every topic whose whole name matches; RE2's syntax on the broker's side. */
  readonly pattern?: string
}

export interface MembershipOptions {
  readonly groupId: string
  readonly groupInstanceId?: string
  readonly sessionTimeoutMs?: number
  readonly heartbeatIntervalMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly rackId?: string
}

/** Called in the order in which things must happen; the group waits for what they return. */
export interface RebalanceListener {
  /** These go to somebody else when it is done: what was read of them is to be committed now. */
  readonly revoked: (partitions: ReadonlyArray<TopicPartition>) => Promise<void>
  /** These have gone already: a commit would be refused. */
  readonly lost: (partitions: ReadonlyArray<TopicPartition>) => void
  /** The whole of what is held from now on. */
  readonly assigned: (partitions: ReadonlyArray<TopicPartition>) => Promise<void>
}

export interface Membership {
  /**
   * Joins, or follows a change of the group; returns at once when there is nothing to do. Rejects
   * with `KafkaError` for what does not pass.
   */
  readonly update: () => Promise<void>
  /** Whether `update` has something to do. */
  readonly pending: () => boolean
  /** Undefined outside the group. */
  readonly committer: () => Committer | undefined
  /** Leaves; a static member of the classic protocol stays a member until its session ends. */
  readonly leave: () => Promise<void>
}
