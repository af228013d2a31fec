/** Heartbeat: a member is alive, and hears whether a rebalance is under way. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { heartbeat } from "../../protocol/messages/heartbeat.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { answerLater, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof heartbeat>

const failed = (errorCode: ErrorCode): Response => ({ errorCode })

export function handleHeartbeat(
  request: RequestOf<typeof heartbeat>,
  context: RequestContext,
): Outcome {
  const { node } = context
  if (request.groupId === "") return answer(failed(ErrorCode.INVALID_GROUP_ID))
  const found = node.coordination.find(request.groupId)
  if (found._tag === "refused") {
    // Kafka's answer while it loads: nobody is to leave for that.
    const isLoading = found.errorCode === ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    return answer(failed(isLoading ? ErrorCode.NONE : found.errorCode))
  }
  return answerLater<Response>(
    context,
    node.settings.offsetsCommitTimeoutMs,
    () => failed(ErrorCode.COORDINATOR_NOT_AVAILABLE),
    (reply) => found.coordinator.heartbeat(request, originOf(context), reply),
  )
}
