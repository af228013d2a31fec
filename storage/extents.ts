/**
 * Where a group's entries lie: one extent per row that holds a run of them, ascending by index and
 * without gaps. Eight numbers each in one Float64Array: an entry that has left the tail cache costs
 * no object (64 bytes per row and group, however many entries it holds).
 */
import type { EntryEnvelope, LogIndex } from "../raft/types.ts"

const stride = 8
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

export class Extents {
  length = 0
  private data: Float64Array

  constructor(numbers: Float64Array = new Float64Array(0)) {
    this.data = numbers
    this.length = numbers.length / stride
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
      const base = (this.length - 1) * stride
      this.data[base + LAST_INDEX] = entry.index
      this.data[base + LAST_OFFSET] = entry.lastOffset
      this.data[base + MAX_TIMESTAMP] = Math.max(this.maxTimestamp(this.length - 1), timestamp)
      this.data[base + CHAIN] = chain
      this.data[base + BYTES] = this.bytes(this.length - 1) + payloadBytes
      return
    }
    const { index, firstOffset, lastOffset } = entry
    this.push([index, index, firstOffset, lastOffset, timestamp, row, chain, payloadBytes])
  }

  /** Extents that follow the last one, as `numbers` gave them. */
  appendAll(numbers: Float64Array): void {
    const base = this.length * stride
    this.reserve(base + numbers.length)
    this.data.set(numbers, base)
    this.length += numbers.length / stride
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
    return this.data.subarray(from * stride, to * stride)
  }

  replace(at: number, facts: ExtentFacts): void {
    this.data.set(numbersOf(facts), at * stride)
  }

  removeLast(): void {
    this.length -= 1
  }

  removeFirst(count: number): void {
    this.data.copyWithin(0, count * stride, this.length * stride)
    this.length -= count
  }

  clear(): void {
    this.length = 0
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
    const value = at < this.length ? this.data[at * stride + field] : undefined
    if (value === undefined) throw new RangeError(`no extent ${at} of ${this.length}`)
    return value
  }

  private push(values: ReadonlyArray<number>): void {
    const base = this.length * stride
    this.reserve(base + stride)
    this.data.set(values, base)
    this.length += 1
  }

  private reserve(numbers: number): void {
    if (numbers <= this.data.length) return
    const grown = new Float64Array(Math.max(4 * stride, numbers, this.data.length * 2))
    grown.set(this.data.subarray(0, this.length * stride))
    this.data = grown
  }
}

function numbersOf(facts: ExtentFacts): ReadonlyArray<number> {
  const { firstIndex, lastIndex, firstOffset, lastOffset, maxTimestamp, row, chain, bytes } = facts
  return [firstIndex, lastIndex, firstOffset, lastOffset, maxTimestamp, row, chain, bytes]
}
