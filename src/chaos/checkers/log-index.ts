/** Records of one log by offset and by value. */
import type { SeenRecord } from "../history/history.ts"
import { lowerBound } from "./lower-bound.ts"

export class LogIndex {
  /** Ascending by offset. */
  readonly records: ReadonlyArray<SeenRecord>
  /** Below it records may be gone. */
  readonly startOffset: number
  /** Of the first record that is there; −1 when there is none. */
  readonly firstOffset: number
  /** Of each key only the last value need be there. */
  readonly isCompacted: boolean
  readonly #firstOffsets = new Map<string, number>()
  /** Of values that are there more than once: every offset, ascending. */
  readonly copies: ReadonlyMap<string, ReadonlyArray<number>>

  constructor(records: ReadonlyArray<SeenRecord>, startOffset: number, isCompacted: boolean) {
    this.records = ascending(records)
    this.startOffset = startOffset
    this.firstOffset = this.records[0]?.[0] ?? -1
    this.isCompacted = isCompacted
    const copies = new Map<string, Array<number>>()
    for (const [offset, value] of this.records) {
      const first = this.#firstOffsets.get(value)
      if (first === undefined) {
        this.#firstOffsets.set(value, offset)
        continue
      }
      const known = copies.get(value)
      if (known === undefined) copies.set(value, [first, offset])
      else known.push(offset)
    }
    this.copies = copies
  }

  /** Place of the first record at or above the offset. */
  placeAt(offset: number): number {
    // Offsets are contiguous where nothing is compacted: then there is nothing to search.
    const guess = offset - this.firstOffset
    if (this.records[guess]?.[0] === offset) return guess
    return lowerBound(this.records, offset, ([at]) => at)
  }

  has(offset: number): boolean {
    return this.valueAt(offset) !== undefined
  }

  valueAt(offset: number): string | undefined {
    const record = this.records[this.placeAt(offset)]
    return record !== undefined && record[0] === offset ? record[1] : undefined
  }

  /** The lowest offset of a value; quicker when it is `likely`. */
  firstOffsetOf(value: string, likely = -1): number | undefined {
    if (this.copies.size === 0 && likely !== -1 && this.valueAt(likely) === value) return likely
    return this.#firstOffsets.get(value)
  }

  offsetsOf(value: string): ReadonlyArray<number> {
    const first = this.#firstOffsets.get(value)
    return this.copies.get(value) ?? (first === undefined ? [] : [first])
  }
}

/** A dump that is out of order is somebody else's to report (`replicas.ts`). */
const ascending = (records: ReadonlyArray<SeenRecord>): ReadonlyArray<SeenRecord> =>
  records.every(([offset], i) => i === 0 || (records[i - 1]?.[0] ?? -1) < offset)
    ? records
    : records.toSorted(([a], [b]) => a - b)
