/** What the replica with the longest log held at the end: what everything else is measured by. */
import type { Drain, Operation, SeenRecord } from "../history/history.ts"
import { lowerBound } from "./lower-bound.ts"

export class FinalLog {
  readonly drain: Operation<Drain>
  /** Ascending by offset. */
  readonly records: ReadonlyArray<SeenRecord>
  /** Of the replicas' log starts the highest: below it records may be gone. */
  readonly startOffset: number
  readonly endOffset: number
  /** Of the first record that is there; −1 when there is none. */
  readonly firstOffset: number
  /** Of each key only the last value need be there. */
  readonly isCompacted: boolean
  readonly #firstOffsets = new Map<string, number>()
  /** Of values that are there more than once: every offset, ascending. */
  readonly copies: ReadonlyMap<string, ReadonlyArray<number>>

  constructor(drain: Operation<Drain>, startOffset: number, isCompacted: boolean) {
    this.drain = drain
    this.records = ascending(drain.records)
    this.startOffset = startOffset
    this.endOffset = drain.highWatermark
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

/** undefined when nobody could be drained. */
export function finalLog(drains: ReadonlyArray<Operation<Drain>>): FinalLog | undefined {
  let longest: Operation<Drain> | undefined
  let startOffset = 0
  let isCompacted = false
  for (const drain of drains) {
    startOffset = Math.max(startOffset, drain.logStartOffset)
    isCompacted ||= drain.compacted === true
    if (longest === undefined || drain.highWatermark > longest.highWatermark) longest = drain
  }
  return longest && new FinalLog(longest, startOffset, isCompacted)
}

/** A dump that is out of order is somebody else's to report (`kept.ts`). */
const ascending = (records: ReadonlyArray<SeenRecord>): ReadonlyArray<SeenRecord> =>
  records.every(([offset], i) => i === 0 || (records[i - 1]?.[0] ?? -1) < offset)
    ? records
    : records.toSorted(([a], [b]) => a - b)
