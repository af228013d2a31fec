/**
 * InitProducerId for idempotent producers: a fresh id with epoch 0. Ids come in blocks that the
 * metadata group hands to each broker, so that no two brokers ever give the same one.
 *
 * Transactional ids are not served (FindCoordinator names no coordinator for them, so clients do
 * not get here): COORDINATOR_NOT_AVAILABLE is what Kafka says when the transaction coordinator
 * cannot be had.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { initProducerId } from "../../protocol/messages/init-producer-id.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { metadataKey } from "../waiting.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof initProducerId>

/** How long a request waits for a block before the client is told to come back. */
const blockWaitMs = 5000
/** transaction.max.timeout.ms. */
const transactionTimeoutMaxMs = 900_000

const failed = (errorCode: number): Outcome =>
  answer({ errorCode, producerId: -1, producerEpoch: -1 } satisfies Response)

function transactional(id: string, timeoutMs: number): Outcome {
  if (id === "") return failed(ErrorCode.INVALID_REQUEST)
  if (timeoutMs <= 0 || timeoutMs > transactionTimeoutMaxMs) {
    return failed(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
  }
  return failed(ErrorCode.COORDINATOR_NOT_AVAILABLE)
}

export function handleInitProducerId(
  request: RequestOf<typeof initProducerId>,
  context: RequestContext,
): Outcome {
  if (request.transactionalId !== null) {
    return transactional(request.transactionalId, request.transactionTimeoutMs)
  }
  const attempt = (nowMs: number, expired: boolean): Outcome => {
    const producerId = context.node.nextProducerId(nowMs)
    if (producerId !== undefined) {
      return answer({ errorCode: ErrorCode.NONE, producerId, producerEpoch: 0 } satisfies Response)
    }
    if (expired) return failed(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
    return {
      _tag: "wait",
      keys: [metadataKey],
      deadlineMs: context.nowMs + blockWaitMs,
      retry: attempt,
    }
  }
  return attempt(context.nowMs, false)
}
