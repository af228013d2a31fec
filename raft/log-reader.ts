/** The port through which the core reads what its host has taken over from `Ready.entries`. */
import type { Entry, LogCut, LogIndex, Term } from "./types.ts"

/**
 * Contract: every entry handed out in a `Ready` is readable here from the moment the host returned
 * from taking it (durable or not), and entries at or above the first index of a newer
 * `Ready.entries` are gone by then.
 */
export interface LogReader {
  /** What is gone from the front; firstIndex = cut.index + 1. Moves when the host cuts. */
  readonly cut: LogCut
  /** Smallest index whose entry is readable; lastIndex + 1 when none is. */
  readonly firstIndex: LogIndex
  /** 0 for an empty log. */
  readonly lastIndex: LogIndex
  /** Cumulative `lastOffset` of the log's end; −1 when it holds no record yet. */
  readonly lastOffset: number
  /** `appendMs` of the last entry, 0 when there is none. */
  readonly lastAppendMs: number
  /**
   * Term of the entry at `index`; of the cut for firstIndex − 1 (0 for 0). Undefined when it is not
   * known.
   */
  term(index: LogIndex): Term | undefined
  /**
   * Entries of [lo, hi), at least one when lo < hi and lo is readable, then as many as fit in
   * `bytesMax` payload bytes; those with less than was appended count a little more
   * (`countedBytes`).
   */
  entries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry>
  /** Last entry of type configuration at or below `index`, if one is readable. */
  configurationAt(index: LogIndex): Entry | undefined
}
