/**
 * AlterPartitionReassignments (45) and ListPartitionReassignments (46). Checks, codes, words and
 * what a reassignment under way looks like are Kafka 4.3's (ReplicationControlManager). Unlike
 * Kafka, a second reassignment that drops a replica the first one was adding does not show it as
 * removed: it never was one.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import type {
  alterPartitionReassignments as alterSchema,
  listPartitionReassignments as listSchema,
} from "../protocol/reassignments.ts"
import type { RequestOf, ResponseInput } from "../protocol/schema.ts"
import { membershipChanged } from "./change-membership.ts"
import { isActive } from "./controller.ts"
import type { ControllerContext, Decision, Fault } from "./controller.ts"
import { partitionOf } from "./image.ts"
import type { MetadataImage, PartitionInfo, TopicInfo } from "./image.ts"
import { isReassigning, originalOf, targetOf } from "./membership.ts"
import type { MembershipChanged } from "./records.ts"
import { manualFault } from "./replica-lists.ts"
import { witnessFactor } from "./witness.ts"

export type AlterRequest = RequestOf<typeof alterSchema>
export type AlterResponse = ResponseInput<typeof alterSchema>
export type ListRequest = RequestOf<typeof listSchema>
export type ListResponse = ResponseInput<typeof listSchema>

type Plan =
  | { readonly _tag: "planned"; readonly record: MembershipChanged | undefined }
  | ({ readonly _tag: "refused" } & Fault)

const refused = (errorCode: ErrorCode, errorMessage: string | null): Plan => ({
  _tag: "refused",
  errorCode,
  errorMessage,
})

export const alterPartitionReassignments = (
  image: MetadataImage,
  request: AlterRequest,
  context: ControllerContext,
): Decision<AlterResponse> => {
  const { allowReplicationFactorChange } = request
  const records = new Map<number, MembershipChanged>()
  const responses = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => {
      const plan = alter(
        { image, context, allowReplicationFactorChange },
        name,
        partitionIndex,
        replicas,
      )
      const fault = plan._tag === "refused" ? plan : { errorCode: 0, errorMessage: null }
      if (plan._tag === "planned" && plan.record !== undefined) {
        records.set(plan.record.group, plan.record)
      }
      const { errorCode, errorMessage } = fault
      return { partitionIndex, errorCode, errorMessage }
    }),
  }))
  const response = { allowReplicationFactorChange, errorCode: 0, errorMessage: null, responses }
  return { records: [...records.values()], response }
}

interface Asked {
  readonly image: MetadataImage
  readonly context: ControllerContext
  readonly allowReplicationFactorChange: boolean
}

const alter = (
  asked: Asked,
  name: string,
  partition: number,
  replicas: ReadonlyArray<number> | null,
): Plan => {
  const { image, context } = asked
  const unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  if (!image.topics.has(name)) return refused(unknown, `Unable to find a topic named ${name}.`)
  const info = partitionOf(image, name, partition)
  if (info === undefined) {
    return refused(unknown, `Unable to find partition ${name}:${partition}.`)
  }
  if (replicas === null) {
    if (!isReassigning(info)) return refused(ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, null)
    return { _tag: "planned", record: redirected(image, info, originalOf(info), context) }
  }
  const fault = manualFault(image, replicas, undefined)
  if (fault !== undefined) return refused(ErrorCode.INVALID_REPLICA_ASSIGNMENT, fault)
  const before = targetOf(info).length
  if (!asked.allowReplicationFactorChange && before !== replicas.length) {
    return refused(
      ErrorCode.INVALID_REPLICATION_FACTOR,
      `The replication factor is changed from ${before} to ${replicas.length}`,
    )
  }
  return { _tag: "planned", record: redirected(image, info, replicas, context) }
}

const ascending = (ids: ReadonlyArray<number>): ReadonlyArray<number> =>
  ids.toSorted((a, b) => a - b)

/** The same goal by another name changes nothing; a mere change of order is done at once. */
const redirected = (
  image: MetadataImage,
  info: PartitionInfo,
  target: ReadonlyArray<number>,
  context: ControllerContext,
): MembershipChanged | undefined => {
  const original = originalOf(info)
  const adding = ascending(target.filter((id) => !original.includes(id)))
  const removing = ascending(original.filter((id) => !target.includes(id)))
  const replicas = [...target, ...removing]
  const given = [...info.departing, ...info.adding].filter((id) => !target.includes(id))
  const departing = ascending([...new Set(given)])
  const witness = nextWitness(image, info, replicas, target, context)
  const same =
    witness.witness === info.witness &&
    sameIds(replicas, info.replicas) &&
    sameIds(adding, info.adding) &&
    sameIds(removing, info.removing)
  if (same) return undefined
  return membershipChanged(info, { replicas, adding, removing, departing, ...witness })
}

const sameIds = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): boolean =>
  a.length === b.length && a.every((id, i) => id === b[i])

/**
 * A witness stays while it is alive, needed, and no replica. Another one is placed when all else is
 * settled.
 */
const nextWitness = (
  image: MetadataImage,
  info: PartitionInfo,
  replicas: ReadonlyArray<number>,
  target: ReadonlyArray<number>,
  context: ControllerContext,
): Pick<PartitionInfo, "witness" | "leavingWitnesses"> => {
  const { witness, leavingWitnesses } = info
  if (witness === -1) return { witness, leavingWitnesses }
  const broker = image.brokers.get(witness)
  const isLost = broker === undefined || !isActive(broker, context)
  if (!isLost && target.length === witnessFactor && !replicas.includes(witness)) {
    return { witness, leavingWitnesses }
  }
  return { witness: -1, leavingWitnesses: [...leavingWitnesses, witness] }
}

/** Topics as they were asked, all in the order of their names; partitions likewise. */
export const listPartitionReassignments = (
  image: MetadataImage,
  request: ListRequest,
): Decision<ListResponse> => {
  const asked =
    request.topics?.flatMap(({ name, partitionIndexes }) => {
      const topic = image.topics.get(name)
      return topic === undefined ? [] : [ongoing(topic, partitionIndexes)]
    }) ??
    [...image.topics.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((topic) => ongoing(topic, [...topic.partitions.keys()]))
  const topics = asked.filter(({ partitions }) => partitions.length > 0)
  return { records: [], response: { errorCode: 0, errorMessage: null, topics } }
}

const ongoing = ({ name, partitions }: TopicInfo, indexes: ReadonlyArray<number>) => ({
  name,
  partitions: indexes.flatMap((partitionIndex) => {
    const info = partitions[partitionIndex]
    if (info === undefined || !isReassigning(info)) return []
    const { replicas, adding, removing } = info
    return [{ partitionIndex, replicas, addingReplicas: adding, removingReplicas: removing }]
  }),
})
