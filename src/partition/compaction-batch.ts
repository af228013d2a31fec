/**
 * A batch as compaction sees it: its records one after the other, and the batch with some of them
 * alone. It keeps its offsets, its producer and its codec; the records' own bytes are not changed.
 */
import { crc32c } from "../../raft/crc32c.ts"
import { noPayload } from "../../raft/entry.ts"
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
import { compress } from "../protocol/compression.ts"
import { DecodeError, DecompressError } from "../protocol/errors.ts"
import { Reader } from "../protocol/reader.ts"
import { recordBytes } from "../protocol/record.ts"

/**
 * Goes over the records of a batch; its fields are those of the record it stands at. One object for
 * all of them: a batch may have a hundred thousand.
 */
export class RecordCursor {
  /** Decompressed. */
  readonly bytes: Uint8Array
  readonly count: number
  /** The record lies in `bytes` from here up to `to`. */
  from = 0
  to = 0
  offset = -1
  timestampDelta = 0
  keyFrom = 0
  /** Below `keyFrom`: without a key, which a compacted topic takes from nobody. */
  keyTo = -1
  isTombstone = false
  readonly #reader: Reader
  readonly #baseOffset: number
  #left: number

  constructor(bytes: Uint8Array, baseOffset: number, count: number) {
    this.bytes = bytes
    this.count = count
    this.#left = count
    this.#baseOffset = baseOffset
    this.#reader = new Reader(bytes)
  }

  get hasKey(): boolean {
    return this.keyTo >= this.keyFrom
  }

  /** False behind the last one. Throws `DecodeError`. */
  next(): boolean {
    if (this.#left === 0) return false
    this.#left -= 1
    const reader = this.#reader
    this.from = reader.at
    this.to = reader.endAfter(reader.varint())
    reader.int8()
    this.timestampDelta = reader.varlong()
    this.offset = this.#baseOffset + reader.varint()
    const keyLength = reader.varint()
    this.keyFrom = reader.at
    this.keyTo = keyLength < 0 ? -1 : reader.endAfter(keyLength)
    if (keyLength > 0) reader.at = this.keyTo
    this.isTombstone = reader.varint() < 0
    reader.at = this.to
    return true
  }

  /** From the first one again. */
  rewind(): void {
    this.#left = this.count
    this.#reader.at = 0
  }
}

/**
 * Undefined for what compaction leaves alone: markers, records whose transaction may yet be
 * aborted, and what nobody can read, as no broker would have let it through.
 */
export function openBatch(batch: Uint8Array): RecordCursor | undefined {
  const header = readBatchHeader(batch)
  if (header === undefined) return undefined
  const { attributes, baseOffset, recordCount } = header
  if (isControl(attributes) || isTransactional(attributes)) return undefined
  try {
    const cursor = new RecordCursor(recordBytes(batch), baseOffset, recordCount)
    while (cursor.next());
    cursor.rewind()
    return cursor
  } catch (error) {
    if (error instanceof DecodeError || error instanceof DecompressError) return undefined
    throw error
  }
}

/** What stays of a batch: pieces of its records' bytes, from and to in turn. */
export class KeptRecords {
  count = 0
  tombstones = 0
  readonly #pieces: Array<number> = []
  #latestDelta = -Infinity

  add({ from, to, timestampDelta, isTombstone }: RecordCursor): void {
    const { length } = this.#pieces
    if (length > 0 && this.#pieces[length - 1] === from) this.#pieces[length - 1] = to
    else this.#pieces.push(from, to)
    this.count += 1
    if (isTombstone) this.tombstones += 1
    if (timestampDelta > this.#latestDelta) this.#latestDelta = timestampDelta
  }

  /** The batch with these records alone; nothing at all when there are none. */
  batchOf(batch: Uint8Array, bytes: Uint8Array): Uint8Array {
    const codec = compressionOf(readBatchHeader(batch)?.attributes ?? 0)
    if (this.count === 0 || codec === undefined) return noPayload
    const left = compress(codec, this.#joined(bytes))
    const made = new Uint8Array(batchHeaderBytes + left.length)
    made.set(batch.subarray(0, batchHeaderBytes))
    made.set(left, batchHeaderBytes)
    const view = new DataView(made.buffer)
    view.setInt32(8, made.length - batchPrefixBytes)
    if (!isLogAppendTime(view.getInt16(21))) {
      view.setBigInt64(35, view.getBigInt64(27) + BigInt(this.#latestDelta))
    }
    view.setInt32(57, this.count)
    view.setUint32(17, crc32c(made, crcFrom))
    return made
  }

  #joined(bytes: Uint8Array): Uint8Array {
    const pieces = this.#pieces
    let length = 0
    for (let at = 0; at < pieces.length; at += 2) length += pieces[at + 1]! - pieces[at]!
    const whole = new Uint8Array(length)
    let end = 0
    for (let at = 0; at < pieces.length; at += 2) {
      whole.set(bytes.subarray(pieces[at], pieces[at + 1]), end)
      end += pieces[at + 1]! - pieces[at]!
    }
    return whole
  }
}
