/**
 * OffsetForLeaderEpoch (KIP-101, KIP-320): where an epoch ends, so that a client can see whether
 * its log was cut.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { offsetForLeaderEpoch } from "../../protocol/messages/offset-for-leader-epoch.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"
import { checkLeaderEpoch, findPartition } from "./partition-lookup.ts"

type Request = RequestOf<typeof offsetForLeaderEpoch>
type Asked = Request["topics"][number]["partitions"][number]

function endOf(node: NodeView, topic: string, asked: Asked) {
  const failed = (errorCode: number) => ({
    partition: asked.partition,
    errorCode,
    leaderEpoch: -1,
    endOffset: -1,
  })
  const lookup = findPartition(node, node.image.topics.get(topic), asked.partition, false)
  if (lookup._tag === "missing") return failed(lookup.errorCode)
  const { partition } = lookup
  const epochError = checkLeaderEpoch(partition, asked.currentLeaderEpoch)
  if (epochError !== ErrorCode.NONE) return failed(epochError)
  if (!partition.isLeader) return failed(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  // The committed end is not known before this term's no-op: a lower one would read as a truncation
  // (trap 45).
  if (!partition.readyToServe) return failed(ErrorCode.OFFSET_NOT_AVAILABLE)
  const { leaderEpoch, endOffset } = partition.endOffsetForEpoch(asked.leaderEpoch)
  return { partition: asked.partition, errorCode: ErrorCode.NONE, leaderEpoch, endOffset }
}

export function handleOffsetForLeaderEpoch(request: Request, context: RequestContext): Outcome {
  const response: ResponseInput<typeof offsetForLeaderEpoch> = {
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((asked) => endOf(context.node, topic, asked)),
    })),
  }
  return answer(response)
}
