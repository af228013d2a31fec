/** The newest entries of a group, in memory: a run that ends with the log's last entry. */
import type { Entry, LogIndex } from "../raft/types.ts"

/** Evicted places are given back when they are so many, and half of the array. */
const compactAt = 256

export class Tail {
  private list: Array<Entry> = []
  private head = 0
  private first: LogIndex = 1

  get length(): number {
    return this.list.length - this.head
  }

  /** Index of the oldest entry held; Infinity when there is none. */
  get firstIndex(): LogIndex {
    return this.length === 0 ? Infinity : this.first
  }

  /** Entries are pushed in index order. */
  push(entry: Entry): void {
    if (this.length === 0) {
      this.clear()
      this.first = entry.index
    }
    this.list.push(entry)
  }

  at(index: LogIndex): Entry | undefined {
    return index < this.first ? undefined : this.list[this.head + index - this.first]
  }

  /** Forgets the oldest entry if it is this one; another in its place has replaced this one. */
  evict(entry: Entry): void {
    if (this.list[this.head] !== entry) return
    this.head += 1
    this.first += 1
    if (this.head >= compactAt && this.head * 2 >= this.list.length) {
      this.list = this.list.slice(this.head)
      this.head = 0
    }
    // Without this the evicted entry stayed reachable, and with it its slab.
    else this.list[this.head - 1] = entryGone
  }

  truncateFrom(index: LogIndex): void {
    const keep = Math.max(0, index - this.first)
    if (keep < this.length) this.list.length = this.head + keep
  }

  /** Forgets what is below `index`. */
  cutBefore(index: LogIndex): void {
    const gone = Math.min(this.length, index - this.first)
    if (gone <= 0) return
    this.list = this.list.slice(this.head + gone)
    this.head = 0
    this.first += gone
  }

  clear(): void {
    this.list = []
    this.head = 0
  }
}

const entryGone: Entry = {
  term: 0,
  index: 0,
  type: "noop",
  appendMs: 0,
  firstOffset: 0,
  lastOffset: -1,
  maxTimestamp: -1,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  entryCrc: 0,
  keptCrc: 0,
  payload: new Uint8Array(0),
}
