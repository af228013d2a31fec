/** What is wrong with a ConsumerGroupHeartbeat by itself, before any group is looked at. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { consumerGroupHeartbeat } from "../../protocol/messages/consumer-group-heartbeat.ts"
import type { RequestOf } from "../../protocol/schema.ts"
import { staticLeaveEpoch } from "./member.ts"
import { refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"

export type HeartbeatRequest = RequestOf<typeof consumerGroupHeartbeat>

const invalid = (message: string): Refused => refused(ErrorCode.INVALID_REQUEST, message)

const isBlank = (text: string | null): boolean => text !== null && text.trim() === ""

export function checkHeartbeat(
  request: HeartbeatRequest,
  apiVersion: number,
  assignorNames: ReadonlyArray<string>,
): Refused | undefined {
  const { memberEpoch, serverAssignor } = request
  // From version 1 on members name themselves; before, only who joins may leave the name open.
  const isNamed = apiVersion >= 1 || memberEpoch > 0 || memberEpoch === -1
  if (isNamed && isBlank(request.memberId)) return invalid("MemberId can't be empty.")
  if (isBlank(request.groupId)) return invalid("GroupId can't be empty.")
  if (isBlank(request.instanceId)) return invalid("InstanceId can't be empty.")
  if (isBlank(request.rackId)) return invalid("RackId can't be empty.")
  const refusal = memberEpoch === 0 ? checkJoin(request) : checkEpoch(request)
  if (refusal !== undefined) return refusal
  if (serverAssignor === null || assignorNames.includes(serverAssignor)) return undefined
  return refused(
    ErrorCode.UNSUPPORTED_ASSIGNOR,
    `ServerAssignor ${serverAssignor} is not supported. ` +
      `Supported assignors: ${assignorNames.join(", ")}.`,
  )
}

function checkJoin(request: HeartbeatRequest): Refused | undefined {
  if (request.rebalanceTimeoutMs === -1) {
    return invalid("RebalanceTimeoutMs must be provided in first request.")
  }
  if (request.topicPartitions === null || request.topicPartitions.length > 0) {
    return invalid("TopicPartitions must be empty when (re-)joining.")
  }
  if (request.subscribedTopicNames === null && request.subscribedTopicRegex === null) {
    return invalid(
      "Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.",
    )
  }
  return undefined
}

function checkEpoch({ memberEpoch, instanceId }: HeartbeatRequest): Refused | undefined {
  if (memberEpoch === staticLeaveEpoch && instanceId === null) {
    return invalid("InstanceId can't be null.")
  }
  return memberEpoch < staticLeaveEpoch ? invalid("MemberEpoch is invalid.") : undefined
}
