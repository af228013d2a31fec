/**
 * A heartbeat of a member that stays or joins (KIP-848), as a decision: the group as it is and the
 * request → records and the answer for when they are applied.
 *
 * 1. The member is made or changed; the group's epoch moves if what it subscribes to changed, or if
 *    the topics did.
 * 2. The target assignment follows, when it may.
 * 3. The member is reconciled with it, by one step.
 */
import type { consumerGroupHeartbeat } from "../../protocol/messages/consumer-group-heartbeat.ts"
import type { ResponseInput } from "../../protocol/schema.ts"
import type { CoordinatorRecord, RequestOrigin } from "../ports.ts"
import type { HeartbeatRequest } from "./check-heartbeat.ts"
import { checkGroupSize, findMember } from "./find-member.ts"
import type { Found } from "./find-member.ts"
import { heartbeatIntervalMs } from "./group-context.ts"
import type { GroupContext } from "./group-context.ts"
import { advanceMember } from "./advance-member.ts"
import type { Advance } from "./advance-member.ts"
import { sortedNames } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { equalPartitions, listPartitions } from "./owned-partitions.ts"
import { isRefused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"

export type HeartbeatResponse = ResponseInput<typeof consumerGroupHeartbeat>

export interface HeartbeatDecision {
  readonly records: ReadonlyArray<CoordinatorRecord>
  readonly response: HeartbeatResponse
  readonly advance: Advance
}

export function decideHeartbeat(
  context: GroupContext,
  request: HeartbeatRequest,
  origin: RequestOrigin,
): HeartbeatDecision | Refused {
  const { group, host } = context
  const full = checkGroupSize(group, request.memberId, host.settings.groupConsumerMaxSize)
  if (full !== undefined) return full
  const memberId = request.memberId === "" ? host.nextUuid() : request.memberId
  const found = findMember(group, {
    memberId,
    instanceId: request.instanceId,
    memberEpoch: request.memberEpoch,
    reported: request.topicPartitions,
    mayJoin: request.memberEpoch === 0,
  })
  if (isRefused(found)) return found
  const updated = updatedMember(found, request, origin)
  const step = { found, updated, reported: request.topicPartitions }
  const advance = advanceMember(context, step, "resolved")
  if (isRefused(advance)) return advance
  const { member } = advance
  const isFull = isFullRequest(request) || !equalPartitions(found.member.assigned, member.assigned)
  return {
    records: advance.records,
    advance,
    response: {
      throttleTimeMs: 0,
      errorCode: 0,
      memberId: member.memberId,
      memberEpoch: member.memberEpoch,
      heartbeatIntervalMs: heartbeatIntervalMs(host, group.groupId),
      assignment: isFull ? { topicPartitions: listPartitions(member.assigned) } : null,
    },
  }
}

const updatedMember = (
  { member }: Found,
  request: HeartbeatRequest,
  origin: RequestOrigin,
): ConsumerMember => ({
  ...member,
  instanceId: request.instanceId ?? member.instanceId,
  rackId: request.rackId ?? member.rackId,
  rebalanceTimeoutMs:
    request.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
  serverAssignor: request.serverAssignor ?? member.serverAssignor,
  subscribedTopicNames:
    request.subscribedTopicNames === null
      ? member.subscribedTopicNames
      : sortedNames(request.subscribedTopicNames),
  subscribedTopicRegex: request.subscribedTopicRegex ?? member.subscribedTopicRegex,
  clientId: origin.clientId,
  clientHost: origin.clientHost,
  classic: null,
})

/**
 * One that says everything wants to hear everything: a member that (re)joins, or lost an answer.
 */
const isFullRequest = (request: HeartbeatRequest): boolean =>
  request.memberEpoch === 0 ||
  (request.rebalanceTimeoutMs !== -1 &&
    (request.subscribedTopicNames !== null || request.subscribedTopicRegex !== null) &&
    request.topicPartitions !== null)
