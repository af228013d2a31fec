/**
 * JoinGroup: answered when the rebalance that it asks for is done, at once where there is nothing
 * to wait for. How long that may take is the group's to know.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { joinGroup } from "../../protocol/messages/join-group.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { answerLater, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Request = RequestOf<typeof joinGroup>
type Response = ResponseInput<typeof joinGroup>

/** Before it the name is not nullable. */
const nullableProtocolVersion = 7

export function handleJoinGroup(request: Request, context: RequestContext): Outcome {
  const { node, apiVersion } = context
  const { groupMinSessionTimeoutMs, groupMaxSessionTimeoutMs } = node.settings.groups
  const failed = (errorCode: ErrorCode): Response => ({
    errorCode,
    generationId: -1,
    protocolName: apiVersion >= nullableProtocolVersion ? null : "",
    leader: "",
    memberId: request.memberId,
    members: [],
  })
  const { groupId, sessionTimeoutMs } = request
  if (groupId === "") return answer(failed(ErrorCode.INVALID_GROUP_ID))
  if (sessionTimeoutMs < groupMinSessionTimeoutMs || sessionTimeoutMs > groupMaxSessionTimeoutMs) {
    return answer(failed(ErrorCode.INVALID_SESSION_TIMEOUT))
  }
  const found = node.coordination.find(groupId)
  if (found._tag === "refused") return answer(failed(found.errorCode))
  return answerLater<Response>(
    context,
    Number.POSITIVE_INFINITY,
    () => failed(ErrorCode.COORDINATOR_NOT_AVAILABLE),
    (reply) => found.coordinator.joinGroup(request, originOf(context), reply),
  )
}
