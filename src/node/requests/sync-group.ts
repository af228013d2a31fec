/** SyncGroup: a member gets its assignment once the group's leader has brought all of them. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { syncGroup } from "../../protocol/messages/sync-group.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { answerLater, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof syncGroup>

const failed = (errorCode: ErrorCode): Response => ({ errorCode, assignment: new Uint8Array(0) })

/** From here on a member says by which protocol it was assigned. */
const namesVersion = 5

export function handleSyncGroup(
  request: RequestOf<typeof syncGroup>,
  context: RequestContext,
): Outcome {
  // Before the coordinator is looked for, as in Kafka (KIP-559).
  const unnamed = request.protocolType === null || request.protocolName === null
  if (context.apiVersion >= namesVersion && unnamed) {
    return answer(failed(ErrorCode.INCONSISTENT_GROUP_PROTOCOL))
  }
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
