/** How a group's log reads rows that have left memory, whatever file they are in. */
import type { LogIndex } from "../raft/types.ts"
import { CorruptRow, type Directory } from "./directory.ts"
import { CorruptEntry, type GroupId } from "./wal.ts"

/** Entries of one group in one row. */
export interface Located {
  readonly directory: Directory
  /** By index; −1 where the directory has no such entry. */
  readonly slots: ReadonlyArray<number>
}

/** Reads rows that have left memory. Throws `CorruptRow`. */
export interface RowSource {
  locate(row: number, group: GroupId, lo: LogIndex, hi: LogIndex): Located
  payload(row: number, position: number, bytes: number): Uint8Array
  /** Rows from this one on, up to there, are in one file. */
  fileEnd(row: number): number
  /** Entries of the row's file are not in the log any more. */
  released(row: number, payloadBytes: number, entries: number): void
}

/** Turns whatever a damaged file makes a read throw into a `CorruptEntry`; other errors pass. */
export function guarded<A>(group: GroupId, index: LogIndex, read: () => A): A {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof CorruptRow)) throw error
    throw new CorruptEntry(group, index, error.message)
  }
}
