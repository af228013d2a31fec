/**
 * CreateTopics (19). Order of checks, codes and words are Kafka 4.3's (ReplicationControlManager,
 * ControllerApis).
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { createTopics as schema } from "../protocol/messages/create-topics.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import { disksOf, partitionsPerRequestMax } from "./controller.ts"
import type { ControllerContext, Decision, Fault } from "./controller.ts"
import type { MetadataImage } from "./image.ts"
import type { TopicCreated } from "./records.ts"
import { planManual, planPlaced } from "./replica-lists.ts"
import type { PartitionPlan } from "./replica-lists.ts"
import { brokerLayers } from "./configs/broker-layers.ts"
import { isTooLong, tooLongMessage } from "./configs/config-operations.ts"
import { effectiveTopicConfigs, validateTopicConfigs } from "./topic-configs.ts"
import {
  clusterMetadataTopic,
  collisionKey,
  hasCollisionChars,
  topicNameFault,
} from "./topic-names.ts"

export type CreateTopicsRequest = RequestOf<typeof schema>
export type CreateTopicsResponse = ResponseInput<typeof schema>
type CreatableTopic = CreateTopicsRequest["topics"][number]
type TopicResult = NonNullable<CreateTopicsResponse["topics"]>[number]

type TopicPlan =
  | { readonly _tag: "planned"; readonly record: TopicCreated }
  | ({ readonly _tag: "refused" } & Fault)

export interface CreateTopicsDecision extends Decision<CreateTopicsResponse> {
  /** What is created once the records are applied; empty for validate_only. */
  readonly created: ReadonlyArray<TopicCreated>
}

const fault = (
  errorCode: ErrorCode,
  errorMessage: string,
): Fault & { readonly _tag: "refused" } => ({
  _tag: "refused",
  errorCode,
  errorMessage,
})

export const createTopics = (
  image: MetadataImage,
  request: CreateTopicsRequest,
  context: ControllerContext,
): CreateTopicsDecision => {
  const { unique, duplicates } = byName(request.topics)
  const excess = excessFault(unique, context.defaults.numPartitions)
  const created: Array<TopicCreated> = []
  const results: Array<TopicResult> = []
  const refusedLast: Array<TopicResult> = []
  let groupsBefore = 0
  for (const topic of unique) {
    const plan = excess ?? planTopic(image, topic, groupsBefore, context)
    if (plan._tag === "planned") {
      created.push(plan.record)
      groupsBefore += plan.record.partitions.length
      results.push(successResult(image, plan.record, context))
    } else if (topic.name === clusterMetadataTopic) refusedLast.push(errorResult(topic.name, plan))
    else results.push(errorResult(topic.name, plan))
  }
  const duplicate = fault(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
  for (const name of duplicates) results.push(errorResult(name, duplicate))
  const response = { throttleTimeMs: 0, topics: [...results, ...refusedLast] }
  if (request.validateOnly) return { records: [], response, created: [] }
  return { records: created, response, created }
}

/** A name that comes twice is answered once, at the end, and nothing of it is created. */
const byName = (
  topics: ReadonlyArray<CreatableTopic>,
): { unique: ReadonlyArray<CreatableTopic>; duplicates: ReadonlySet<string> } => {
  const seen = new Set<string>()
  const duplicates = new Set<string>()
  for (const { name } of topics) {
    if (seen.has(name)) duplicates.add(name)
    seen.add(name)
  }
  return { unique: topics.filter(({ name }) => !duplicates.has(name)), duplicates }
}

const excessFault = (topics: ReadonlyArray<CreatableTopic>, defaultCount: number) => {
  let partitions = 0
  for (const { assignments, numPartitions } of topics) {
    if (assignments.length > 0) partitions += assignments.length
    else if (numPartitions === -1) partitions += defaultCount
    else partitions += Math.max(0, numPartitions)
  }
  if (partitions <= partitionsPerRequestMax) return undefined
  const message = "Excessively large number of partitions per request."
  return fault(ErrorCode.POLICY_VIOLATION, message)
}

const planTopic = (
  image: MetadataImage,
  topic: CreatableTopic,
  groupsBefore: number,
  context: ControllerContext,
): TopicPlan => {
  const refused = nameFault(image, topic.name) ?? configFault(topic)
  if (refused !== undefined) return refused
  const plan = planPartitions(image, topic, groupsBefore, context)
  if (plan._tag === "refused") return plan
  const { partitions } = plan
  const record: TopicCreated = {
    _tag: "TopicCreated",
    topicId: context.newUuid(),
    name: topic.name,
    configs: topic.configs.map(({ name, value }) => ({ name, value: value ?? "" })),
    disks: disksOf(image, partitions),
    partitions,
  }
  return { _tag: "planned", record }
}

const nameFault = (image: MetadataImage, name: string) => {
  if (name === clusterMetadataTopic) {
    return fault(ErrorCode.TOPIC_AUTHORIZATION_FAILED, "Authorization failed.")
  }
  if (image.topics.has(name)) {
    return fault(ErrorCode.TOPIC_ALREADY_EXISTS, `Topic '${name}' already exists.`)
  }
  const colliding = hasCollisionChars(name) && image.collisions.get(collisionKey(name))?.[0]
  if (typeof colliding === "string") {
    const message = `Topic '${name}' collides with existing topic: ${colliding}`
    return fault(ErrorCode.INVALID_TOPIC_EXCEPTION, message)
  }
  const wrong = topicNameFault(name)
  return wrong === undefined ? undefined : fault(ErrorCode.INVALID_TOPIC_EXCEPTION, wrong)
}

const configFault = (topic: CreatableTopic) => {
  const nulls = topic.configs.filter((config) => config.value === null)
  if (nulls.length > 0) {
    const names = nulls.map((config) => config.name).join(",")
    const message = `Null value not supported for topic configs: ${names}`
    return fault(ErrorCode.INVALID_CONFIG, message)
  }
  if (topic.configs.some(({ value }) => value !== null && isTooLong(value))) {
    return fault(ErrorCode.INVALID_CONFIG, tooLongMessage)
  }
  const wrong = validateTopicConfigs(
    new Map(topic.configs.map(({ name, value }) => [name, value ?? ""])),
  )
  return wrong === undefined ? undefined : fault(ErrorCode.INVALID_CONFIG, wrong)
}

const planPartitions = (
  image: MetadataImage,
  topic: CreatableTopic,
  groupsBefore: number,
  context: ControllerContext,
): PartitionPlan => {
  if (topic.assignments.length > 0) return planAssigned(image, topic, context)
  const { numPartitions, replicationFactor } = topic
  if (replicationFactor < -1 || replicationFactor === 0) {
    const message = "Replication factor must be larger than 0, or -1 to use the default value."
    return fault(ErrorCode.INVALID_REPLICATION_FACTOR, message)
  }
  if (numPartitions < -1 || numPartitions === 0) {
    const message = "Number of partitions was set to an invalid non-positive value."
    return fault(ErrorCode.INVALID_PARTITIONS, message)
  }
  const { defaults } = context
  const count = numPartitions === -1 ? defaults.numPartitions : numPartitions
  const factor = replicationFactor === -1 ? defaults.replicationFactor : replicationFactor
  const prefix = `Unable to replicate the partition ${factor} time(s): `
  return planPlaced(image, count, factor, groupsBefore, prefix, context)
}

const planAssigned = (
  image: MetadataImage,
  topic: CreatableTopic,
  context: ControllerContext,
): PartitionPlan => {
  const given = "A manual partition assignment was specified, but"
  if (topic.replicationFactor !== -1) {
    return fault(ErrorCode.INVALID_REQUEST, `${given} replication factor was not set to -1.`)
  }
  if (topic.numPartitions !== -1) {
    return fault(ErrorCode.INVALID_REQUEST, `${given} numPartitions was not set to -1.`)
  }
  const lists = new Map<number, ReadonlyArray<number>>()
  for (const { partitionIndex, brokerIds } of topic.assignments) {
    if (lists.has(partitionIndex)) {
      return fault(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        `Found multiple manual partition assignments for partition ${partitionIndex}`,
      )
    }
    lists.set(partitionIndex, brokerIds)
  }
  const plan = planManual(image, lists, undefined, context)
  if (plan._tag === "refused") return plan
  const indexes = [...lists.keys()]
  if (indexes.some((index) => index < 0 || index >= lists.size)) {
    const message = "partitions should be a consecutive 0-based integer sequence"
    return fault(ErrorCode.INVALID_REPLICA_ASSIGNMENT, message)
  }
  const partitions = plan.partitions.map((_, i) => plan.partitions[indexes.indexOf(i)]!)
  return { _tag: "planned", partitions }
}

const successResult = (
  image: MetadataImage,
  record: TopicCreated,
  context: ControllerContext,
): TopicResult => ({
  name: record.name,
  topicId: record.topicId,
  errorCode: ErrorCode.NONE,
  errorMessage: null,
  numPartitions: record.partitions.length,
  replicationFactor: record.partitions[0]?.replicas.length ?? 0,
  configs: effectiveTopicConfigs(
    new Map(record.configs.map((config) => [config.name, config.value])),
    brokerLayers(image, context.nodeId, context.defaults.brokerConfigs),
  ),
})

const errorResult = (name: string, { errorCode, errorMessage }: Fault): TopicResult => ({
  name,
  errorCode,
  errorMessage,
  configs: [],
})
