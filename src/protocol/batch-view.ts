/**
 * A view on record batches of magic 2, the only format that is written since Kafka 0.11: reading
 * and changing the 61 bytes in front of the records. Validation is in `record-batch.ts`, the
 * records themselves in `record.ts`.
 *
 *     0 baseOffset int64 · 8 batchLength int32 · 12 partitionLeaderEpoch int32 · 16 magic int8 ·
 *     17 crc uint32 · 21 attributes int16 · 23 lastOffsetDelta int32 · 27 baseTimestamp int64 ·
 *     35 maxTimestamp int64 · 43 producerId int64 · 51 producerEpoch int16 ·
 *     53 baseSequence int32 · 57 recordCount int32 · 61 records
 *
 * batchLength counts from byte 12, the CRC covers byte 21 to the end. So base offset and leader
 * epoch are the broker's to fill in without touching the checksum.
 */
import { crc32c } from "../../raft/crc32c.ts"
import { compressionNames } from "./compression.ts"
import type { Compression } from "./compression.ts"

export interface BatchHeader {
  readonly baseOffset: number
  /** Of the bytes behind this field: the whole batch has 12 more. */
  readonly batchLength: number
  readonly partitionLeaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  /** -1: not idempotent. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export const batchHeaderBytes = 61
/** Base offset and length: what `batchLength` does not count. */
export const batchPrefixBytes = 12
export const crcFrom = 21

const attributesAt = 21
const maxTimestampAt = 35

const compressionMask = 0x07
const logAppendTimeBit = 0x08
const transactionalBit = 0x10
const controlBit = 0x20

/** Undefined for the numbers 5 to 7, which no codec has. */
export const compressionOf = (attributes: number): Compression | undefined =>
  compressionNames[attributes & compressionMask]

export const isLogAppendTime = (attributes: number): boolean =>
  (attributes & logAppendTimeBit) !== 0
export const isTransactional = (attributes: number): boolean =>
  (attributes & transactionalBit) !== 0
/** Markers of transactions: written by brokers alone. */
export const isControl = (attributes: number): boolean => (attributes & controlBit) !== 0

/**
 * The header at `at`; undefined where fewer than 61 bytes are left. Nothing is checked: int64
 * fields that no double holds come rounded.
 */
export const readBatchHeader = (bytes: Uint8Array, at = 0): BatchHeader | undefined => {
  if (bytes.length - at < batchHeaderBytes) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, batchHeaderBytes)
  return {
    baseOffset: int64(view, 0),
    batchLength: view.getInt32(8),
    partitionLeaderEpoch: view.getInt32(12),
    magic: view.getInt8(16),
    crc: view.getUint32(17),
    attributes: view.getInt16(attributesAt),
    lastOffsetDelta: view.getInt32(23),
    baseTimestamp: int64(view, 27),
    maxTimestamp: int64(view, maxTimestampAt),
    producerId: int64(view, 43),
    producerEpoch: view.getInt16(51),
    baseSequence: view.getInt32(53),
    recordCount: view.getInt32(57),
  }
}

/** Bytes of the batch that begins at `at`, undefined where its length is not there or senseless. */
export const batchBytes = (bytes: Uint8Array, at = 0): number | undefined => {
  if (bytes.length - at < batchPrefixBytes) return undefined
  const length = new DataView(bytes.buffer, bytes.byteOffset + at, batchPrefixBytes).getInt32(8)
  return length < batchHeaderBytes - batchPrefixBytes ? undefined : batchPrefixBytes + length
}

/**
 * The whole batches in `bytes`, as views, up to the first that is cut short: what a fetch returns.
 */
export function* splitBatches(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; ;) {
    const length = batchBytes(bytes, at)
    if (length === undefined || at + length > bytes.length) return
    yield bytes.subarray(at, at + length)
    at += length
  }
}

/** CRC-32C of one whole batch, as it should stand in its header. */
export const batchCrc = (batch: Uint8Array): number => crc32c(batch, crcFrom)

/** Gives the batch its place in the log, in place: the first 21 bytes lie outside the CRC. */
export const assignOffsets = (batch: Uint8Array, baseOffset: number, leaderEpoch: number): void => {
  const view = new DataView(batch.buffer, batch.byteOffset, batchHeaderBytes)
  setInt64(view, 0, baseOffset)
  view.setInt32(12, leaderEpoch)
}

/** Stamps the batch with the broker's time, in place: readers then take it for every record. */
export const setLogAppendTime = (batch: Uint8Array, wallMs: number): void =>
  setMaxTimestamp(batch, wallMs, true)

/** Sets the highest timestamp and whose it is, in place, and the CRC anew. */
export const setMaxTimestamp = (
  batch: Uint8Array,
  maxTimestamp: number,
  logAppendTime: boolean,
): void => {
  const view = new DataView(batch.buffer, batch.byteOffset, batchHeaderBytes)
  const attributes = view.getInt16(attributesAt) & ~logAppendTimeBit
  view.setInt16(attributesAt, logAppendTime ? attributes | logAppendTimeBit : attributes)
  setInt64(view, maxTimestampAt, maxTimestamp)
  view.setUint32(17, batchCrc(batch))
}

const two32 = 2 ** 32

const int64 = (view: DataView, at: number): number =>
  view.getInt32(at) * two32 + view.getUint32(at + 4)

const setInt64 = (view: DataView, at: number, value: number): void => {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`)
  view.setInt32(at, Math.floor(value / two32))
  view.setUint32(at + 4, value >>> 0)
}
