/**
 * The port of the write-ahead log: one log per node, shared by all its Raft groups, each with its
 * own index sequence.
 *
 * A commit is atomic over all its groups. It is visible to readers as soon as `commit` returns and
 * durable once `onDurable` has reported its number; commits become durable in their order, never
 * singly out of it.
 */
import type { Entry, EntryEnvelope, HardState, LogIndex, Snapshot, Term } from "../raft/types.ts"
import type { LogReader } from "../raft/log-reader.ts"

/** int32, handed out by the metadata group, never reused; group 0 is the metadata group itself. */
export type GroupId = number
/** Number of a commit, 1, 2, 3 … since open. */
export type CommitNumber = number

/** The host's derived state at a committed index: where applying begins after an open. */
export interface Checkpoint {
  readonly index: LogIndex
  readonly term: Term
  readonly state: Uint8Array
}

/**
 * How far a group's log is compacted on this disk. Lowered by the log itself where entries go that
 * may come back as they were appended.
 */
export interface CompactedTo {
  /** Of entries at or below it, what later ones up to it supersede is gone. */
  readonly index: LogIndex
  /** Of entries at or below it, tombstones are gone. */
  readonly tombstones: LogIndex
}

export const notCompacted: CompactedTo = { index: 0, tombstones: 0 }

/** One group's part of a commit: cut first, then entries, then the rest. */
export interface GroupWrite {
  readonly group: GroupId
  /**
   * The log begins behind `cut.index` now. If it does not hold the entry (index, term) at the cut,
   * all of it is gone: a snapshot was installed. A cut at or below the present one is refused.
   */
  readonly cut?: Snapshot
  /** Consecutive; they replace all entries from the first one's index on. May be empty. */
  readonly entries: ReadonlyArray<Entry>
  /** Undefined leaves the stored one as it is. */
  readonly hardState?: HardState
  /** Replaces the stored one. Must be committed and in the log (or at its cut). */
  readonly checkpoint?: Checkpoint
  /** Replaces the stored one. What it says is so already (`Compaction.finish`). */
  readonly compacted?: CompactedTo
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
  /** Greatest maxTimestamp of the data entries in [lo, hi); −1 when none has one. */
  greatestTimestamp(lo: LogIndex, hi: LogIndex): number
  /** Terms and the index at which each begins, ascending, as far as the log is readable. */
  termRuns(): ReadonlyArray<{ readonly term: Term; readonly firstIndex: LogIndex }>
  /**
   * Index of the first entry at or above `from` that has a payload; undefined when none has. Passes
   * over whole rows of entries without.
   */
  indexOfPayload(from: LogIndex): LogIndex | undefined
  readonly compacted: CompactedTo
  /** Stored payload bytes of the group (DescribeLogDirs). */
  readonly payloadBytes: number
  /** The cut with its state, read back and verified; undefined while nothing was cut. */
  snapshot(): Snapshot | undefined
  /** The newest stored checkpoint, verified; undefined when there is none that can be used. */
  checkpoint(): Checkpoint | undefined
}

/** "failed": some of the entries are as they were. */
export type Kept = (outcome: "done" | "failed") => void

/** Entries of which less is to be stored: what compaction leaves of them. */
export interface Compaction {
  /**
   * `withKept` made the entry. Its payload is copied. Per group in ascending order of index; all of
   * them committed.
   */
  keep(group: GroupId, entry: Entry): void
  /** What is held in memory for it; 0 while it has no entry. */
  readonly bytes: number
  /**
   * Nothing is added any more. `settled` is called at most once, later: when what is still in the
   * log of these entries is stored so for good, whatever crash may come, or some of it could not
   * be. Until then a read gives either. Never after the log has failed or was closed.
   */
  finish(settled: Kept): void
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
  /**
   * The group was dropped, and nothing was written to it since: this disk may have voted in it and
   * does not know any more. Durable with the drop, for good.
   */
  wasDropped(group: GroupId): boolean
  /** Nothing happens before its `finish`. */
  compaction(): Compaction
  /**
   * "low": the disk is nearly full. Entries of data groups must not be taken on any more; hard
   * states and the metadata group still have room, from a reserve.
   */
  readonly space: "ample" | "low"
  /**
   * The log was not closed in order: its tail is what survived a crash, and peers should be asked
   * what they remember of it before it votes (VERIFICATION D3).
   */
  readonly unclean: boolean
  /**
   * What told of the groups of this disk was lost: one that it does not know may have had its vote,
   * and its hard state reads "amnesiac". True until `remembered`, also over restarts.
   */
  readonly forgetful: boolean
  /**
   * Every group that this disk may have had a vote in is in the log again, durably: one that it
   * does not know from now on is new.
   */
  remembered(): void
  /**
   * Forgets every entry of the group from `index` on, also committed ones, because one of them was
   * found damaged; the group's standing becomes "recovering" in the same commit. Whoever runs the
   * group must begin anew from the log.
   */
  amputate(group: GroupId, index: LogIndex): CommitNumber
  /**
   * This node is no member any more, and may become one again: entries, cut and checkpoint go, term
   * and vote stay, the standing becomes "recovering", all of it in one commit.
   */
  retire(group: GroupId): CommitNumber
}

/** An entry that is not what was appended. */
export interface Damage {
  readonly group: GroupId
  readonly index: LogIndex
  readonly what: string
}

/** How an open log reports back; calls come from the event loop, in order. */
export interface WalEvents {
  readonly onDurable: (through: CommitNumber) => void
  readonly onFailure: (error: Error) => void
  /**
   * Rot was found in the background. Who runs the group amputates it from the least index on and
   * begins it anew; nobody else may have read the entry yet.
   */
  readonly onDamage?: (damage: Damage) => void
}
