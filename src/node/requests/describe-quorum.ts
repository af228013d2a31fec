/** DescribeQuorum: answered by the leader of the metadata group, wherever it is. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { describeQuorum } from "../../protocol/messages/describe-quorum.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { decide, timedOutMessage } from "./controller-requests.ts"
import type { Outcome, RequestContext } from "./outcome.ts"

const decideWaitMs = 30_000

const timedOut = (): ResponseInput<typeof describeQuorum> => ({
  errorCode: ErrorCode.REQUEST_TIMED_OUT,
  errorMessage: timedOutMessage,
})

const topics = (): ReadonlyArray<string> => []

export function handleDescribeQuorum(
  request: RequestOf<typeof describeQuorum>,
  context: RequestContext,
): Outcome {
  return decide(
    { apiKey: describeQuorum.key, body: request, timeoutMs: decideWaitMs, timedOut, topics },
    context,
  )
}
