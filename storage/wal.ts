/**
 * The port of the write-ahead log: one log per node, shared by all its Raft groups, each with its
 * own index sequence.
 *
 * A commit is atomic over all its groups. It is visible to readers as soon as `commit` returns and
 * durable once `onDurable` has reported its number; commits become durable in their order, never
 * singly out of it.
 */
import type { Entry, EntryEnvelope, HardState, LogIndex, Term } from "../raft/types.ts"
import type { LogReader } from "../raft/log-reader.ts"

/** int32, handed out by the metadata group, never reused; group 0 is the metadata group itself. */
export type GroupId = number
/** Number of a commit, 1, 2, 3 … since open. */
export type CommitNumber = number

/** One group's part of a commit. */
export interface GroupWrite {
  readonly group: GroupId
  /** Consecutive; they replace all entries from the first one's index on. May be empty. */
  readonly entries: ReadonlyArray<Entry>
  /** Undefined leaves the stored one as it is. */
  readonly hardState?: HardState
}

/** An entry without its bytes. */
export interface EntryMeta extends EntryEnvelope {
  readonly payloadBytes: number
}

/** Why a stored entry was not served: its bytes are not those that were appended. */
export class CorruptEntry extends Error {
  readonly group: GroupId
  readonly index: LogIndex
  constructor(group: GroupId, index: LogIndex, what: string) {
    super(`group ${group} index ${index}: ${what}`)
    this.name = "CorruptEntry"
    this.group = group
    this.index = index
  }
}

/**
 * The log of one group, read on the caller's thread. Reads throw `CorruptEntry`, never return other
 * bytes.
 */
export interface GroupLog extends LogReader {
  readonly hardState: HardState
  /** firstOffset of the first readable entry. */
  readonly firstOffset: number
  /** Envelopes of [lo, hi), without touching payloads; at most `countMax`. */
  metas(lo: LogIndex, hi: LogIndex, countMax: number): ReadonlyArray<EntryMeta>
  /** Index of the first entry whose lastOffset ≥ offset; undefined past the end. */
  indexOfOffset(offset: number): LogIndex | undefined
  /**
   * Index of the first data entry at or above `from` with maxTimestamp ≥ timestamp; undefined when
   * there is none.
   */
  indexOfTimestamp(timestamp: number, from: LogIndex): LogIndex | undefined
  /** Terms and the index at which each begins, ascending, as far as the log is readable. */
  termRuns(): ReadonlyArray<{ readonly term: Term; readonly firstIndex: LogIndex }>
  /** Stored payload bytes of the group (DescribeLogDirs). */
  readonly payloadBytes: number
}

export interface Wal {
  /** The group's log, empty for a group that was never written. The same object at every call. */
  log(group: GroupId): GroupLog
  /** Groups that have entries or a hard state. */
  groups(): ReadonlyArray<GroupId>
  /**
   * Takes a commit over; never blocks. Payloads must not be changed afterwards by anybody. A failed
   * write or fsync is reported by `onFailure` once and nothing is durable after it: the broker must
   * stop (fail-stop, VERIFICATION D5).
   */
  commit(writes: ReadonlyArray<GroupWrite>): CommitNumber
  /** Bytes taken over and not durable yet: back-pressure for whoever appends. */
  readonly pendingBytes: number
  /** The group was deleted by a committed metadata record: its entries and hard state go. */
  drop(group: GroupId): void
}

/** How an open log reports back; calls come from the event loop, in order. */
export interface WalEvents {
  readonly onDurable: (through: CommitNumber) => void
  readonly onFailure: (error: Error) => void
}
