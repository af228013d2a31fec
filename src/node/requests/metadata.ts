/**
 * Metadata: brokers, topics, leaders. Everything from the applied image and the leader view of this
 * broker.
 */
import type { BrokerInfo, PartitionInfo, TopicInfo } from "../../cluster/image.ts"
import { isInternalTopic, topicNameFault } from "../../cluster/topic-names.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { metadata } from "../../protocol/messages/metadata.ts"
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts"
import { zeroUuid } from "../../protocol/uuid.ts"
import { clusterOperations, operationsNotAsked, topicOperations } from "./authorized-operations.ts"
import type { NodeView, Outcome, RequestContext } from "./outcome.ts"
import { answer } from "./outcome.ts"

type Request = RequestOf<typeof metadata>
type Response = ResponseInput<typeof metadata>
type TopicAnswer = NonNullable<Response["topics"]>[number]
type PartitionAnswer = NonNullable<TopicAnswer["partitions"]>[number]

/**
 * Brokers as clients may hear of them, by id; before any is registered this one alone, so that they
 * can come back.
 */
export function listedBrokers(node: NodeView): ReadonlyArray<BrokerInfo> {
  const listed: BrokerInfo[] = []
  for (const broker of node.image.brokers.values()) if (!broker.fenced) listed.push(broker)
  return listed.sort((a, b) => a.id - b.id)
}

export interface PartitionState {
  readonly errorCode: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly isr: ReadonlyArray<number>
  readonly offline: ReadonlyArray<number>
}

/** The state of one partition as Metadata and DescribeTopicPartitions tell it. */
export function partitionState(node: NodeView, info: PartitionInfo): PartitionState {
  const { leader, term } = node.leaderOf(info.group)
  const { isr } = node.leaders.state(info.group)
  const reported = info.replicas.filter((id) => isr.includes(id) && node.alive(id))
  const offline = info.replicas.filter((id) => !node.alive(id))
  return {
    errorCode: leader === -1 ? ErrorCode.LEADER_NOT_AVAILABLE : ErrorCode.NONE,
    leaderId: leader,
    leaderEpoch: term,
    isr: reported.length > 0 ? reported : leader === -1 ? [] : [leader],
    offline,
  }
}

function partitionAnswer(node: NodeView, info: PartitionInfo, version: number): PartitionAnswer {
  const state = partitionState(node, info)
  // Version 0 lists only replicas that can be reached and says so
  // (MetadataCache.getAliveEndpoint…).
  const replicaNodes =
    version === 0 ? info.replicas.filter((id) => !state.offline.includes(id)) : info.replicas
  const errorCode =
    state.errorCode === ErrorCode.NONE && replicaNodes.length < info.replicas.length
      ? ErrorCode.REPLICA_NOT_AVAILABLE
      : state.errorCode
  return {
    errorCode,
    partitionIndex: info.partition,
    leaderId: state.leaderId,
    leaderEpoch: state.leaderEpoch,
    replicaNodes,
    isrNodes: state.isr,
    offlineReplicas: state.offline,
  }
}

function topicAnswer(context: RequestContext, request: Request, topic: TopicInfo): TopicAnswer {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.id,
    isInternal: topic.internal,
    partitions: topic.partitions.map((info) =>
      partitionAnswer(context.node, info, context.apiVersion),
    ),
    topicAuthorizedOperations: operationsAsked(request) ? topicOperations : operationsNotAsked,
  }
}

function operationsAsked(request: Request): boolean {
  return request.includeTopicAuthorizedOperations
}

function missing(errorCode: number, name: string | null, topicId: string): TopicAnswer {
  const isInternal = name !== null && isInternalTopic(name)
  return { errorCode, name, topicId, isInternal, partitions: [] }
}

/** Order as Kafka has it: unknown ids, then what exists, then unknown names. */
function askedTopics(
  context: RequestContext,
  request: Request,
  asked: NonNullable<Request["topics"]>,
): ReadonlyArray<TopicAnswer> {
  const { node } = context
  const unknownIds: TopicAnswer[] = []
  const found = new Map<string, TopicAnswer>()
  const unknownNames = new Map<string, TopicAnswer>()
  for (const { name, topicId } of asked) {
    const topic = name === null ? node.image.topicsById.get(topicId) : node.image.topics.get(name)
    if (topic !== undefined) found.set(topic.name, topicAnswer(context, request, topic))
    else if (name === null) unknownIds.push(missing(ErrorCode.UNKNOWN_TOPIC_ID, null, topicId))
    else unknownNames.set(name, missing(unknownNameError(name), name, zeroUuid))
  }
  maybeCreate(context, request, unknownNames)
  return [...unknownIds, ...found.values(), ...unknownNames.values()]
}

function unknownNameError(name: string): number {
  return topicNameFault(name) === undefined
    ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    : ErrorCode.INVALID_TOPIC_EXCEPTION
}

/**
 * The answer still says unknown; clients ask again (trap 14). Internal topics are for their
 * coordinators to make.
 */
function maybeCreate(
  context: RequestContext,
  request: Request,
  unknown: ReadonlyMap<string, TopicAnswer>,
): void {
  if (!request.allowAutoTopicCreation || !context.node.settings.autoCreateTopicsEnable) return
  const names: string[] = []
  for (const [name, { errorCode }] of unknown) {
    if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION && !isInternalTopic(name)) {
      names.push(name)
    }
  }
  if (names.length > 0) context.node.autoCreate(names)
}

function allTopics(context: RequestContext, request: Request): ReadonlyArray<TopicAnswer> {
  const topics: TopicAnswer[] = []
  for (const topic of context.node.image.topics.values()) {
    topics.push(topicAnswer(context, request, topic))
  }
  return topics.sort((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1))
}

/** Ids cannot be asked for before version 12: nothing at all is told then. */
const refused = (asked: NonNullable<Request["topics"]>): Response => ({
  brokers: [],
  clusterId: null,
  controllerId: -1,
  topics: asked.map(({ name, topicId }) => missing(ErrorCode.INVALID_REQUEST, name ?? "", topicId)),
})

export function handleMetadata(request: Request, context: RequestContext): Outcome {
  const { node, apiVersion } = context
  if (apiVersion < 12 && request.topics?.some(({ name }) => name === null) === true) {
    return answer(refused(request.topics))
  }
  // Trap 12: an empty list means all topics in version 0 and none later.
  const all = request.topics === null || (apiVersion === 0 && request.topics.length === 0)
  const topics =
    all || request.topics === null
      ? allTopics(context, request)
      : askedTopics(context, request, request.topics)
  const response: Response = {
    brokers: listedBrokers(node).map(({ id, host, port, rack }) => ({
      nodeId: id,
      host,
      port,
      rack,
    })),
    clusterId: node.clusterId,
    controllerId: node.controllerId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations
      ? clusterOperations
      : operationsNotAsked,
  }
  return answer(response)
}
