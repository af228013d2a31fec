/** A heartbeat with a negative epoch: a member leaves, for good or (a static one) for a while. */
import type { CoordinatorRecord } from "../ports.ts"
import type { HeartbeatRequest } from "./check-heartbeat.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import { checkInstance, unknownInstance, unknownMember } from "./find-member.ts"
import { staticLeaveEpoch } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import type { Refused } from "./refusal.ts"
import { staticLeaveRecord } from "./remove-members.ts"

export interface Leave {
  readonly member: ConsumerMember
  /** It keeps its place; undefined: it is to be removed. */
  readonly record: CoordinatorRecord | undefined
}

export function decideLeave(
  group: ConsumerGroup,
  { memberId, memberEpoch, instanceId }: HeartbeatRequest,
): Leave | Refused {
  if (instanceId === null) {
    const member = group.members.get(memberId)
    return member === undefined ? unknownMember(group, memberId) : { member, record: undefined }
  }
  const member = group.staticMember(instanceId)
  if (member === undefined) return unknownInstance(instanceId)
  const fenced = checkInstance(member, memberId, instanceId)
  if (fenced !== undefined) return fenced
  const isForAWhile = memberEpoch === staticLeaveEpoch
  const record = isForAWhile ? staticLeaveRecord(group.groupId, member) : undefined
  return { member, record }
}
