/** LeaveGroup in a classic group, with an outcome for each member. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { leaveGroup } from "../../protocol/messages/leave-group.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { followedBy, noStep } from "../operations.ts"
import type { Step } from "../operations.ts"
import type { LiveGroup } from "./live-group.ts"
import type { Rebalancer } from "./rebalance.ts"

export type LeaveRequest = RequestOf<typeof leaveGroup>
export type LeaveResponse = ResponseInput<typeof leaveGroup>

export interface Leaving {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly reason: string | null
}

/** Before version 3 a request names one member. */
export const leavingOf = (request: LeaveRequest, apiVersion: number): ReadonlyArray<Leaving> =>
  apiVersion >= 3
    ? request.members
    : [{ memberId: request.memberId, groupInstanceId: null, reason: null }]

/** Before version 3 the one member's error is that of the answer. */
export const leaveResponse = (
  leaving: ReadonlyArray<Leaving>,
  errors: ReadonlyArray<ErrorCode>,
  apiVersion: number,
): LeaveResponse =>
  apiVersion < 3
    ? { errorCode: errors[0] ?? ErrorCode.NONE }
    : {
        members: leaving.map(({ memberId, groupInstanceId }, i) => ({
          memberId,
          groupInstanceId,
          errorCode: errors[i] ?? ErrorCode.NONE,
        })),
      }

export const leave = (
  rebalancer: Rebalancer,
  group: LiveGroup,
  leaving: ReadonlyArray<Leaving>,
  nowMs: number,
  done: (error: ErrorCode, errors: ReadonlyArray<ErrorCode>) => void,
): Step => {
  const errors = leaving.map((one) => leaveOne(rebalancer, group, one))
  const left = leaving.filter((_, i) => errors[i] === ErrorCode.NONE)
  const reason = left.map((one) => `${one.memberId} left (${one.reason ?? "not told why"})`)
  const step = left.length === 0 ? noStep : afterLeaving(rebalancer, group, reason.join(), nowMs)
  return followedBy(step, (error) => done(error, errors))
}

const afterLeaving = (
  rebalancer: Rebalancer,
  group: LiveGroup,
  reason: string,
  nowMs: number,
): Step =>
  group.state === "PreparingRebalance"
    ? rebalancer.completeIfAllJoined(group, nowMs)
    : rebalancer.afterRemoval(group, reason, nowMs)

const leaveOne = (
  rebalancer: Rebalancer,
  group: LiveGroup,
  { memberId, groupInstanceId }: Leaving,
): ErrorCode => {
  if (memberId === "") {
    const owner = groupInstanceId === null ? undefined : group.staticMemberId(groupInstanceId)
    if (owner === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    rebalancer.dropMember(group, owner)
    return ErrorCode.NONE
  }
  const isPending = group.pendingMembers.has(memberId)
  const error = isPending ? ErrorCode.NONE : group.checkMember(memberId, groupInstanceId)
  if (error === ErrorCode.NONE) rebalancer.dropMember(group, memberId)
  return error
}
