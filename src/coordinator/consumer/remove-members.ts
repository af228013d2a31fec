/**
 * Members that leave or are fenced: out of the group, whose epoch moves so that others get theirs.
 */
import type { CoordinatorRecord } from "../ports.ts"
import type { GroupContext } from "./group-context.ts"
import * as recordOf from "./group-records.ts"
import { staticLeaveEpoch } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { metadataHash } from "./metadata-hash.ts"
import { nonePartitions, partitionsOf, withEpoch } from "./owned-partitions.ts"
import { abandonedRegexes } from "./regexes.ts"
import { subscriptionsOf } from "./subscriptions.ts"

export function removalRecords(
  { group, host }: GroupContext,
  gone: ReadonlyArray<ConsumerMember>,
): CoordinatorRecord[] {
  const { groupId } = group
  const ids = new Set(gone.map(({ memberId }) => memberId))
  const left = [...group.members.values()].filter(({ memberId }) => !ids.has(memberId))
  const { topicNames } = subscriptionsOf(left, group.resolvedRegexes)
  return [
    ...gone.flatMap(({ memberId }) => recordOf.memberTombstones(groupId, memberId)),
    ...abandonedRegexes(group, gone).map((regex) =>
      recordOf.regularExpressionTombstone(groupId, regex),
    ),
    recordOf.groupMetadata(groupId, group.groupEpoch + 1, metadataHash(topicNames, host.topics)),
  ]
}

/**
 * A static member that leaves for a while keeps its place and its partitions until its session
 * expires. Whoever comes back under its instance id commits in the epoch it gets.
 */
export const staticLeaveRecord = (groupId: string, member: ConsumerMember): CoordinatorRecord =>
  recordOf.currentAssignment(groupId, {
    ...member,
    memberEpoch: staticLeaveEpoch,
    assigned: withEpoch(partitionsOf(member.assigned), 0),
    pendingRevocation: nonePartitions,
  })
