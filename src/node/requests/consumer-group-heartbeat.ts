/**
 * ConsumerGroupHeartbeat (KIP-848): joining, staying, saying what is owned and leaving, in one; the
 * answer brings the assignment when it has changed.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { consumerGroupHeartbeat } from "../../protocol/messages/consumer-group-heartbeat.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { answerLater, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof consumerGroupHeartbeat>

/** Kafka's words for the errors that say "not here". */
const messages = new Map<number, string>([
  [ErrorCode.NOT_COORDINATOR, "This is not the correct coordinator."],
  [
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    "The coordinator is loading and hence can't process requests.",
  ],
])

const failed = (errorCode: ErrorCode): Response => ({
  errorCode,
  errorMessage: messages.get(errorCode) ?? null,
  memberEpoch: 0,
  heartbeatIntervalMs: 0,
})

export function handleConsumerGroupHeartbeat(
  request: RequestOf<typeof consumerGroupHeartbeat>,
  context: RequestContext,
): Outcome {
  const { node } = context
  const found = node.coordination.find(request.groupId)
  if (found._tag === "refused") return answer(failed(found.errorCode))
  return answerLater<Response>(
    context,
    node.settings.offsetsCommitTimeoutMs,
    () => failed(ErrorCode.COORDINATOR_NOT_AVAILABLE),
    (reply) => found.coordinator.consumerGroupHeartbeat(request, originOf(context), reply),
  )
}
