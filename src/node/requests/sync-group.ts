/** SyncGroup: a member gets its assignment once the group's leader has brought all of them. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { syncGroup } from "../../protocol/messages/sync-group.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { answerLater, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof syncGroup>

const failed = (errorCode: ErrorCode): Response => ({ errorCode, assignment: new Uint8Array(0) })

export function handleSyncGroup(
  request: RequestOf<typeof syncGroup>,
  context: RequestContext,
): Outcome {
  if (request.groupId === "") return answer(failed(ErrorCode.INVALID_GROUP_ID))
  const found = context.node.coordination.find(request.groupId)
  if (found._tag === "refused") return answer(failed(found.errorCode))
  return answerLater<Response>(
    context,
    Number.POSITIVE_INFINITY,
    () => failed(ErrorCode.COORDINATOR_NOT_AVAILABLE),
    (reply) => found.coordinator.syncGroup(request, originOf(context), reply),
  )
}
