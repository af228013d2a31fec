/** OffsetCommit: acknowledged when the positions are committed in the log, and not before. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { offsetCommit } from "../../protocol/messages/offset-commit.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { answerLater, originOf } from "./coordinated.ts"
import type { Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Response = ResponseInput<typeof offsetCommit>

export function handleOffsetCommit(
  request: RequestOf<typeof offsetCommit>,
  context: RequestContext,
): Outcome {
  const { node } = context
  const failed = (errorCode: ErrorCode): Response => ({
    topics: request.topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
    })),
  })
  const found = node.coordination.find(request.groupId)
  if (found._tag === "refused") return answer(failed(found.errorCode))
  return answerLater<Response>(
    context,
    node.settings.offsetsCommitTimeoutMs,
    () => failed(ErrorCode.COORDINATOR_NOT_AVAILABLE),
    (reply) => found.coordinator.offsetCommit(request, originOf(context), reply),
  )
}
