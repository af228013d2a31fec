/**
 * What group 0's log says, as typed and versioned records. One raft entry holds one or more of
 * them, applied together.
 *
 * Bytes of an entry: uint8 format, then per record: uint16 type, uint16 version, int32 length,
 * fields as the schema says. A type or version that is not declared here throws: a broker stops
 * rather than guess what the cluster decided.
 */
import { decodeRequest, encodeRequest } from "../protocol/codec.ts"
import { Reader } from "../protocol/reader.ts"
import type { Decoded, Fields, Input } from "../protocol/schema.ts"
import { array, defineApi, int32, int64, int8, string, uuid } from "../protocol/schema.ts"
import { Writer } from "../protocol/writer.ts"
import type { AssignedHow } from "./image.ts"

const replicaDisk = { brokerId: int32("0+"), uuid: string("0+") }

/** 1: with a witness. */
const newPartition = {
  replicas: array("0+", "int32"),
  leader: int32("0+"),
  witness: int32("1+", { default: -1 }),
}

const brokerRegistered = {
  brokerId: int32("0+"),
  diskUuid: string("0+"),
  incarnation: string("0+"),
  host: string("0+"),
  port: int32("0+"),
  rack: string("0+", { nullable: "0+" }),
}

const broker = { brokerId: int32("0+") }

const topicCreated = {
  topicId: uuid("0+"),
  name: string("0+"),
  configs: array("0+", { name: string("0+"), value: string("0+") }),
  disks: array("0+", replicaDisk),
  partitions: array("0+", newPartition),
}

const topicDeleted = { topicId: uuid("0+") }

const partitionsCreated = {
  topicId: uuid("0+"),
  firstPartition: int32("0+"),
  disks: array("0+", replicaDisk),
  partitions: array("0+", newPartition),
}

const leadersAssigned = {
  assignments: array("0+", { group: int32("0+"), leader: int32("0+"), how: int8("0+") }),
}

/** All of it, as it is afterwards. */
const membershipChanged = {
  group: int32("0+"),
  replicas: array("0+", "int32"),
  adding: array("0+", "int32"),
  removing: array("0+", "int32"),
  departing: array("0+", "int32"),
  witness: int32("0+"),
  leavingWitnesses: array("0+", "int32"),
  vacating: array("0+", "int32"),
  claimTerm: int64("0+"),
  /** Data voters, if they change. */
  voters: array("0+", replicaDisk, { nullable: "0+", default: null }),
}

const producerIdsAllocated = {
  brokerId: int32("0+"),
  firstProducerId: int64("0+"),
  count: int32("0+"),
}

const configsChanged = {
  resourceType: int8("0+"),
  resourceName: string("0+"),
  sets: array("0+", { name: string("0+"), value: string("0+") }),
  deletes: array("0+", "string"),
}

/** The disk that a replica was placed on: its raft member is (broker, disk). */
export type ReplicaDisk = Decoded<typeof replicaDisk>

/**
 * Replicas, the preferred leader first, who campaigns at once, and the witness or −1. Group ids are
 * given when it is applied.
 */
export type NewPartition = Decoded<typeof newPartition>

export interface Assignment {
  readonly group: number
  readonly leader: number
  readonly how: AssignedHow
}

type Tagged<Tag extends string, F extends Fields> = { readonly _tag: Tag } & Decoded<F>

/** A process of a broker introduced itself; also ends its being fenced. */
export type BrokerRegistered = Tagged<"BrokerRegistered", typeof brokerRegistered>
export type BrokerFenced = Tagged<"BrokerFenced", typeof broker>
export type BrokerUnfenced = Tagged<"BrokerUnfenced", typeof broker>
/** `disks` names every broker that occurs in `partitions`, witnesses included. */
export type TopicCreated = Tagged<"TopicCreated", typeof topicCreated>
export type TopicDeleted = Tagged<"TopicDeleted", typeof topicDeleted>
export type PartitionsCreated = Tagged<"PartitionsCreated", typeof partitionsCreated>
export interface LeadersAssigned {
  readonly _tag: "LeadersAssigned"
  readonly assignments: ReadonlyArray<Assignment>
}
export type ProducerIdsAllocated = Tagged<"ProducerIdsAllocated", typeof producerIdsAllocated>
/**
 * Begins, redirects, cancels or completes the reassignment of one partition, or gives the right to
 * carry it out to another term. Replicas that left drop their logs when they apply it.
 */
export type MembershipChanged = Tagged<"MembershipChanged", typeof membershipChanged>

/** Single configs of one resource (config-resources.ts); the others stay as they are. */
export type ConfigsChanged = Tagged<"ConfigsChanged", typeof configsChanged>

export type MetadataRecord =
  | BrokerRegistered
  | BrokerFenced
  | BrokerUnfenced
  | TopicCreated
  | TopicDeleted
  | PartitionsCreated
  | LeadersAssigned
  | ProducerIdsAllocated
  | MembershipChanged
  | ConfigsChanged

const entryFormat = 1

/** A single entry may create thousands of partitions. */
const elementsMax = 10_000_000

/** Types are numbers on disk: never reused, never changed; versions only ever grow. */
const codec = <const Tag extends string, const F extends Fields>(
  type: number,
  tag: Tag,
  fields: F,
  versionMax = 0,
) => {
  const schema = defineApi({
    key: type,
    name: tag,
    versions: [0, versionMax],
    flexibleSince: 0,
    request: fields,
    response: {},
  })
  return {
    type,
    versionMax,
    encode: (record: Input<F>, body: Writer, version = versionMax): void =>
      encodeRequest(schema, version, record, body),
    decode: (body: Reader, version: number) => ({
      _tag: tag,
      ...decodeRequest(schema, version, body),
    }),
  }
}

const codecs = {
  BrokerRegistered: codec(1, "BrokerRegistered", brokerRegistered),
  BrokerFenced: codec(2, "BrokerFenced", broker),
  BrokerUnfenced: codec(3, "BrokerUnfenced", broker),
  TopicCreated: codec(4, "TopicCreated", topicCreated, 1),
  TopicDeleted: codec(5, "TopicDeleted", topicDeleted),
  PartitionsCreated: codec(6, "PartitionsCreated", partitionsCreated, 1),
  LeadersAssigned: codec(7, "LeadersAssigned", leadersAssigned),
  ProducerIdsAllocated: codec(8, "ProducerIdsAllocated", producerIdsAllocated),
  MembershipChanged: codec(9, "MembershipChanged", membershipChanged),
  ConfigsChanged: codec(10, "ConfigsChanged", configsChanged),
} as const satisfies Record<MetadataRecord["_tag"], { readonly type: number }>

interface Decoder {
  readonly type: number
  readonly versionMax: number
  readonly decode: (body: Reader, version: number) => MetadataRecord
}

const decoders: ReadonlyMap<number, Decoder> = new Map(
  [
    codecs.BrokerRegistered,
    codecs.BrokerFenced,
    codecs.BrokerUnfenced,
    codecs.TopicCreated,
    codecs.TopicDeleted,
    codecs.PartitionsCreated,
    { ...codecs.LeadersAssigned, decode: (body: Reader) => decodeAssigned(body) },
    codecs.ProducerIdsAllocated,
    codecs.MembershipChanged,
    codecs.ConfigsChanged,
  ].map((decoder: Decoder) => [decoder.type, decoder]),
)

const hows: ReadonlyArray<AssignedHow> = ["campaign", "transfer"]

const encodeAssigned = (record: LeadersAssigned, body: Writer): void => {
  const assignments = record.assignments.map((a) => ({ ...a, how: hows.indexOf(a.how) }))
  codecs.LeadersAssigned.encode({ assignments }, body)
}

const decodeAssigned = (body: Reader): LeadersAssigned => {
  const { _tag, assignments } = codecs.LeadersAssigned.decode(body, 0)
  return { _tag, assignments: assignments.map((a) => ({ ...a, how: howOf(a.how) })) }
}

const howOf = (code: number): AssignedHow => {
  const how = hows[code]
  if (how === undefined) throw new UnknownMetadataRecord(`an assignment of kind ${code}`)
  return how
}

/** The lowest that holds all of the record: what older programs can read they shall read. */
const versionOf = (record: MetadataRecord): number => {
  if (record._tag !== "TopicCreated" && record._tag !== "PartitionsCreated") return 0
  return record.partitions.some(({ witness }) => witness !== -1) ? 1 : 0
}

const encodeFields = (record: MetadataRecord, version: number, body: Writer): void => {
  switch (record._tag) {
    case "BrokerRegistered":
      return codecs.BrokerRegistered.encode(record, body)
    case "BrokerFenced":
    case "BrokerUnfenced":
      return codecs[record._tag].encode(record, body)
    case "TopicCreated":
      return codecs.TopicCreated.encode(record, body, version)
    case "TopicDeleted":
      return codecs.TopicDeleted.encode(record, body)
    case "PartitionsCreated":
      return codecs.PartitionsCreated.encode(record, body, version)
    case "LeadersAssigned":
      return encodeAssigned(record, body)
    case "ProducerIdsAllocated":
      return codecs.ProducerIdsAllocated.encode(record, body)
    case "MembershipChanged":
      return codecs.MembershipChanged.encode(record, body)
    case "ConfigsChanged":
      return codecs.ConfigsChanged.encode(record, body)
  }
}

/**
 * The log says something that this program does not understand: made by a newer one, or damaged.
 */
export class UnknownMetadataRecord extends Error {
  override readonly name = "UnknownMetadataRecord"
}

export const encodeRecords = (records: ReadonlyArray<MetadataRecord>): Uint8Array => {
  const writer = new Writer(64 * (records.length + 1))
  writer.int8(entryFormat)
  for (const record of records) {
    const body = new Writer()
    const version = versionOf(record)
    encodeFields(record, version, body)
    writer.uint16(codecs[record._tag].type)
    writer.uint16(version)
    writer.blob(body.concat())
  }
  return writer.concat()
}

/** Throws UnknownMetadataRecord, or DecodeError for bytes that no broker wrote. */
export const decodeRecords = (bytes: Uint8Array): ReadonlyArray<MetadataRecord> => {
  const reader = new Reader(bytes)
  const format = reader.int8()
  if (format !== entryFormat)
    throw new UnknownMetadataRecord(`a metadata entry of format ${format}`)
  const records: Array<MetadataRecord> = []
  while (reader.left > 0) records.push(decodeRecord(reader))
  return records
}

const decodeRecord = (reader: Reader): MetadataRecord => {
  const type = reader.uint16()
  const version = reader.uint16()
  const decoder = decoders.get(type)
  if (decoder === undefined || version > decoder.versionMax) {
    throw new UnknownMetadataRecord(`a metadata record of type ${type}, version ${version}`)
  }
  return decoder.decode(new Reader(reader.slice(reader.int32()), { elementsMax }), version)
}
