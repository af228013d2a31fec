/**
 * What this node can testify of other members' disks (VERIFICATION D3): the highest entry each has
 * acknowledged to it as leader, or had committed as its leader. Whoever comes back with a log below
 * that has lost something. In memory only: whoever restarts has seen nothing.
 */
import type { LogIndex, MemberId, Term } from "../../raft/types.ts"

export interface Testimony {
  readonly index: LogIndex
  /** Of the entry at `index`. */
  readonly entryTerm: Term
  /** Of the leader then: no later one has cut the log before. */
  readonly leaderTerm: Term
}

/** What is known of a log when it is held against a testimony. */
export interface LogHeight {
  readonly acceptedTerm: Term
  readonly lastIndex: LogIndex
}

/**
 * A log only ever gets shorter, or loses entries of a term, by accepting those of a later leader:
 * then its acceptedTerm is beyond the testimony.
 */
export const contradicts = (log: LogHeight, seen: Testimony): boolean =>
  log.acceptedTerm < seen.entryTerm ||
  (log.acceptedTerm <= seen.leaderTerm && log.lastIndex < seen.index)

/** Of one group; members come from its configurations, so there are few. */
export class Witnessed {
  readonly #seen = new Map<MemberId, Testimony>()

  of(member: MemberId): Testimony | undefined {
    return this.#seen.get(member)
  }

  /** True when this is news: the caller may then look up the entry's term and `add` it. */
  isNews(member: MemberId, index: LogIndex, leaderTerm: Term): boolean {
    const seen = this.#seen.get(member)
    if (seen === undefined || leaderTerm > seen.leaderTerm) return true
    return leaderTerm === seen.leaderTerm && index > seen.index
  }

  add(member: MemberId, testimony: Testimony): void {
    this.#seen.set(member, testimony)
  }

  forget(member: MemberId): void {
    this.#seen.delete(member)
  }
}
