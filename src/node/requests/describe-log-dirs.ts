/**
 * DescribeLogDirs: what the replicas on this broker's disk take. The size of a partition is that of
 * its batches, as in Kafka; all partitions share one log here, whose files hold more for a while
 * (storage/DESIGN.md, "What is alive").
 */
import type { PartitionInfo } from "../../cluster/image.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { describeLogDirs } from "../../protocol/messages/describe-log-dirs.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Request = RequestOf<typeof describeLogDirs>
type Response = ResponseInput<typeof describeLogDirs>

/** Null asks for everything; what is not here is left out, as in Kafka. */
function asked({ topics }: Request, node: NodeView): ReadonlyArray<PartitionInfo> {
  if (topics === null) return [...node.image.groups.values()]
  const infos = new Set<PartitionInfo>()
  for (const { topic, partitions } of topics) {
    for (const index of partitions) {
      const info = node.image.topics.get(topic)?.partitions[index]
      if (info !== undefined) infos.add(info)
    }
  }
  return [...infos]
}

function described(infos: ReadonlyArray<PartitionInfo>, node: NodeView) {
  const topics = new Map<string, Array<{ partitionIndex: number; partitionSize: number }>>()
  for (const { topic, partition: partitionIndex, group } of infos) {
    const partition = node.partition(group)
    if (partition === undefined) continue
    const partitions = topics.get(topic) ?? []
    topics.set(topic, partitions)
    partitions.push({ partitionIndex, partitionSize: partition.sizeBytes })
  }
  return [...topics].map(([name, partitions]) => ({
    name,
    // Kafka: how far the watermark is beyond the log's end, for one that is not being moved.
    partitions: partitions.map((one) => ({ ...one, offsetLag: 0, isFutureKey: false })),
  }))
}

export function handleDescribeLogDirs(request: Request, { node }: RequestContext): Outcome {
  const { path, totalBytes, usableBytes } = node.logDir()
  const topics = described(asked(request, node), node)
  const dir = { errorCode: ErrorCode.NONE, logDir: path, topics, totalBytes, usableBytes }
  return answer({
    errorCode: ErrorCode.NONE,
    results: [{ ...dir, isCordoned: false }],
  } satisfies Response)
}
