/** DescribeTopicPartitions (KIP-966): topics by name, a page of partitions at a time. */
import type { PartitionInfo, TopicInfo } from "../../cluster/image.ts"
import { isInternalTopic, topicNameFault } from "../../cluster/topic-names.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { describeTopicPartitions } from "../../protocol/messages/describe-topic-partitions.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { zeroUuid } from "../../protocol/uuid.ts"
import { topicOperations } from "./authorized-operations.ts"
import { partitionState } from "./metadata.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Request = RequestOf<typeof describeTopicPartitions>
type Response = ResponseInput<typeof describeTopicPartitions>
type TopicAnswer = NonNullable<Response["topics"]>[number]
type PartitionAnswer = NonNullable<TopicAnswer["partitions"]>[number]

/** No page is larger than this setting says, whatever the client asks. */
const pagePartitionsMax = (node: NodeView): number =>
  Number(node.brokerSettings.value("max.request.partition.size.limit"))

function partitionAnswer(node: NodeView, info: PartitionInfo): PartitionAnswer {
  const state = partitionState(node, info)
  return {
    errorCode: state.errorCode,
    partitionIndex: info.partition,
    leaderId: state.leaderId,
    leaderEpoch: state.leaderEpoch,
    replicaNodes: info.replicas,
    isrNodes: state.isr,
    eligibleLeaderReplicas: [],
    lastKnownElr: [],
    offlineReplicas: state.offline,
  }
}

function missing(name: string): TopicAnswer {
  const errorCode =
    topicNameFault(name) === undefined
      ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      : ErrorCode.INVALID_TOPIC_EXCEPTION
  const isInternal = isInternalTopic(name)
  return {
    errorCode,
    name,
    topicId: zeroUuid,
    isInternal,
    topicAuthorizedOperations: topicOperations,
  }
}

/**
 * What is wrong with the request as a whole, in Kafka's codes: it stumbles over an empty name, and
 * a cursor is at a partition of a topic that is asked for.
 */
function requestFault({ topics, cursor }: Request): number {
  if (topics.some(({ name }) => name === "")) return ErrorCode.UNKNOWN_SERVER_ERROR
  if (cursor === null) return ErrorCode.NONE
  const asksForIt = topics.length === 0 || topics.some(({ name }) => name === cursor.topicName)
  return asksForIt && cursor.partitionIndex >= 0 ? ErrorCode.NONE : ErrorCode.INVALID_REQUEST
}

const allFailed = ({ topics }: Request, errorCode: number): Response => ({
  topics: topics.map(({ name }) => ({ errorCode, name, topicId: zeroUuid })),
  nextCursor: null,
})

/** Names asked for (all when none), ascending, from the cursor's topic on. */
function askedNames(node: NodeView, request: Request): ReadonlyArray<string> {
  const names = new Set(
    request.topics.length > 0
      ? request.topics.map((topic) => topic.name)
      : [...node.image.topics.keys()],
  )
  const from = request.cursor?.topicName ?? ""
  return [...names].filter((name) => name >= from).sort()
}

function page(node: NodeView, topic: TopicInfo, first: number, count: number): TopicAnswer {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions
      .slice(first, first + count)
      .map((info) => partitionAnswer(node, info)),
    topicAuthorizedOperations: topicOperations,
  }
}

export function handleDescribeTopicPartitions(request: Request, context: RequestContext): Outcome {
  const { node } = context
  const topics: TopicAnswer[] = []
  const fault = requestFault(request)
  if (fault !== ErrorCode.NONE) return answer(allFailed(request, fault))
  let left = Math.max(1, Math.min(request.responsePartitionLimit, pagePartitionsMax(node)))
  for (const name of askedNames(node, request)) {
    const topic = node.image.topics.get(name)
    if (topic === undefined) {
      topics.push(missing(name))
      continue
    }
    const first =
      name === request.cursor?.topicName ? Math.max(0, request.cursor.partitionIndex) : 0
    if (left === 0) {
      return answer({
        topics,
        nextCursor: { topicName: name, partitionIndex: first },
      } satisfies Response)
    }
    topics.push(page(node, topic, first, left))
    const rest = topic.partitions.length - first
    if (rest > left) {
      const nextCursor = { topicName: name, partitionIndex: first + left }
      return answer({ topics, nextCursor } satisfies Response)
    }
    left -= Math.max(0, rest)
  }
  return answer({ topics, nextCursor: null } satisfies Response)
}
