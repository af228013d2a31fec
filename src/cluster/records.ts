/**
 * What group 0's log says, as typed and versioned records. One raft entry holds one or more of them, applied together.
 *
 * Bytes of an entry: uint8 format, then per record: uint16 type, uint16 version, int32 length, fields as the schema
 * says. A type or version that is not declared here throws: a broker stops rather than guess what the cluster decided.
 */
import { compileDecoder } from "../protocol/compile-decoder.ts"
import type { DecodeStruct } from "../protocol/compile-decoder.ts"
import { compileEncoder } from "../protocol/compile-encoder.ts"
import type { EncodeStruct } from "../protocol/compile-encoder.ts"
import { Reader } from "../protocol/reader.ts"
import type { Decoded, Fields } from "../protocol/schema.ts"
import { array, int32, int64, int8, string, uuid } from "../protocol/schema.ts"
import { Writer } from "../protocol/writer.ts"
import type { AssignedHow } from "./image.ts"

const replicaDisk = { brokerId: int32("0+"), uuid: string("0+") }

const newPartition = { replicas: array("0+", "int32"), leader: int32("0+") }

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

const producerIdsAllocated = {
  brokerId: int32("0+"),
  firstProducerId: int64("0+"),
  count: int32("0+"),
}

/** The disk that a replica was placed on: its raft member is (broker, disk). */
export type ReplicaDisk = Decoded<typeof replicaDisk>

/** Replicas, the preferred leader first, and who campaigns at once. Group ids are given when it is applied. */
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
/** `disks` names every broker that occurs in `partitions`. */
export type TopicCreated = Tagged<"TopicCreated", typeof topicCreated>
export type TopicDeleted = Tagged<"TopicDeleted", typeof topicDeleted>
export type PartitionsCreated = Tagged<"PartitionsCreated", typeof partitionsCreated>
export interface LeadersAssigned {
  readonly _tag: "LeadersAssigned"
  readonly assignments: ReadonlyArray<Assignment>
}
export type ProducerIdsAllocated = Tagged<"ProducerIdsAllocated", typeof producerIdsAllocated>

export type MetadataRecord =
  | BrokerRegistered
  | BrokerFenced
  | BrokerUnfenced
  | TopicCreated
  | TopicDeleted
  | PartitionsCreated
  | LeadersAssigned
  | ProducerIdsAllocated

/** Numbers on disk: never reused, never changed. All records are at version 0 so far. */
const schemas = {
  BrokerRegistered: { type: 1, fields: brokerRegistered },
  BrokerFenced: { type: 2, fields: broker },
  BrokerUnfenced: { type: 3, fields: broker },
  TopicCreated: { type: 4, fields: topicCreated },
  TopicDeleted: { type: 5, fields: topicDeleted },
  PartitionsCreated: { type: 6, fields: partitionsCreated },
  LeadersAssigned: { type: 7, fields: leadersAssigned },
  ProducerIdsAllocated: { type: 8, fields: producerIdsAllocated },
} as const satisfies Record<MetadataRecord["_tag"], { type: number; fields: Fields }>

const recordVersion = 0
const entryFormat = 1

/** A single entry may create thousands of partitions. */
const elementsMax = 10_000_000

interface RecordCodec {
  readonly _tag: MetadataRecord["_tag"]
  readonly type: number
  readonly encode: EncodeStruct
  readonly decode: DecodeStruct
}

const codecs = new Map<MetadataRecord["_tag"] | number, RecordCodec>()

/** Compiled once, on first use. */
const codecOf = (key: MetadataRecord["_tag"] | number): RecordCodec | undefined => {
  if (codecs.size === 0) {
    for (const tag of Object.keys(schemas) as Array<MetadataRecord["_tag"]>) {
      const { type, fields } = schemas[tag]
      const encode = compileEncoder(fields, recordVersion, true)
      const decode = compileDecoder(fields, recordVersion, true)
      const codec: RecordCodec = { _tag: tag, type, encode, decode }
      codecs.set(tag, codec).set(type, codec)
    }
  }
  return codecs.get(key)
}

const hows: ReadonlyArray<AssignedHow> = ["campaign", "transfer"]

const toFields = (record: MetadataRecord): object => {
  if (record._tag !== "LeadersAssigned") return record
  return { assignments: record.assignments.map((a) => ({ ...a, how: hows.indexOf(a.how) })) }
}

const fromFields = (tag: MetadataRecord["_tag"], fields: object): MetadataRecord => {
  if (tag !== "LeadersAssigned") return { _tag: tag, ...fields } as MetadataRecord
  const { assignments } = fields as Decoded<typeof leadersAssigned>
  return { _tag: tag, assignments: assignments.map((a) => ({ ...a, how: howOf(a.how) })) }
}

const howOf = (code: number): AssignedHow => {
  const how = hows[code]
  if (how === undefined) throw new UnknownMetadataRecord(`an assignment of kind ${code}`)
  return how
}

/** The log says something that this program does not understand: made by a newer one, or damaged. */
export class UnknownMetadataRecord extends Error {
  override readonly name = "UnknownMetadataRecord"
}

export const encodeRecords = (records: ReadonlyArray<MetadataRecord>): Uint8Array => {
  const writer = new Writer(64 * (records.length + 1))
  writer.int8(entryFormat)
  for (const record of records) {
    const codec = codecOf(record._tag)
    if (codec === undefined) throw new UnknownMetadataRecord(`a record ${record._tag}`)
    const body = new Writer()
    codec.encode(body, toFields(record))
    writer.uint16(codec.type)
    writer.uint16(recordVersion)
    writer.blob(body.concat())
  }
  return writer.concat()
}

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
  const codec = codecOf(type)
  if (codec === undefined || version !== recordVersion) {
    throw new UnknownMetadataRecord(`a metadata record of type ${type}, version ${version}`)
  }
  const body = new Reader(reader.slice(reader.int32()), { elementsMax })
  const fields = codec.decode(body)
  body.expectEnd()
  return fromFields(codec._tag, fields)
}
