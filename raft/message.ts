/**
 * What members of one group say to each other. The host carries each from `from` to `to`; losing
 * one is legal.
 */
import type { Entry, LogCut, LogIndex, MemberId, Term } from "./types.ts"

interface Envelope {
  readonly from: MemberId
  readonly to: MemberId
  /** Sender's term; in PreVote the term it would campaign in. */
  readonly term: Term
}

/** Asks for a vote without raising anybody's term (dissertation §9.6). */
export interface PreVote extends Envelope {
  readonly _tag: "PreVote"
  readonly lastLogIndex: LogIndex
  readonly lastLogTerm: Term
}
export interface PreVoteResponse extends Envelope {
  readonly _tag: "PreVoteResponse"
  readonly granted: boolean
  /** False while the sender's standing is not "trusted": quorum.ts says what its vote is worth. */
  readonly counts: boolean
}
export interface RequestVote extends Envelope {
  readonly _tag: "RequestVote"
  readonly lastLogIndex: LogIndex
  readonly lastLogTerm: Term
  /**
   * True after TimeoutNow or an assignment: voters skip "I heard the leader recently", never the
   * log check.
   */
  readonly leaderLeaseWaived: boolean
}
export interface RequestVoteResponse extends Envelope {
  readonly _tag: "RequestVoteResponse"
  readonly granted: boolean
  /** False while the sender's standing is not "trusted": quorum.ts says what its vote is worth. */
  readonly counts: boolean
}
/** Also the heartbeat, then without entries. */
export interface AppendEntries extends Envelope {
  readonly _tag: "AppendEntries"
  readonly prevLogIndex: LogIndex
  readonly prevLogTerm: Term
  readonly entries: ReadonlyArray<Entry>
  readonly leaderCommit: LogIndex
  /**
   * Round number echoed by the answer: check-quorum and ReadIndex count answers to rounds begun
   * after their question.
   */
  readonly round: number
  /**
   * Up to here the log is on the leader's own disk: what its followers may testify of it when it
   * comes back.
   */
  readonly durableIndex: LogIndex
  /**
   * To a member that said `counts: false`: it holds all it may ever have acknowledged, and may be
   * trusted again.
   */
  readonly readmitted: boolean
  /** For a witness: payloads are left out, and data entries look like no-ops. */
  readonly stripped: boolean
}
export interface AppendEntriesResponse extends Envelope {
  readonly _tag: "AppendEntriesResponse"
  readonly success: boolean
  /**
   * success: prevLogIndex + entries.length, now durable here. Else: the prevLogIndex that was
   * refused.
   */
  readonly matchIndex: LogIndex
  /**
   * On refusal: where the follower's log may agree (fast back-off, §5.3): the last index with term
   * ≤ prevLogTerm.
   */
  readonly hintIndex: LogIndex
  readonly hintTerm: Term
  readonly round: number
  /**
   * False while the sender's standing is not "trusted": the answer moves the window and proves
   * nothing, neither a copy nor that this leader still leads.
   */
  readonly counts: boolean
}
/** One chunk of a snapshot's state; small ones are a single chunk. */
export interface InstallSnapshot extends Envelope {
  readonly _tag: "InstallSnapshot"
  readonly cut: LogCut
  /** Of the whole state, in bytes; at most `snapshotBytesMax`. */
  readonly totalBytes: number
  /** CRC-32C of the whole state. */
  readonly stateCrc: number
  /** Of this chunk in the state. */
  readonly offset: number
  readonly chunk: Uint8Array
  readonly round: number
  /** For a witness: there is no state. */
  readonly stripped: boolean
}
export interface InstallSnapshotResponse extends Envelope {
  readonly _tag: "InstallSnapshotResponse"
  readonly lastIncludedIndex: LogIndex
  /** Where the next chunk is to begin; totalBytes: all of it is here and durable. */
  readonly nextOffset: number
  readonly round: number
  readonly counts: boolean
}
/** "Campaign now": the last step of a leadership transfer (dissertation §3.10). */
export interface TimeoutNow extends Envelope {
  readonly _tag: "TimeoutNow"
}
/**
 * "Nothing is outstanding: stop your timers until somebody speaks." Only a fully caught-up follower
 * agrees.
 */
export interface Quiesce extends Envelope {
  readonly _tag: "Quiesce"
  readonly lastLogIndex: LogIndex
  readonly commitIndex: LogIndex
}
export interface QuiesceResponse extends Envelope {
  readonly _tag: "QuiesceResponse"
  readonly lastLogIndex: LogIndex
  readonly agreed: boolean
}
/** A leader that steps down tells its followers, so that quiescent ones wake at once. */
export interface SteppedDown extends Envelope {
  readonly _tag: "SteppedDown"
}

export type Message =
  | PreVote
  | PreVoteResponse
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | InstallSnapshot
  | InstallSnapshotResponse
  | TimeoutNow
  | Quiesce
  | QuiesceResponse
  | SteppedDown
