/** OffsetDelete: forgets what a group has committed for partitions that it does not read. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { offsetDelete } from "../../protocol/messages/offset-delete.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { answerLater, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof offsetDelete>

const failed = (errorCode: ErrorCode): Response => ({ errorCode, topics: [] })

export function handleOffsetDelete(
  request: RequestOf<typeof offsetDelete>,
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
    (reply) => found.coordinator.offsetDelete(request, originOf(context), reply),
  )
}
