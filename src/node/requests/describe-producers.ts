/** DescribeProducers: the idempotent producers that a replica of this broker remembers. */
import { topicNameFault } from "../../cluster/topic-names.ts"
import type { Partition } from "../../partition/partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { describeProducers } from "../../protocol/messages/describe-producers.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"
import { findPartition } from "./partition-lookup.ts"

type Request = RequestOf<typeof describeProducers>
type Response = ResponseInput<typeof describeProducers>
type PartitionAnswer = NonNullable<NonNullable<Response["topics"]>[number]["partitions"]>[number]

/** Of all partitions asked for, one named again and again included. */
const producersMax = 500_000
const tooMany = `No more than ${producersMax} producers are described at once.`

const failed = (
  partitionIndex: number,
  errorCode: number,
  errorMessage: string | null,
): PartitionAnswer => ({ partitionIndex, errorCode, errorMessage, activeProducers: [] })

/** Those whose time is over are forgotten at the next write only. */
function producersOf(partition: Partition, wallMs: number) {
  const { producerIdExpirationMs } = partition.config
  return partition.producers().flatMap(({ producerId, batches }) => {
    const last = batches.at(-1)
    if (last === undefined || wallMs - last.appendMs > producerIdExpirationMs) return []
    return [
      {
        producerId,
        producerEpoch: last.epoch,
        lastSequence: last.lastSequence,
        lastTimestamp: last.timestamp,
        coordinatorEpoch: -1,
        currentTxnStartOffset: -1,
      },
    ]
  })
}

function describe(node: NodeView, name: string, index: number): PartitionAnswer {
  const fault = topicNameFault(name)
  if (fault !== undefined) return failed(index, ErrorCode.INVALID_TOPIC_EXCEPTION, fault)
  const topic = node.image.topics.get(name)
  if (topic === undefined) {
    const message = "This server does not host this topic-partition."
    return failed(index, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message)
  }
  const found = findPartition(node, topic, index, false)
  if (found._tag === "missing") return failed(index, found.errorCode, null)
  return {
    partitionIndex: index,
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    activeProducers: producersOf(found.partition, node.wallMs()),
  }
}

export function handleDescribeProducers(request: Request, context: RequestContext): Outcome {
  const { node } = context
  let left = producersMax
  const topics = request.topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((index) => {
      if (left <= 0) return failed(index, ErrorCode.INVALID_REQUEST, tooMany)
      const described = describe(node, name, index)
      left -= described.activeProducers?.length ?? 0
      return described
    }),
  }))
  return answer({ topics } satisfies Response)
}
