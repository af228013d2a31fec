/** Records of `__consumer_offsets` ⇄ data, by the declarations in `schemas.ts`. */
import { decodeRequest, encodeRequest, hasVersion } from "../../protocol/codec.ts"
import { Reader } from "../../protocol/reader.ts"
import type { Api, Decoded, Input } from "../../protocol/schema.ts"
import { Writer } from "../../protocol/writer.ts"
import type { CoordinatorRecord } from "../ports.ts"
import { recordTypes } from "./schemas.ts"
import type { RecordType } from "./schemas.ts"

type RecordTypes = typeof recordTypes
export type RecordTag = keyof RecordTypes

export type KeyOf<T extends RecordTag> = Decoded<RecordTypes[T]["key"]["request"]>
export type ValueOf<T extends RecordTag> = Decoded<RecordTypes[T]["value"]["request"]>
type KeyInput<T extends RecordTag> = Input<RecordTypes[T]["key"]["request"]>
export type ValueInput<T extends RecordTag> = Input<RecordTypes[T]["value"]["request"]>

/** Its byte arrays are views on the bytes it was decoded from. A null value is a tombstone. */
export type DecodedRecord = {
  readonly [T in RecordTag]: {
    readonly _tag: T
    readonly key: KeyOf<T>
    readonly value: ValueOf<T> | null
  }
}[RecordTag]

const tagsByType: ReadonlyMap<number, RecordTag> = new Map(
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the keys of a constant
  (Object.keys(recordTypes) as Array<RecordTag>).map((tag) => [recordTypes[tag].type, tag]),
)

/** Bytes of a string in a record. */
const stringBytesMax = 0x7fff

/**
 * Whether a record can hold the text. What a client sent can be too long though it came in a string
 * of the same limit: bytes that are not UTF-8 arrive as characters of three bytes.
 */
export const fitsRecord = (text: string): boolean =>
  text.length * 3 <= stringBytesMax || Buffer.byteLength(text) <= stringBytesMax

/** `key` must hold every field; of `value`, what is left out has Kafka's default. */
export const encodeRecord = <T extends RecordTag>(
  tag: T,
  key: Required<KeyInput<T>>,
  value: ValueInput<T> | null,
  version: number = recordTypes[tag].writes,
): CoordinatorRecord => {
  const declared: RecordType = recordTypes[tag]
  return {
    key: encodePart(declared.key, declared.type, 0, key),
    value: value === null ? null : encodePart(declared.value, version, version, value),
  }
}

const encodePart = (api: Api, prefix: number, version: number, fields: Input<Api["request"]>) => {
  const writer = new Writer(128)
  writer.int16(prefix)
  encodeRequest(api, version, fields, writer)
  return writer.concat()
}

export type UnknownRecord = {
  readonly _tag: "Unknown"
  readonly type: number
  /** Undefined: of a type that is not known here. */
  readonly version: number | undefined
}

/** Throws DecodeError for bytes that no coordinator wrote. */
export const decodeRecord = (record: CoordinatorRecord): DecodedRecord | UnknownRecord => {
  const keyReader = new Reader(record.key)
  const type = keyReader.int16()
  const tag = tagsByType.get(type)
  if (tag === undefined) return { _tag: "Unknown", type, version: undefined }
  const declared: RecordType = recordTypes[tag]
  const key = decodeRequest(declared.key, 0, keyReader)
  if (record.value === null) return assemble(tag, key, null)
  const reader = new Reader(record.value)
  const version = reader.int16()
  if (!hasVersion(declared.value, version)) return { _tag: "Unknown", type, version }
  return assemble(tag, key, decodeRequest(declared.value, version, reader))
}

const assemble = (tag: RecordTag, key: unknown, value: unknown): DecodedRecord =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- decoded by the tag's own schema
  ({ _tag: tag, key, value }) as DecodedRecord
