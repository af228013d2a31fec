/** LeaveGroup: members go at once, instead of being missed after their session. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { leaveGroup } from "../../protocol/messages/leave-group.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { answerLater, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof leaveGroup>

const failed = (errorCode: ErrorCode): Response => ({ errorCode, members: [] })

export function handleLeaveGroup(
  request: RequestOf<typeof leaveGroup>,
  context: RequestContext,
): Outcome {
  const { node } = context
  if (request.groupId === "") return answer(failed(ErrorCode.INVALID_GROUP_ID))
  const found = node.coordination.find(request.groupId)
  if (found._tag === "refused") return answer(failed(found.errorCode))
  return answerLater<Response>(
    context,
    node.settings.offsetsCommitTimeoutMs,
    () => failed(ErrorCode.COORDINATOR_NOT_AVAILABLE),
    (reply) => found.coordinator.leaveGroup(request, originOf(context), reply),
  )
}
