/**
 * The records inside a batch: read one after the other, or built into a new batch. For clients,
 * tools and tests, and for the broker where it must look into a batch (timestamps, keys).
 *
 *     length varint · attributes int8 · timestampDelta varlong · offsetDelta varint ·
 *     key and value: length varint (-1 = null), bytes · headers: count varint, then each
 *     key: length varint, UTF-8 · value: length varint (-1 = null), bytes
 */
import { crc32c } from "../../raft/crc32c.ts"
import { compress, compressionNames, decompress } from "./compression.ts"
import type { Compression } from "./compression.ts"
import { DecodeError } from "./errors.ts"
import { Reader } from "./reader.ts"
import {
  batchHeaderBytes,
  batchPrefixBytes,
  compressionOf,
  crcFrom,
  isLogAppendTime,
  readBatchHeader,
} from "./batch-view.ts"
import { Writer } from "./writer.ts"

export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

export interface LogRecord {
  readonly offset: number
  /** ms since the epoch; -1 = none. */
  readonly timestamp: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: ReadonlyArray<RecordHeader>
}

/** The bytes of the records, decompressed. Throws `DecodeError` or `DecompressError`. */
export const recordBytes = (batch: Uint8Array): Uint8Array => {
  const header = readBatchHeader(batch)
  const codec = header && compressionOf(header.attributes)
  if (codec === undefined) throw new DecodeError("no record batch, or of no known compression")
  return decompress(codec, batch.subarray(batchHeaderBytes))
}

/**
 * The records of one batch, oldest first; keys and values are views. Throws `DecodeError` or
 * `DecompressError` at the first that is malformed: the CRC is not checked here.
 */
export function* iterateRecords(batch: Uint8Array): Generator<LogRecord> {
  const header = readBatchHeader(batch)
  if (header === undefined) throw new DecodeError("a batch cut short")
  const { attributes, baseOffset, baseTimestamp, maxTimestamp, recordCount } = header
  const appendTime = isLogAppendTime(attributes) ? maxTimestamp : undefined
  const reader = new Reader(recordBytes(batch))
  for (let i = 0; i < recordCount; i++) {
    const end = reader.endAfter(reader.varint())
    reader.int8()
    const timestamp = baseTimestamp + reader.varlong()
    const offset = baseOffset + reader.varint()
    const key = readBytes(reader)
    const value = readBytes(reader)
    const headers = readHeaders(reader)
    if (reader.at !== end) throw new DecodeError("a record is not as long as it says")
    yield { offset, timestamp: appendTime ?? timestamp, key, value, headers }
  }
}

const readBytes = (reader: Reader): Uint8Array | null => {
  const length = reader.varint()
  return length < 0 ? null : reader.slice(length)
}

const readHeaders = (reader: Reader): ReadonlyArray<RecordHeader> => {
  const headers: Array<RecordHeader> = []
  for (let count = reader.varint(); count > 0; count--) {
    const key = Buffer.from(reader.slice(reader.varint())).toString("utf8")
    headers.push({ key, value: readBytes(reader) })
  }
  return headers
}

export interface RecordInput {
  readonly key?: Uint8Array | string | null
  readonly value?: Uint8Array | string | null
  readonly headers?: ReadonlyArray<{
    readonly key: string
    readonly value?: Uint8Array | string | null
  }>
  /** ms since the epoch; -1, none, when left out. */
  readonly timestamp?: number
}

export interface BatchInput {
  /** At least one, for a broker to take it. */
  readonly records: ReadonlyArray<RecordInput>
  readonly compression?: Compression
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactional?: boolean
  readonly control?: boolean
}

/** One whole batch with its CRC, ready to be produced. */
export const buildBatch = (input: BatchInput): Uint8Array => {
  const timestamps = input.records.map((record) => record.timestamp ?? -1)
  const baseTimestamp = timestamps[0] ?? -1
  const maxTimestamp = timestamps.reduce((max, one) => Math.max(max, one), -1)
  const inner = new Writer(1024)
  input.records.forEach((record, i) => writeRecord(inner, record, i, baseTimestamp))
  const codec = input.compression ?? "none"
  const payload = compress(codec, inner.concat())

  const writer = new Writer(batchHeaderBytes + payload.length)
  writer.int64(input.baseOffset ?? 0)
  writer.int32(batchHeaderBytes - batchPrefixBytes + payload.length)
  writer.int32(input.partitionLeaderEpoch ?? -1)
  writer.int8(2)
  writer.int32(0)
  writer.int16(
    compressionNames.indexOf(codec) |
      (input.transactional === true ? 0x10 : 0) |
      (input.control === true ? 0x20 : 0),
  )
  writer.int32(input.records.length - 1)
  writer.int64(baseTimestamp)
  writer.int64(maxTimestamp)
  writer.int64(input.producerId ?? -1)
  writer.int16(input.producerEpoch ?? -1)
  writer.int32(input.baseSequence ?? -1)
  writer.int32(input.records.length)
  writer.copy(payload)
  const batch = writer.concat()
  new DataView(batch.buffer, batch.byteOffset).setUint32(17, crc32c(batch, crcFrom))
  return batch
}

const writeRecord = (
  writer: Writer,
  record: RecordInput,
  offsetDelta: number,
  baseTimestamp: number,
): void => {
  const body = new Writer(128)
  body.int8(0)
  body.varlong((record.timestamp ?? -1) - baseTimestamp)
  body.varint(offsetDelta)
  writeBytes(body, record.key)
  writeBytes(body, record.value)
  const headers = record.headers ?? []
  body.varint(headers.length)
  for (const header of headers) {
    writeBytes(body, header.key)
    writeBytes(body, header.value)
  }
  writer.varint(body.length)
  writer.copy(body.concat())
}

const writeBytes = (writer: Writer, value: Uint8Array | string | null | undefined): void => {
  if (value === null || value === undefined) return writer.varint(-1)
  const bytes = typeof value === "string" ? Buffer.from(value) : value
  writer.varint(bytes.length)
  writer.copy(bytes)
}
