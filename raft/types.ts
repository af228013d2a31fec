/**
 * The words of the Raft core. Nothing here knows of Kafka, SQLite or sockets: offsets, timestamps
 * and producer fields of an entry are opaque ordered numbers that travel with it.
 */

/** Monotonic election counter (Raft §5.1). 0 = before the first election. */
export type Term = number
/** Position in the log; the first entry has index 1, 0 = "before the log". */
export type LogIndex = number
/**
 * Identity of one replica on one disk, opaque and compared as a whole. A host that replaces a disk
 * must use a new id: that is what keeps a wiped disk from voting twice (DESIGN.md, "A voter is a
 * disk").
 */
export type MemberId = string

export type EntryType = "noop" | "configuration" | "data"

/**
 * Everything of an entry but its bytes. Fixed when its first leader appends it; the same on the
 * wire and on disk.
 */
export interface EntryEnvelope {
  readonly term: Term
  readonly index: LogIndex
  readonly type: EntryType
  /** The first leader's wall clock, never decreasing along a log, ms since the epoch. */
  readonly appendMs: number
  /**
   * Offsets [firstOffset, lastOffset]; an entry without records has lastOffset = firstOffset − 1.
   */
  readonly firstOffset: number
  readonly lastOffset: number
  /** −1 = none. */
  readonly maxTimestamp: number
  /** −1 = not idempotent; then producerEpoch and baseSequence are −1 too. */
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  /** CRC-32C over envelope and payload, see `entryCrc` in entry.ts; uint32. */
  readonly entryCrc: number
  /**
   * 0: the payload is the one that was appended. Else the host has left less of it, and this covers
   * what is left, see `keptCrc` in entry.ts; uint32. Not a part of the entry's identity: copies of
   * one entry may differ in it.
   */
  readonly keptCrc: number
}

export interface Entry extends EntryEnvelope {
  /** Never changed after the entry was made; may be a view on shared memory. */
  readonly payload: Uint8Array
}

export interface EntryId {
  readonly term: Term
  readonly index: LogIndex
}

/** What a host proposes; the core adds term, index and the CRC. */
export interface Proposal {
  readonly appendMs: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly payload: Uint8Array
}

/**
 * Whether a member's own log can be believed (VERIFICATION D4).
 *
 * "trusted": votes and counts. "recovering": the log has lost entries that it may have
 * acknowledged; term and vote are known. "amnesiac": the vote may be lost too. Neither of the
 * latter campaigns or counts for anything until the leader readmits it; a recovering member votes
 * without counting (quorum.ts), an amnesiac one must first hear every other voter's term.
 */
export type Standing = "trusted" | "recovering" | "amnesiac"

/**
 * Must be durable before any message that depends on it leaves (Raft §5, "persistent state").
 * Invariants: term never decreases; votedFor changes at most once per term, from null.
 */
export interface HardState {
  readonly term: Term
  readonly votedFor: MemberId | null
  /** May lag behind the truth: it is only a hint that shortens recovery. */
  readonly commitIndex: LogIndex
  /**
   * Term of the leader from (or as) whom the log last accepted an append; a log's height is
   * (acceptedTerm, lastIndex).
   */
  readonly acceptedTerm: Term
  readonly standing: Standing
}

export const emptyHardState: HardState = {
  term: 0,
  votedFor: null,
  commitIndex: 0,
  acceptedTerm: 0,
  standing: "trusted",
}

export type Role = "follower" | "preCandidate" | "candidate" | "leader"

export interface SoftState {
  readonly role: Role
  readonly leaderId: MemberId | null
}

/**
 * Membership in force from the moment its entry is appended (dissertation §4.1). While
 * `votersOutgoing` is not empty the configuration is joint: both majorities are needed (§6 of the
 * paper). Invariants: voters and learners are disjoint; witnesses ⊆ voters ∪ votersOutgoing.
 */
export interface Configuration {
  readonly voters: ReadonlyArray<MemberId>
  readonly votersOutgoing: ReadonlyArray<MemberId>
  readonly learners: ReadonlyArray<MemberId>
  /** Learners once the joint configuration is left (they are still outgoing voters). */
  readonly learnersNext: ReadonlyArray<MemberId>
  /** Voters that keep index and term but no payload, and never lead. */
  readonly witnesses: ReadonlyArray<MemberId>
}

/**
 * Where a log whose prefix is gone begins: everything that must still be known of its last missing
 * entry.
 */
export interface LogCut {
  /** Entries up to here are gone; 0 = nothing is. */
  readonly index: LogIndex
  readonly term: Term
  /** Cumulative; −1 while no record was. */
  readonly lastOffset: number
  readonly appendMs: number
  /** In force at `index`; null = still the one the group was created with. */
  readonly configuration: Configuration | null
  /** Index of its entry; 0 with null. */
  readonly configurationIndex: LogIndex
}

export const noCut: LogCut = {
  index: 0,
  term: 0,
  lastOffset: -1,
  appendMs: 0,
  configuration: null,
  configurationIndex: 0,
}

/** A cut and the host's state machine at it, opaque bytes. */
export interface Snapshot {
  readonly cut: LogCut
  readonly state: Uint8Array
}
