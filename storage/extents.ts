/**
 * Where a group's entries lie: one extent per row that holds a run of them, ascending by index and
 * without gaps. Eight numbers each in one Float64Array: an entry that has left the tail cache costs
 * no object (64 bytes per row and group, however many entries it holds).
 */
import type { EntryEnvelope, LogIndex } from "../raft/types.ts"
import type { Run } from "./boundary.ts"

const stride = 8
/** Extents of which the greatest timestamp is kept: what a look-up by time skips at once. */
const blockExtents = 256
/** Removed extents in front of the others that are worth a copy of these. */
const goneMax = 4096
const [FIRST_INDEX, LAST_INDEX, FIRST_OFFSET, LAST_OFFSET, MAX_TIMESTAMP, ROW, CHAIN, BYTES] = [
  0, 1, 2, 3, 4, 5, 6, 7,
] as const

/** What an extent says of its entries together. */
export interface ExtentFacts {
  readonly firstIndex: LogIndex
  readonly lastIndex: LogIndex
  readonly firstOffset: number
  readonly lastOffset: number
  /** Greatest of the data entries; −Infinity without one. */
  readonly maxTimestamp: number
  /** Seq of the row. */
  readonly row: number
  /** Chain link of the last entry. */
  readonly chain: number
  readonly bytes: number
}

/** Extents in one file. */
export interface ExtentRun {
  /** Of the first one. */
  readonly row: number
  readonly bytes: number
  readonly entries: number
}

export class Extents {
  length = 0
  private data: Float64Array
  /** Extents in `data` before the first one: removed. */
  private gone = 0
  /**
   * Of each block of `data` a timestamp that none of its extents exceeds: the greatest it ever had.
   */
  private blocks: Array<number> = []

  constructor(numbers: Float64Array = new Float64Array(0)) {
    this.data = numbers
    this.length = numbers.length / stride
    for (let at = 0; at < this.length; at++) this.noteTimestamp(at)
  }

  firstIndex(at: number): LogIndex {
    return this.get(at, FIRST_INDEX)
  }
  lastIndex(at: number): LogIndex {
    return this.get(at, LAST_INDEX)
  }
  firstOffset(at: number): number {
    return this.get(at, FIRST_OFFSET)
  }
  lastOffset(at: number): number {
    return this.get(at, LAST_OFFSET)
  }
  maxTimestamp(at: number): number {
    return this.get(at, MAX_TIMESTAMP)
  }
  row(at: number): number {
    return this.get(at, ROW)
  }
  chain(at: number): number {
    return this.get(at, CHAIN)
  }
  bytes(at: number): number {
    return this.get(at, BYTES)
  }

  /** Adds the entry that follows the last one: to the last extent when that is in the same row. */
  append(entry: EntryEnvelope, payloadBytes: number, row: number, chain: number): void {
    const timestamp = entry.type === "data" ? entry.maxTimestamp : -Infinity
    if (this.length > 0 && this.row(this.length - 1) === row) {
      const base = this.baseOf(this.length - 1)
      this.data[base + LAST_INDEX] = entry.index
      this.data[base + LAST_OFFSET] = entry.lastOffset
      this.data[base + MAX_TIMESTAMP] = Math.max(this.maxTimestamp(this.length - 1), timestamp)
      this.data[base + CHAIN] = chain
      this.data[base + BYTES] = this.bytes(this.length - 1) + payloadBytes
      this.noteTimestamp(this.length - 1)
      return
    }
    const { index, firstOffset, lastOffset } = entry
    this.push([index, index, firstOffset, lastOffset, timestamp, row, chain, payloadBytes])
  }

  /** Extents that follow the last one, as `numbers` gave them. */
  appendAll(numbers: Float64Array): void {
    const base = this.baseOf(this.length)
    this.reserve(base + numbers.length)
    this.data.set(numbers, base)
    const from = this.length
    this.length += numbers.length / stride
    for (let at = from; at < this.length; at++) this.noteTimestamp(at)
  }

  /** Entries that are missing (row 0): nothing is known of them. */
  appendHole(firstIndex: LogIndex, lastIndex: LogIndex): void {
    this.push([firstIndex, lastIndex, 0, -1, -Infinity, 0, Number.NaN, 0])
  }

  isHole(at: number): boolean {
    return this.row(at) === 0
  }

  /** The numbers of extents [from, to); a view. */
  numbers(from: number, to: number): Float64Array {
    return this.data.subarray(this.baseOf(from), this.baseOf(to))
  }

  replace(at: number, facts: ExtentFacts): void {
    this.data.set(numbersOf(facts), this.baseOf(at))
    this.noteTimestamp(at)
  }

  /** Payloads of the extent's entries were replaced. */
  setBytes(at: number, bytes: number): void {
    this.data[this.baseOf(at) + BYTES] = bytes
  }

  removeLast(): void {
    this.length -= 1
  }

  /** What extents [from, to) hold, by file: `endOf` says behind which row a row's file ends. */
  *runs(from: number, to: number, endOf: (row: number) => number): Generator<ExtentRun> {
    for (let at = from; at < to;) {
      const row = this.row(at)
      const end = endOf(row)
      const first = this.firstIndex(at)
      let bytes = 0
      for (; at < to && this.row(at) < end; at++) bytes += this.bytes(at)
      yield { row, bytes, entries: this.lastIndex(at - 1) - first + 1 }
    }
  }

  removeFirst(count: number): void {
    this.gone += count
    this.length -= count
    if (this.gone > goneMax && this.gone > this.length) this.closeUp()
  }

  /** What was removed in front gives its memory back: so much is removed that a copy costs less. */
  private closeUp(): void {
    this.data = this.data.slice(this.baseOf(0), this.baseOf(this.length))
    this.gone = 0
    this.blocks = []
    for (let at = 0; at < this.length; at++) this.noteTimestamp(at)
  }

  clear(): void {
    this.length = 0
    this.gone = 0
    this.blocks = []
    this.data = new Float64Array(0)
  }

  /** Place of the extent that holds `index`; `length` when it is past the end. */
  find(index: LogIndex): number {
    return this.firstWhere((at) => this.lastIndex(at) >= index)
  }

  /** Place of the first extent whose lastOffset ≥ offset; `length` when there is none. */
  findOffset(offset: number): number {
    return this.firstWhere((at) => this.lastOffset(at) >= offset)
  }

  /** Place of the first extent in a row ≥ `row`; `length` when there is none. */
  findRow(row: number): number {
    return this.firstWhere((at) => this.row(at) >= row)
  }

  /** Place of the first extent at or behind `from` with a timestamp ≥ `timestamp`; or `length`. */
  findTimestamp(timestamp: number, from: number): number {
    for (let at = from; at < this.length;) {
      if (this.blockTimestamp(at) < timestamp) at = this.nextBlock(at)
      else if (this.maxTimestamp(at) >= timestamp) return at
      else at++
    }
    return this.length
  }

  /** Greatest timestamp of the extents [from, to); −Infinity when there is none. */
  greatestTimestamp(from: number, to: number): number {
    let greatest = -Infinity
    for (let at = from; at < to;) {
      if (this.blockTimestamp(at) <= greatest) at = this.nextBlock(at)
      else greatest = Math.max(greatest, this.maxTimestamp(at++))
    }
    return greatest
  }

  private blockOf(at: number): number {
    return Math.floor((at + this.gone) / blockExtents)
  }

  private nextBlock(at: number): number {
    return (this.blockOf(at) + 1) * blockExtents - this.gone
  }

  private blockTimestamp(at: number): number {
    return this.blocks[this.blockOf(at)] ?? -Infinity
  }

  private noteTimestamp(at: number): void {
    const block = this.blockOf(at)
    this.blocks[block] = Math.max(this.blocks[block] ?? -Infinity, this.maxTimestamp(at))
  }

  /** Place of the first extent from `at` on with payload; `length` when there is none. */
  findPayload(at: number): number {
    let next = at
    while (next < this.length && this.bytes(next) === 0) next++
    return next
  }

  /** Of the entries in rows [from, to); undefined without any. */
  indexesIn(from: number, to: number): { first: LogIndex; last: LogIndex } | undefined {
    const [at, end] = [this.findRow(from), this.findRow(to)]
    if (at >= end) return undefined
    return { first: this.firstIndex(at), last: this.lastIndex(end - 1) }
  }

  /** Where the entries lie, by file; `endOf` says behind which seq a row's file ends. */
  runsByFile(endOf: (row: number) => number): ReadonlyArray<Run> {
    const found: Array<Run> = []
    for (let at = 0; at < this.length;) {
      const row = this.row(at)
      const next = Math.max(at + 1, this.findRow(endOf(row)))
      found.push({ row, first: this.firstIndex(at), last: this.lastIndex(next - 1) })
      at = next
    }
    return found
  }

  /** Bytes of the extent with the same entries as that one; undefined when there is none. */
  bytesOfSame(other: Extents, at: number): number | undefined {
    const place = this.findRow(other.row(at))
    const isSame =
      place < this.length &&
      this.row(place) === other.row(at) &&
      this.firstIndex(place) === other.firstIndex(at) &&
      this.lastIndex(place) === other.lastIndex(at)
    return isSame ? this.bytes(place) : undefined
  }

  /** First place for which a monotone predicate holds. */
  private firstWhere(holds: (at: number) => boolean): number {
    let lo = 0
    let hi = this.length
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      if (holds(middle)) hi = middle
      else lo = middle + 1
    }
    return lo
  }

  private get(at: number, field: number): number {
    const value = at < this.length ? this.data[this.baseOf(at) + field] : undefined
    if (value === undefined) throw new RangeError(`no extent ${at} of ${this.length}`)
    return value
  }

  /** Where the numbers of an extent begin. */
  private baseOf(at: number): number {
    return (at + this.gone) * stride
  }

  private push(values: ReadonlyArray<number>): void {
    const base = this.baseOf(this.length)
    this.reserve(base + stride)
    this.data.set(values, base)
    this.length += 1
    this.noteTimestamp(this.length - 1)
  }

  private reserve(numbers: number): void {
    if (numbers <= this.data.length) return
    const grown = new Float64Array(Math.max(4 * stride, numbers, this.data.length * 2))
    grown.set(this.data.subarray(0, this.baseOf(this.length)))
    this.data = grown
  }
}

function numbersOf(facts: ExtentFacts): ReadonlyArray<number> {
  const { firstIndex, lastIndex, firstOffset, lastOffset, maxTimestamp, row, chain, bytes } = facts
  return [firstIndex, lastIndex, firstOffset, lastOffset, maxTimestamp, row, chain, bytes]
}
