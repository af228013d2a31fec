/**
 * What the heartbeat of one member and the JoinGroup of another (a classic one in a group of the
 * new protocol) have in common: subscription → group epoch → target → the member's next step.
 */
import type { CoordinatorRecord } from "../ports.ts"
import type { Found } from "./find-member.ts"
import type { GroupContext } from "./group-context.ts"
import * as recordOf from "./group-records.ts"
import { equalMembers, equalNames, isReconciledTo } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { metadataHash } from "./metadata-hash.ts"
import type { ReportedPartitions } from "./owned-partitions.ts"
import { reconcile } from "./reconcile.ts"
import { isRefused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"
import { updateRegexes } from "./regexes.ts"
import type { RegexUpdate } from "./regexes.ts"
import { membersWith, subscribedTopicIds, subscriptionsOf } from "./subscriptions.ts"
import { nextTarget } from "./target-assignment.ts"
import type { Target } from "./target-assignment.ts"

export interface Step {
  readonly found: Found
  /** The member with what the request says of it. */
  readonly updated: ConsumerMember
  readonly reported: ReportedPartitions | null
}

export interface Subscribed {
  readonly records: ReadonlyArray<CoordinatorRecord>
  readonly groupEpoch: number
  readonly isHomogeneous: () => boolean
  readonly subscriptionChanged: boolean
  /** The group's metadata hash was compared with the topics as they are. */
  readonly isFresh: boolean
  readonly unresolved: RegexUpdate["unresolved"]
}

export interface Advance {
  readonly member: ConsumerMember
  readonly records: ReadonlyArray<CoordinatorRecord>
  readonly replacedId: string | undefined
  /** Its current assignment moved: its deadline for revoking is set anew or void. */
  readonly isReconciled: boolean
  readonly isFresh: boolean
  readonly unresolved: ReadonlyArray<string>
}

export function advanceMember(
  context: GroupContext,
  step: Step,
  bumpAt: BumpAt,
): Advance | Refused {
  const subscribed = subscribe(context, step, bumpAt)
  if (isRefused(subscribed)) return subscribed
  const { updated, found } = step
  const target = nextTarget(context, {
    updated,
    replacedId: found.replacedId,
    groupEpoch: subscribed.groupEpoch,
    isHomogeneous: subscribed.isHomogeneous,
  })
  const member = reconcileMember(context, step, subscribed, target)
  if (isRefused(member)) return member
  const isReconciled = !equalMembers(member, updated)
  const { groupId } = context.group
  return {
    member,
    records: [
      ...subscribed.records,
      ...target.records,
      ...(isReconciled ? [recordOf.currentAssignment(groupId, member)] : []),
    ],
    replacedId: found.replacedId,
    isReconciled,
    isFresh: subscribed.isFresh,
    unresolved: subscribed.unresolved,
  }
}

/**
 * A changed regex moves the group's epoch when its topics are known (a heartbeat), or in any case
 * (a JoinGroup, which drops the regex).
 */
export type BumpAt = "resolved" | "updated"

/** The member's own record and the group's epoch. */
export function subscribe(
  context: GroupContext,
  { found, updated }: Step,
  bumpAt: BumpAt,
): Subscribed | Refused {
  const { group, host } = context
  const { member: before, replacedId } = found
  const records: CoordinatorRecord[] = [...found.records]
  if (!equalMembers(before, updated)) records.push(recordOf.memberMetadata(group.groupId, updated))
  const namesChanged = !equalNames(before.subscribedTopicNames, updated.subscribedTopicNames)
  const regexes = updateRegexes(context, before, updated)
  if (isRefused(regexes)) return regexes
  records.push(...regexes.records)
  const subscriptionChanged = namesChanged || regexes.change !== "none"
  const mustBump =
    namesChanged ||
    regexes.change === "resolved" ||
    (bumpAt === "updated" && regexes.change === "updated")
  // Costly in large groups, and most heartbeats need it not.
  const subscriptions = () =>
    subscriptionsOf(membersWith(group, updated, replacedId), group.resolvedRegexes)
  const isFresh = mustBump || context.hasStaleMetadata
  let groupEpoch = group.groupEpoch
  if (isFresh) {
    const hash = metadataHash(subscriptions().topicNames, host.topics)
    if (mustBump || hash !== group.metadataHash) {
      groupEpoch++
      records.push(recordOf.groupMetadata(group.groupId, groupEpoch, hash))
    }
    if (group.hasPartitionMetadata) records.push(recordOf.partitionMetadataTombstone(group.groupId))
  }
  const { unresolved } = regexes
  return {
    records,
    groupEpoch,
    isHomogeneous: () => subscriptions().isHomogeneous,
    subscriptionChanged,
    isFresh,
    unresolved,
  }
}

export function reconcileMember(
  { group, host }: GroupContext,
  { updated, reported }: Step,
  { subscriptionChanged }: Subscribed,
  target: Pick<Target, "epoch" | "partitions">,
): ConsumerMember | Refused {
  if (!subscriptionChanged && isReconciledTo(updated, target.epoch)) return updated
  return reconcile(updated, {
    targetEpoch: target.epoch,
    target: target.partitions,
    subscribedTopicIds: subscribedTopicIds(updated, group.resolvedRegexes, host.topics),
    subscriptionChanged,
    isOwned: (topicId, partition) => group.isOwned(topicId, partition),
    reported,
  })
}
