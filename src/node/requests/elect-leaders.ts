/**
 * ElectLeaders: decided by the metadata leader, answered once the elected ones lead or the time is
 * up.
 */
import { answerAll } from "../../cluster/elect-leaders.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { electLeaders } from "../../protocol/messages/elect-leaders.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { responseOf } from "./bodies.ts"
import { decide } from "./controller-requests.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"

type Response = ResponseInput<typeof electLeaders>

const late = { errorCode: ErrorCode.REQUEST_TIMED_OUT, errorMessage: null }

function leads(node: NodeView, topic: string, partitionId: number): boolean {
  const info = node.image.topics.get(topic)?.partitions[partitionId]
  // Deleted meanwhile: nobody has to wait for it.
  return info === undefined || node.leaderOf(info.group).leader === info.replicas[0]
}

export function handleElectLeaders(
  request: RequestOf<typeof electLeaders>,
  context: RequestContext,
): Outcome {
  const { node } = context
  const question = {
    apiKey: electLeaders.key,
    body: request,
    timeoutMs: request.timeoutMs,
    timedOut: (): Response => ({
      errorCode: ErrorCode.REQUEST_TIMED_OUT,
      replicaElectionResults: answerAll(request.topicPartitions ?? [], late),
    }),
    topics: () => [],
    arrived: (response: object) =>
      responseOf(electLeaders, response).replicaElectionResults.every(
        ({ topic, partitionResult }) =>
          partitionResult.every(
            ({ errorCode, partitionId }) =>
              errorCode !== ErrorCode.NONE || leads(node, topic, partitionId),
          ),
      ),
    finish: (response: object): Response => {
      const made = responseOf(electLeaders, response)
      return {
        errorCode: made.errorCode,
        replicaElectionResults: made.replicaElectionResults.map(({ topic, partitionResult }) => ({
          topic,
          partitionResult: partitionResult.map((result) =>
            result.errorCode !== ErrorCode.NONE || leads(node, topic, result.partitionId)
              ? result
              : { ...result, ...late },
          ),
        })),
      }
    },
  }
  return decide(question, context)
}
