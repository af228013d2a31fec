/**
 * The reconciliation of one member: from what it has towards its part of the target assignment, one
 * step at each of its heartbeats (KIP-848, "Assignment Process").
 *
 * 1. Partitions that the target does not give it are revoked first; until the member reports that
 *    it has none of them any more it stays in its epoch.
 * 2. Then it moves to the target's epoch and gets what is free.
 * 3. What others have not given up yet it waits for.
 *
 * So no partition ever belongs to two members at once, and a member that does nothing blocks only
 * the partitions that it has.
 */
import type { Uuid } from "../../protocol/schema.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { TopicPartitions } from "../assignors/assignor.ts"
import type { ConsumerMember } from "./member.ts"
import { hasPartition, mayStillOwn, nonePartitions, unionOf } from "./owned-partitions.ts"
import type { OwnedPartitions, ReportedPartitions } from "./owned-partitions.ts"
import { refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"

export interface Reconciliation {
  readonly targetEpoch: number
  /** The member's part. */
  readonly target: TopicPartitions
  readonly subscribedTopicIds: ReadonlySet<Uuid>
  /** The subscription changed with this very request. */
  readonly subscriptionChanged: boolean
  /** Some member has it, or has not yet given it up. */
  readonly isOwned: (topicId: Uuid, partition: number) => boolean
  /** What the member says it has; null: it has not said. */
  readonly reported: ReportedPartitions | null
}

/** The member after one step: the same object where there is none to take. */
export function reconcile(member: ConsumerMember, given: Reconciliation): ConsumerMember | Refused {
  switch (member.state) {
    case "stable":
      if (member.memberEpoch !== given.targetEpoch) return towardsTarget(member, given)
      return given.subscriptionChanged ? dropUnsubscribed(member, given) : member
    case "unrevokedPartitions":
      if (!mayStillOwn(given.reported, member.pendingRevocation)) {
        return towardsTarget(member, given)
      }
      return given.subscriptionChanged ? dropUnsubscribed(member, given) : member
    case "unreleasedPartitions":
      return towardsTarget(member, given)
    default:
      if (given.reported?.length === 0) return towardsTarget(member, given)
      return refused(
        ErrorCode.FENCED_MEMBER_EPOCH,
        "The consumer group member is in a unknown state. The member must abandon all its " +
          "partitions and rejoin.",
      )
  }
}

interface Split {
  /** Had and to keep. */
  readonly kept: OwnedPartitions
  /** Had and to give up. */
  readonly revoked: OwnedPartitions
  /** New and free. */
  readonly added: OwnedPartitions
  /** Some of the target is not free. */
  readonly isWaiting: boolean
}

function towardsTarget(member: ConsumerMember, given: Reconciliation): ConsumerMember {
  const { kept, revoked, added, isWaiting } = split(member, given)
  if (revoked.size > 0 && mayStillOwn(given.reported, revoked)) {
    return {
      ...member,
      state: "unrevokedPartitions",
      previousMemberEpoch: member.memberEpoch,
      assigned: kept,
      pendingRevocation: revoked,
    }
  }
  return {
    ...member,
    state: isWaiting ? "unreleasedPartitions" : "stable",
    previousMemberEpoch: member.memberEpoch,
    memberEpoch: given.targetEpoch,
    assigned: unionOf(kept, added),
    pendingRevocation: nonePartitions,
  }
}

function split(member: ConsumerMember, given: Reconciliation): Split {
  const kept = new Map<Uuid, Map<number, number>>()
  const revoked = new Map<Uuid, Map<number, number>>()
  const added = new Map<Uuid, Map<number, number>>()
  let isWaiting = false
  for (const [topicId, partitions] of member.assigned) {
    const target = targetOf(given, topicId)
    for (const [partition, epoch] of partitions) {
      put(target?.has(partition) === true ? kept : revoked, topicId, partition, epoch)
    }
  }
  for (const topicId of given.target.keys()) {
    for (const partition of targetOf(given, topicId) ?? []) {
      if (hasPartition(kept, topicId, partition)) continue
      // Its own, to be revoked until now: nobody else can have it.
      const isFree =
        !given.isOwned(topicId, partition) ||
        hasPartition(member.pendingRevocation, topicId, partition)
      if (isFree) put(added, topicId, partition, given.targetEpoch)
      else isWaiting = true
    }
  }
  return { kept, revoked, added, isWaiting }
}

/** A topic that the member left since the target was made is no longer its target. */
const targetOf = (given: Reconciliation, topicId: Uuid): ReadonlySet<number> | undefined =>
  given.subscribedTopicIds.has(topicId) ? given.target.get(topicId) : undefined

function put(
  into: Map<Uuid, Map<number, number>>,
  topicId: Uuid,
  partition: number,
  epoch: number,
): void {
  const partitions = into.get(topicId)
  if (partitions === undefined) into.set(topicId, new Map([[partition, epoch]]))
  else partitions.set(partition, epoch)
}

/** Takes the topics that the member has left from it, without waiting for a new target. */
function dropUnsubscribed(member: ConsumerMember, given: Reconciliation): ConsumerMember {
  const isSubscribed = ([topicId]: readonly [Uuid, unknown]) =>
    given.subscribedTopicIds.has(topicId)
  const dropped = new Map([...member.assigned].filter((topic) => !isSubscribed(topic)))
  if (dropped.size === 0) return member
  const assigned = new Map([...member.assigned].filter(isSubscribed))
  const pendingRevocation = unionOf(member.pendingRevocation, dropped)
  const advanced = { ...member, previousMemberEpoch: member.memberEpoch, assigned }
  if (!mayStillOwn(given.reported, pendingRevocation)) return advanced
  return { ...advanced, state: "unrevokedPartitions", pendingRevocation }
}
