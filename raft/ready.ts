/**
 * What the core hands its host after some inputs, in the order in which the host must act on it.
 */
import type { Message } from "./message.ts"
import type { Entry, HardState, LogIndex, MemberId, Snapshot, SoftState, Term } from "./types.ts"

/** Handed back through `RaftNode.persisted` once everything of its Ready is durable. */
export interface PersistToken {
  /** 1, 2, 3 …: commits become durable in order, so a token speaks for all before it. */
  readonly sequence: number
  /** The term in which it was handed out; a late token releases nothing of an older term. */
  readonly term: Term
  readonly lastIndex: LogIndex
  readonly lastTerm: Term
}

export interface ReadState {
  readonly context: number
  readonly index: LogIndex
}

/**
 * Order of effects:
 *  1. `messages` may leave at once (they promise nothing that is not durable yet);
 *  2. `hardState` and `entries` go to the log in one atomic commit; taking them makes them readable
 *     through the LogReader at once, durable later;
 *  3. when that commit is durable, and not before: `node.persisted(token)`, then, if it returned
 *     true, `afterPersist` leaves (false: the term has moved on and nobody relies on it any more);
 *  4. `committed` may be applied as soon as its entries are readable here.
 */
export interface Ready {
  /** Null when role, leader and term did not change. */
  readonly softState: SoftState | null
  readonly messages: ReadonlyArray<Message>
  /** Null when nothing of it must be made durable. */
  readonly hardState: HardState | null
  /**
   * Installed by the leader: the log begins behind its cut now, and unless it held the entry at the
   * cut (index and term) nothing of the old log is left. Part of the same atomic commit, before
   * `entries`; the host's state machine is replaced by it before anything of `committed`.
   */
  readonly snapshot: Snapshot | null
  /** Consecutive. An entry replaces everything at or above its index. */
  readonly entries: ReadonlyArray<Entry>
  /**
   * Votes, append acknowledgements and requests for votes: they speak of what this Ready persists.
   */
  readonly afterPersist: ReadonlyArray<Message>
  /** Null when there is nothing to persist; afterPersist is empty then. */
  readonly token: PersistToken | null
  /**
   * Newly committed range [lo, hi); lo = hi when there is none. Call `applied(hi − 1)` when done.
   */
  readonly committed: { readonly lo: LogIndex; readonly hi: LogIndex }
  /** Linearizable reads that may be answered once the state machine has applied `index`. */
  readonly readStates: ReadonlyArray<ReadState>
  /** Reads that cannot be answered any more because leadership went. */
  readonly readsLost: ReadonlyArray<number>
  /**
   * Members that need a snapshot before AppendEntries can go on (their nextIndex is below
   * firstIndex): the host answers with `offerSnapshot`.
   */
  readonly snapshotsNeeded: ReadonlyArray<MemberId>
}
