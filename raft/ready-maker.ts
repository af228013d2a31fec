/** Collects what has changed since the last Ready into the next one. */
import { replicate } from "./replication.ts"
import type { PersistToken, Ready } from "./ready.ts"
import type { RaftState } from "./state.ts"
import type { Entry, HardState, LogIndex, MemberId, Role, SoftState, Term } from "./types.ts"

/** A commit index this far ahead of the stored one rides along when entries are written anyway. */
const COMMIT_LAG_MAX = 256

export class ReadyMaker {
  readonly #state: RaftState
  #role: Role = "follower"
  #leaderId: MemberId | null = null
  #term: Term
  /** A Ready was made. */
  begun = false

  constructor(state: RaftState) {
    this.#state = state
    this.#term = state.term
  }

  /** May be true for a Ready that turns out empty, never false when there is something to do. */
  get due(): boolean {
    const s = this.#state
    const { log, outbox, leader } = s
    if (log.tailFirstIndex <= log.lastIndex || log.snapshotDue || outbox.messages.length > 0)
      return true
    if (log.commitIndex > log.handedCommitIndex || s.hardStateDirty) return true
    if (leader !== null && (leader.sendDue || leader.readRoundDue)) return true
    if (outbox.hasReads || outbox.snapshotsNeeded.length > 0) return true
    return this.#softStateChanged || this.#promisesDue
  }

  get #softStateChanged(): boolean {
    const s = this.#state
    return s.role !== this.#role || s.leaderId !== this.#leaderId || s.term !== this.#term
  }

  /** Something that waited for an earlier Ready to be durable need not wait any more. */
  get #promisesDue(): boolean {
    const { outbox, hardStateDurable, log } = this.#state
    const held = outbox.acknowledgement
    if (!hardStateDurable) return false
    return outbox.promises.length > 0 || (held !== null && held.matchIndex <= log.durableIndex)
  }

  make(): Ready {
    const s = this.#state
    const { log, outbox } = s
    this.begun = true
    log.checkTaken()
    if (s.leader !== null) replicate(s, s.leader)
    const softState = this.#takeSoftState()
    const snapshot = log.takeSnapshot()
    const entries = log.takeTail()
    const hardState = this.#takeHardState(entries)
    const due = entries.length > 0 || hardState !== null || snapshot !== null
    const token = due ? this.#issueToken(hardState) : null
    const afterPersist = token === null ? empty : outbox.takePromises()
    if (token === null && s.hardStateDurable) outbox.releaseDurable(log.durableIndex)
    const messages = outbox.messages
    if (messages.length > 0) outbox.messages = []
    const committed = this.#takeCommitted()
    const { readStates, readsLost, snapshotsNeeded } = outbox
    if (outbox.hasReads) {
      outbox.readStates = []
      outbox.readsLost = []
    }
    if (snapshotsNeeded.length > 0) outbox.snapshotsNeeded = []
    return {
      softState,
      messages,
      hardState,
      snapshot,
      entries,
      afterPersist,
      token,
      committed,
      readStates,
      readsLost,
      snapshotsNeeded,
    }
  }

  #takeSoftState(): SoftState | null {
    if (!this.#softStateChanged) return null
    const { role, leaderId, term } = this.#state
    this.#role = role
    this.#leaderId = leaderId
    this.#term = term
    return { role, leaderId }
  }

  #takeHardState(entries: ReadonlyArray<Entry>): HardState | null {
    const s = this.#state
    const { commitIndex } = s.log
    const commitLags = commitIndex - s.handed.commitIndex >= COMMIT_LAG_MAX && entries.length > 0
    if (!s.hardStateDirty && !commitLags) return null
    const { term, votedFor, acceptedTerm, standing } = s
    s.handed = { term, votedFor, commitIndex, acceptedTerm, standing }
    s.restated = false
    return s.handed
  }

  #issueToken(hardState: HardState | null): PersistToken {
    const s = this.#state
    s.readySequence++
    if (hardState !== null) s.hardStateSequence = s.readySequence
    const { lastIndex, lastTerm } = s.log
    return { sequence: s.readySequence, term: s.term, lastIndex, lastTerm }
  }

  #takeCommitted(): { readonly lo: LogIndex; readonly hi: LogIndex } {
    const { log } = this.#state
    const committed = { lo: log.handedCommitIndex + 1, hi: log.commitIndex + 1 }
    log.handedCommitIndex = log.commitIndex
    return committed
  }
}

const empty: ReadonlyArray<never> = Object.freeze([])
