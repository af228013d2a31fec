/** SyncGroup in a classic group: the leader's assignment is stored, then handed out. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { syncGroup } from "../../protocol/messages/sync-group.ts"
import type { RequestOf } from "../../protocol/schema.ts"
import { noStep } from "../operations.ts"
import type { Step } from "../operations.ts"
import { ownBytes } from "../own-bytes.ts"
import { encodeClassicGroup } from "./classic-group.ts"
import type { LiveGroup } from "./live-group.ts"
import type { Member, SyncResponse } from "./member.ts"
import type { Rebalancer } from "./rebalance.ts"

export type SyncRequest = RequestOf<typeof syncGroup>

const check = (group: LiveGroup, request: SyncRequest): ErrorCode => {
  const member = group.checkMember(request.memberId, request.groupInstanceId)
  if (member !== ErrorCode.NONE) return member
  if (request.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  const { protocolType, protocolName } = request
  const isOther =
    (protocolType !== null && protocolType !== group.protocolType) ||
    (protocolName !== null && group.protocolName !== null && protocolName !== group.protocolName)
  return isOther ? ErrorCode.INCONSISTENT_GROUP_PROTOCOL : ErrorCode.NONE
}

export const sync = (
  rebalancer: Rebalancer,
  group: LiveGroup,
  request: SyncRequest,
  reply: (response: SyncResponse) => void,
  nowMs: number,
): Step => {
  const errorCode = group.isEmpty ? ErrorCode.UNKNOWN_MEMBER_ID : check(group, request)
  const member = group.members.get(request.memberId)
  if (errorCode !== ErrorCode.NONE || member === undefined) {
    reply({ errorCode })
    return noStep
  }
  switch (group.state) {
    case "CompletingRebalance":
      return waitForAssignment(rebalancer, group, member, { request, reply })
    case "Stable":
      rebalancer.synced(group, member.memberId)
      // Kafka lets the session run on here. But whoever is told what it owns takes its time from
      // now: after a coordinator was lost, another would own it while the member still may.
      rebalancer.renewSession(group, member, nowMs)
      reply({
        errorCode: ErrorCode.NONE,
        protocolType: group.protocolType,
        protocolName: group.protocolName,
        assignment: member.assignment,
      })
      return noStep
    case "PreparingRebalance":
    case "Empty":
  }
  reply({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  return noStep
}

interface Sync {
  readonly request: SyncRequest
  readonly reply: (response: SyncResponse) => void
}

const waitForAssignment = (
  rebalancer: Rebalancer,
  group: LiveGroup,
  member: Member,
  { request, reply }: Sync,
): Step => {
  // Sent twice: its client gave the earlier one up.
  member.answerSync({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
  member.syncing = reply
  rebalancer.synced(group, member.memberId)
  return group.isLeader(member.memberId) ? store(rebalancer, group, request) : noStep
}

const store = (rebalancer: Rebalancer, group: LiveGroup, request: SyncRequest): Step => {
  const assignments = new Map(
    request.assignments.map((one) => [one.memberId, ownBytes(one.assignment)]),
  )
  return {
    records: [encodeClassicGroup(group.committed(assignments))],
    settled: (error, nowMs) => {
      if (error === ErrorCode.NONE) {
        rebalancer.handOut(group, assignments, nowMs)
        return undefined
      }
      rebalancer.withdrawAssignments(group, error, nowMs)
      return rebalancer.prepare(group, "its assignment could not be stored", nowMs)
    },
  }
}
