/**
 * CreatePartitions (37): topics grow. Codes and words are Kafka 4.3's (ReplicationControlManager).
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type { createPartitions as schema } from "../protocol/messages/create-partitions.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import { disksOf, partitionsPerRequestMax } from "./controller.ts"
import type { ControllerContext, Decision, Fault } from "./controller.ts"
import type { MetadataImage, TopicInfo } from "./image.ts"
import type { PartitionsCreated } from "./records.ts"
import { planManual, planPlaced } from "./replica-lists.ts"
import type { PartitionPlan } from "./replica-lists.ts"

export type CreatePartitionsRequest = RequestOf<typeof schema>
export type CreatePartitionsResponse = ResponseInput<typeof schema>
type GrowingTopic = CreatePartitionsRequest["topics"][number]
type Result = NonNullable<CreatePartitionsResponse["results"]>[number]

const fault = (errorCode: ErrorCode, errorMessage: string | null) =>
  ({ _tag: "refused", errorCode, errorMessage }) as const

/** A name that comes twice is answered once, first, and does not grow. */
export const createPartitions = (
  image: MetadataImage,
  request: CreatePartitionsRequest,
  context: ControllerContext,
): Decision<CreatePartitionsResponse> => {
  const seen = new Set<string>()
  const duplicates = new Set<string>()
  for (const { name } of request.topics) {
    if (seen.has(name)) duplicates.add(name)
    seen.add(name)
  }
  const results: Array<Result> = []
  for (const name of duplicates) {
    results.push(result(name, fault(ErrorCode.INVALID_REQUEST, "Duplicate topic name.")))
  }
  const records: Array<PartitionsCreated> = []
  let groupsBefore = 0
  for (const topic of request.topics) {
    if (duplicates.has(topic.name)) continue
    const plan = grow(image, topic, groupsBefore, context)
    if (plan._tag === "refused") results.push(result(topic.name, plan))
    else {
      results.push(result(topic.name, { errorCode: ErrorCode.NONE, errorMessage: null }))
      records.push(plan.record)
      groupsBefore += plan.record.partitions.length
    }
  }
  const response = { throttleTimeMs: 0, results }
  return { records: request.validateOnly ? [] : records, response }
}

const result = (name: string, { errorCode, errorMessage }: Fault): Result => ({
  name,
  errorCode,
  errorMessage,
})

const grow = (
  image: MetadataImage,
  request: GrowingTopic,
  groupsBefore: number,
  context: ControllerContext,
) => {
  const topic = image.topics.get(request.name)
  if (topic === undefined) return fault(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, null)
  const refused = countFault(topic, request, groupsBefore)
  if (refused !== undefined) return refused
  const plan = planPartitions(image, topic, request, groupsBefore, context)
  if (plan._tag === "refused") return plan
  const { partitions } = plan
  const record: PartitionsCreated = {
    _tag: "PartitionsCreated",
    topicId: topic.id,
    firstPartition: topic.partitions.length,
    disks: disksOf(image, partitions),
    partitions,
  }
  return { _tag: "planned", record } as const
}

const countFault = (topic: TopicInfo, request: GrowingTopic, groupsBefore: number) => {
  const present = topic.partitions.length
  const { count, assignments } = request
  if (count === present) {
    return fault(ErrorCode.INVALID_PARTITIONS, `Topic already has ${present} partition(s).`)
  }
  if (count < present) {
    return fault(
      ErrorCode.INVALID_PARTITIONS,
      `The topic ${topic.name} currently has ${present} partition(s); ${count} would not be an increase.`,
    )
  }
  const additional = count - present
  if (assignments !== null && assignments.length !== additional) {
    return fault(
      ErrorCode.INVALID_REPLICA_ASSIGNMENT,
      `Attempted to add ${additional} additional partition(s), but only ${assignments.length} ` +
        `assignment(s) were specified.`,
    )
  }
  if (groupsBefore + additional <= partitionsPerRequestMax) return undefined
  return fault(ErrorCode.POLICY_VIOLATION, "Excessively large number of partitions per request.")
}

const planPartitions = (
  image: MetadataImage,
  topic: TopicInfo,
  request: GrowingTopic,
  groupsBefore: number,
  context: ControllerContext,
): PartitionPlan => {
  const present = topic.partitions.length
  const factor = topic.partitions[0]?.replicas.length ?? context.defaults.replicationFactor
  if (request.assignments === null) {
    const additional = request.count - present
    return planPlaced(image, additional, factor, groupsBefore, "", context)
  }
  const lists = request.assignments.map(({ brokerIds }, i) => [present + i, brokerIds] as const)
  return planManual(image, lists, factor, context)
}
