/**
 * What a server-side assignor of KIP-848 sees and gives: members with their subscriptions and the
 * target assignment they have, topics with their partitions → the next target assignment.
 *
 * Pure and total: topics that do not exist are not in a member's `topicIds`. Names and error codes
 * are not known here.
 */
import type { Uuid } from "../../protocol/schema.ts"

export type TopicPartitions = ReadonlyMap<Uuid, ReadonlySet<number>>

export interface MemberSpec {
  readonly instanceId: string | null
  /** Taken and kept; neither of Kafka's two assignors looks at racks any more (4.0). */
  readonly rackId: string | null
  readonly topicIds: ReadonlySet<Uuid>
  /**
   * The member's part of the present target assignment; may name topics it left or that are gone.
   */
  readonly assigned: TopicPartitions
}

export interface GroupSpec {
  readonly members: ReadonlyMap<string, MemberSpec>
  /** All members subscribe to the same topics. */
  readonly isHomogeneous: boolean
  /** Number of partitions of a topic that some member subscribes to. */
  readonly partitionsOf: (topicId: Uuid) => number
}

/** Every partition of every subscribed topic belongs to exactly one subscriber. */
export type Assignor = (spec: GroupSpec) => ReadonlyMap<string, TopicPartitions>
