/**
 * A batch as compaction sees it: which of its records stay, and the batch with these alone. It
 * keeps its offsets, its producer and its codec; the records' own bytes are not changed.
 */
import { crc32c } from "../../raft/crc32c.ts"
import { compress } from "../protocol/compression.ts"
import {
  batchHeaderBytes,
  batchPrefixBytes,
  compressionOf,
  crcFrom,
  isControl,
  isLogAppendTime,
  isTransactional,
  readBatchHeader,
} from "../protocol/batch-view.ts"
import { DecodeError } from "../protocol/errors.ts"
import { noPayload } from "../../raft/entry.ts"
import { Reader } from "../protocol/reader.ts"
import { recordBytes } from "../protocol/record.ts"

/** A record where it lies in the decompressed bytes of its batch. */
export interface RecordPlace {
  readonly from: number
  readonly to: number
  readonly offset: number
  readonly timestampDelta: number
  /** Null: without a key, which a compacted topic takes from nobody. */
  readonly key: Uint8Array | null
  readonly isTombstone: boolean
}

export interface OpenedBatch {
  readonly bytes: Uint8Array
  readonly records: ReadonlyArray<RecordPlace>
}

/**
 * Undefined for what compaction leaves alone: markers, and records whose transaction may yet be
 * aborted. Throws `DecodeError` or `DecompressError` for what no broker let through.
 */
export function openBatch(batch: Uint8Array): OpenedBatch | undefined {
  const header = readBatchHeader(batch)
  if (header === undefined) throw new DecodeError("a batch cut short")
  const { attributes, baseOffset, recordCount } = header
  if (isControl(attributes) || isTransactional(attributes)) return undefined
  const bytes = recordBytes(batch)
  const reader = new Reader(bytes)
  const records: Array<RecordPlace> = []
  for (let n = 0; n < recordCount; n++) records.push(readPlace(reader, baseOffset))
  return { bytes, records }
}

function readPlace(reader: Reader, baseOffset: number): RecordPlace {
  const from = reader.at
  const to = reader.endAfter(reader.varint())
  reader.int8()
  const timestampDelta = reader.varlong()
  const offset = baseOffset + reader.varint()
  const keyLength = reader.varint()
  const key = keyLength < 0 ? null : reader.slice(keyLength)
  const isTombstone = reader.varint() < 0
  reader.at = to
  return { from, to, offset, timestampDelta, key, isTombstone }
}

/** The batch with these of its records; nothing at all when there are none. */
export function batchWith(
  batch: Uint8Array,
  bytes: Uint8Array,
  records: ReadonlyArray<RecordPlace>,
): Uint8Array {
  const codec = compressionOf(readBatchHeader(batch)?.attributes ?? 0)
  if (records.length === 0 || codec === undefined) return noPayload
  const left = compress(codec, joined(bytes, records))
  const made = new Uint8Array(batchHeaderBytes + left.length)
  made.set(batch.subarray(0, batchHeaderBytes))
  made.set(left, batchHeaderBytes)
  const view = new DataView(made.buffer)
  view.setInt32(8, made.length - batchPrefixBytes)
  if (!isLogAppendTime(view.getInt16(21))) {
    const latest = records.reduce((max, one) => Math.max(max, one.timestampDelta), -Infinity)
    view.setBigInt64(35, view.getBigInt64(27) + BigInt(latest))
  }
  view.setInt32(57, records.length)
  view.setUint32(17, crc32c(made, crcFrom))
  return made
}

function joined(bytes: Uint8Array, records: ReadonlyArray<RecordPlace>): Uint8Array {
  const whole = new Uint8Array(records.reduce((sum, { from, to }) => sum + to - from, 0))
  let at = 0
  for (const { from, to } of records) {
    whole.set(bytes.subarray(from, to), at)
    at += to - from
  }
  return whole
}
