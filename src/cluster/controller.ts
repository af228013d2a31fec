/**
 * The decisions of the metadata leader: (image, request, context) → records to commit and what to
 * answer once they are applied. One decision at a time: the next one is made on the image that
 * holds the last one's records.
 */
import type { ErrorCode } from "../protocol/error-codes.ts"
import type { Uuid } from "../protocol/schema.ts"
import type { Configs } from "./config-resources.ts"
import type { BrokerInfo, MetadataImage } from "./image.ts"
import type { PlacementBroker } from "./placement.ts"
import type { MetadataRecord, NewPartition, ReplicaDisk } from "./records.ts"

export interface ControllerDefaults {
  readonly numPartitions: number
  readonly replicationFactor: number
  /** What the deciding broker was started with, by Kafka's names. */
  readonly brokerConfigs: Configs
}

export interface ControllerContext {
  /** The broker that decides. */
  readonly nodeId: number
  readonly defaults: ControllerDefaults
  /** Brokers that the metadata leader hears; itself included. */
  readonly liveBrokers: ReadonlySet<number>
  /** Partitions with two replicas get a witness. */
  readonly placeWitnesses: boolean
  newUuid(): Uuid
}

export interface Decision<Response> {
  /** To be committed as one entry; none when nothing changes. */
  readonly records: ReadonlyArray<MetadataRecord>
  readonly response: Response
}

/** An error of one topic, in Kafka's words. */
export interface Fault {
  readonly errorCode: ErrorCode
  readonly errorMessage: string | null
}

/** Partitions one request may create (Kafka's MAX_PARTITIONS_PER_BATCH). */
export const partitionsPerRequestMax = 10_000

/** May lead and be led: registered, not fenced, heard. */
export const isActive = (broker: BrokerInfo, context: ControllerContext): boolean =>
  !broker.fenced && context.liveBrokers.has(broker.id)

export const placementBrokers = (
  image: MetadataImage,
  context: ControllerContext,
): ReadonlyArray<PlacementBroker> =>
  [...image.brokers.values()].map((broker) => ({
    id: broker.id,
    rack: broker.rack,
    fenced: !isActive(broker, context),
  }))

/** The first active replica; undefined when none is. */
export const firstActive = (
  image: MetadataImage,
  replicas: ReadonlyArray<number>,
  context: ControllerContext,
): number | undefined =>
  replicas.find((id) => {
    const broker = image.brokers.get(id)
    return broker !== undefined && isActive(broker, context)
  })

/** The present disk of every broker that holds a replica or is a witness. */
export const disksOf = (
  image: MetadataImage,
  partitions: ReadonlyArray<NewPartition>,
): ReadonlyArray<ReplicaDisk> => {
  const ids = new Set(partitions.flatMap(({ replicas }) => replicas))
  for (const { witness } of partitions) if (witness !== -1) ids.add(witness)
  return [...ids].map((brokerId) => ({ brokerId, uuid: image.brokers.get(brokerId)!.diskUuid }))
}
