/**
 * Replica lists for new partitions: placed, or given by hand and checked as Kafka's controller
 * checks them.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { firstActive, placementBrokers } from "./controller.ts"
import type { ControllerContext, Fault } from "./controller.ts"
import type { MetadataImage } from "./image.ts"
import { placeReplicas } from "./placement.ts"
import type { NewPartition } from "./records.ts"
import { WitnessPlacer } from "./witness.ts"

export type PartitionPlan =
  | { readonly _tag: "planned"; readonly partitions: ReadonlyArray<NewPartition> }
  | ({ readonly _tag: "refused" } & Fault)

const refused = (errorCode: ErrorCode, errorMessage: string): PartitionPlan => ({
  _tag: "refused",
  errorCode,
  errorMessage,
})

/**
 * Leaders of consecutive partitions take turns across topics too: the start is the next group id.
 * `prefix` stands before Kafka's message when a topic is created and not when it grows.
 */
export const planPlaced = (
  image: MetadataImage,
  count: number,
  replicationFactor: number,
  groupsBefore: number,
  prefix: string,
  context: ControllerContext,
): PartitionPlan => {
  const brokers = placementBrokers(image, context)
  const code = ErrorCode.INVALID_REPLICATION_FACTOR
  if (brokers.every((broker) => broker.fenced)) {
    return refused(
      code,
      `${prefix}All brokers are currently fenced, or have all their log directories cordoned.`,
    )
  }
  if (replicationFactor > brokers.length) {
    return refused(
      code,
      `${prefix}The target replication factor of ${replicationFactor} cannot be reached because only ` +
        `${brokers.length} broker(s) are registered or some brokers have all their log directories cordoned.`,
    )
  }
  const live = brokers.filter((broker) => !broker.fenced).length
  if (live * 2 <= replicationFactor) {
    return refused(
      code,
      `${prefix}A majority of ${replicationFactor} replicas is needed to elect a leader, but only ` +
        `${live} broker(s) are not fenced.`,
    )
  }
  const start = image.nextGroupId + groupsBefore
  const witnesses = new WitnessPlacer(image, context)
  const placed = placeReplicas(brokers, count, replicationFactor, start)
  return {
    _tag: "planned",
    partitions: placed.map((replicas, i) => ({
      replicas,
      leader: replicas[0]!,
      witness: witnesses.place(replicas, start + i),
    })),
  }
}

/**
 * Lists given by hand, by partition number; all as long as `replicationFactor`, else as the first
 * one.
 */
export const planManual = (
  image: MetadataImage,
  lists: Iterable<readonly [partition: number, replicas: ReadonlyArray<number>]>,
  replicationFactor: number | undefined,
  context: ControllerContext,
): PartitionPlan => {
  const partitions: Array<NewPartition> = []
  const witnesses = new WitnessPlacer(image, context)
  let expected = replicationFactor
  for (const [partition, replicas] of lists) {
    const fault = manualFault(image, replicas, expected)
    if (fault !== undefined) return refused(ErrorCode.INVALID_REPLICA_ASSIGNMENT, fault)
    expected = replicas.length
    const leader = firstActive(image, replicas, context)
    if (leader === undefined) {
      return refused(
        ErrorCode.INVALID_REPLICA_ASSIGNMENT,
        `All brokers specified in the manual partition assignment for partition ` +
          `${partition} are fenced or in controlled shutdown.`,
      )
    }
    const witness = witnesses.place(replicas, image.nextGroupId + partitions.length)
    partitions.push({ replicas, leader, witness })
  }
  return { _tag: "planned", partitions }
}

/** In Kafka's words; undefined when nothing is wrong with it. */
export const manualFault = (
  image: MetadataImage,
  replicas: ReadonlyArray<number>,
  expected: number | undefined,
): string | undefined => {
  if (replicas.length === 0)
    return "The manual partition assignment includes an empty replica list."
  const sorted = replicas.toSorted((a, b) => a - b)
  for (const [i, id] of sorted.entries()) {
    if (!image.brokers.has(id)) {
      return `The manual partition assignment includes broker ${id}, but no such broker is registered.`
    }
    if (i > 0 && sorted[i - 1] === id) {
      return `The manual partition assignment includes the broker ${id} more than once.`
    }
  }
  if (expected === undefined || expected === replicas.length) return undefined
  return (
    `The manual partition assignment includes a partition with ${replicas.length} replica(s), but this ` +
    `is not consistent with previous partitions, which have ${expected} replica(s).`
  )
}
