/**
 * The log as the core sees it: what the host holds, below a tail that no Ready has handed out yet.
 * Only that tail is in memory here.
 */
import { invariant } from "./assert.ts"
import { countedBytes } from "./entry.ts"
import type { LogReader } from "./log-reader.ts"
import type { Entry, LogCut, LogIndex, Snapshot, Term } from "./types.ts"

/** Bytes counted for an entry besides its payload. */
export const ENTRY_OVERHEAD_BYTES = 64

/**
 * Invariants: appliedIndex ≤ handedCommitIndex ≤ commitIndex ≤ lastIndex; durableIndex ≤ lastIndex;
 * tail[i].index = tailFirstIndex + i; tailFirstIndex + tail.length = lastIndex + 1.
 */
export class RaftLog {
  readonly #reader: LogReader
  #tail: Array<Entry> = []
  #tailBytes = 0
  /** A snapshot that no Ready has handed out yet. */
  #installed: Snapshot | null = null
  tailFirstIndex: LogIndex
  lastIndex: LogIndex
  lastTerm: Term
  lastOffset: number
  lastAppendMs: number
  commitIndex: LogIndex
  /** Up to here the Readys have said "committed". */
  handedCommitIndex: LogIndex
  appliedIndex: LogIndex
  /** Entries up to here are those of this log and durable. */
  durableIndex: LogIndex

  /** Who is not trusted may have lost entries below `commitIndex`. */
  constructor(reader: LogReader, commitIndex: LogIndex, trusted: boolean) {
    this.#reader = reader
    this.lastIndex = reader.lastIndex
    this.tailFirstIndex = this.lastIndex + 1
    this.lastOffset = reader.lastOffset
    this.lastAppendMs = reader.lastAppendMs
    const lastTerm = reader.term(this.lastIndex)
    invariant(lastTerm !== undefined, "the log knows the term of its end")
    this.lastTerm = lastTerm
    const whole = !trusted || commitIndex <= this.lastIndex
    invariant(whole, "the log lost entries that were committed")
    this.commitIndex = Math.max(Math.min(commitIndex, this.lastIndex), reader.firstIndex - 1)
    this.durableIndex = this.lastIndex
    this.handedCommitIndex = reader.firstIndex - 1
    this.appliedIndex = this.handedCommitIndex
  }

  /** What is gone from the front; what a snapshot has just cut off, the host learns by Ready. */
  get cut(): LogCut {
    return this.#installed?.cut ?? this.#reader.cut
  }
  get snapshotDue(): boolean {
    return this.#installed !== null
  }
  get tail(): ReadonlyArray<Entry> {
    return this.#tail
  }

  /** Undefined when `index` is past the end or before the cut. */
  term(index: LogIndex): Term | undefined {
    if (index === this.lastIndex) return this.lastTerm
    if (index > this.lastIndex) return undefined
    if (index >= this.tailFirstIndex) return this.#tail[index - this.tailFirstIndex]?.term
    if (this.#installed !== null && index <= this.#installed.cut.index) {
      return index === this.#installed.cut.index ? this.#installed.cut.term : undefined
    }
    return this.#reader.term(index)
  }

  /**
   * [lo, lastIndex], as much as fits; never across the border of the tail. The array is not changed
   * any more.
   */
  entriesFrom(lo: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    if (lo > this.lastIndex) return none
    if (lo < this.tailFirstIndex) {
      this.checkTaken()
      return this.#reader.entries(lo, this.tailFirstIndex, bytesMax)
    }
    if (lo === this.tailFirstIndex && this.#tailBytes <= bytesMax) return this.#tail
    const start = lo - this.tailFirstIndex
    let end = start + 1
    let bytes = bytesOf(this.#tail[start]!)
    for (; end < this.#tail.length; end++) {
      bytes += bytesOf(this.#tail[end]!)
      if (bytes > bytesMax) break
    }
    return this.#tail.slice(start, end)
  }

  /** [lo, last], which is durable, as much as fits. */
  durableEntries(lo: LogIndex, last: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    invariant(last <= this.durableIndex, "only what is durable is read as such")
    return lo > last ? none : this.#reader.entries(lo, last + 1, bytesMax)
  }

  /** Last configuration entry at or below `index`. */
  configurationAt(index: LogIndex): Entry | undefined {
    for (let at = Math.min(index, this.lastIndex); at >= this.tailFirstIndex; at--) {
      const entry = this.#tail[at - this.tailFirstIndex]!
      if (entry.type === "configuration") return entry
    }
    const found = this.#reader.configurationAt(Math.min(index, this.tailFirstIndex - 1))
    return found !== undefined && found.index > this.cut.index ? found : undefined
  }

  append(entry: Entry): void {
    invariant(entry.index === this.lastIndex + 1, "an entry continues the log")
    invariant(entry.term >= this.lastTerm, "terms do not decrease along the log")
    this.#tail.push(entry)
    this.#tailBytes += bytesOf(entry)
    this.lastIndex = entry.index
    this.lastTerm = entry.term
    this.lastOffset = entry.lastOffset
    this.lastAppendMs = entry.appendMs
  }

  /**
   * Drops everything at or above `replacement.index` and puts it there (§5.3, only on a conflict).
   */
  replaceFrom(replacement: Entry): void {
    const index = replacement.index
    invariant(index > this.commitIndex, "what is committed is never truncated")
    const termBefore = this.term(index - 1)
    invariant(termBefore !== undefined, "the entry before a replaced one is known")
    if (index >= this.tailFirstIndex) {
      for (const dropped of this.#tail.splice(index - this.tailFirstIndex)) {
        this.#tailBytes -= bytesOf(dropped)
      }
    } else {
      this.#tail = []
      this.#tailBytes = 0
      this.tailFirstIndex = index
    }
    this.lastIndex = index - 1
    this.lastTerm = termBefore
    this.durableIndex = Math.min(this.durableIndex, index - 1)
    this.append(replacement)
  }

  /**
   * Replaces everything up to the cut, and what comes after it too unless the log holds the entry
   * at the cut: then it agrees up to there (Log Matching), and what follows was perhaps
   * acknowledged.
   */
  install(snapshot: Snapshot): void {
    const { cut } = snapshot
    invariant(cut.index > this.commitIndex, "a snapshot never takes anything back")
    if (this.term(cut.index) !== cut.term) this.#beginAt(cut)
    else if (cut.index >= this.tailFirstIndex) this.#dropTailThrough(cut.index)
    this.#installed = snapshot
    this.commitIndex = cut.index
    this.handedCommitIndex = cut.index
    this.appliedIndex = cut.index
  }

  #beginAt(cut: LogCut): void {
    this.#tail = []
    this.#tailBytes = 0
    this.tailFirstIndex = cut.index + 1
    this.lastIndex = cut.index
    this.lastTerm = cut.term
    this.lastOffset = cut.lastOffset
    this.lastAppendMs = cut.appendMs
    // What is durable and committed is the same entry in the log that was and in the one that is.
    this.durableIndex = Math.min(this.durableIndex, this.commitIndex)
  }

  #dropTailThrough(index: LogIndex): void {
    for (const dropped of this.#tail.splice(0, index + 1 - this.tailFirstIndex)) {
      this.#tailBytes -= bytesOf(dropped)
    }
    this.tailFirstIndex = index + 1
  }

  takeSnapshot(): Snapshot | null {
    const taken = this.#installed
    this.#installed = null
    return taken
  }

  /** Hands the tail out: from here on the host's reader has it. */
  takeTail(): ReadonlyArray<Entry> {
    if (this.#tail.length === 0) return none
    const taken = this.#tail
    this.#tail = []
    this.#tailBytes = 0
    this.tailFirstIndex = this.lastIndex + 1
    return taken
  }

  /**
   * The host must have taken what the last Ready handed out before it asks anything of the core.
   */
  checkTaken(): void {
    if (this.tailFirstIndex === this.lastIndex + 1 && this.#installed === null) {
      invariant(this.#reader.lastIndex === this.lastIndex, "the host has taken the last Ready")
    }
  }

  /** §5.4.1: the later last term wins, then the longer log. */
  isUpToDate(lastLogIndex: LogIndex, lastLogTerm: Term): boolean {
    return (
      lastLogTerm > this.lastTerm ||
      (lastLogTerm === this.lastTerm && lastLogIndex >= this.lastIndex)
    )
  }

  commitTo(index: LogIndex): void {
    invariant(index > this.commitIndex, "commitIndex only grows")
    invariant(index <= this.lastIndex, "only what is in the log is committed")
    this.commitIndex = index
  }

  /**
   * Largest index of [floor, index] whose term is at most `term`; `floor` when there is none
   * (§5.3's back-off, a whole term at a time). Terms ascend along a log, so it is found by halving.
   */
  lastIndexWithTermAtMost(term: Term, index: LogIndex, floor: LogIndex): LogIndex {
    let lo = floor
    let hi = Math.max(Math.min(index, this.lastIndex), floor)
    while (lo < hi) {
      const middle = lo + Math.ceil((hi - lo) / 2)
      if ((this.term(middle) ?? 0) <= term) lo = middle
      else hi = middle - 1
    }
    return lo
  }
}

const bytesOf = ({ payload, keptCrc }: Entry): number => countedBytes(payload.length, keptCrc)

const none: ReadonlyArray<Entry> = Object.freeze([])
