/**
 * What this node can testify of other members' disks (VERIFICATION D3): the highest entry each has
 * acknowledged to it as leader, or had committed as its leader. Whoever comes back with a log below
 * that has lost something. In memory only: whoever restarts has seen nothing.
 */
import type { RaftNode } from "../../raft/index.ts"
import type { AppendEntriesResponse } from "../../raft/message.ts"
import type { LogIndex, MemberId, Term } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"

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
  readonly #log: GroupLog
  readonly #seen = new Map<MemberId, Testimony>()

  constructor(log: GroupLog) {
    this.#log = log
  }

  of(member: MemberId): Testimony | undefined {
    return this.#seen.get(member)
  }

  /** To the leader `node`: only a copy that counts is one. */
  acknowledged(node: RaftNode, message: AppendEntriesResponse): void {
    const { from, term, success, counts, matchIndex } = message
    if (success && counts && node.role === "leader" && node.term === term) {
      this.note(from, matchIndex, term)
    }
  }

  note(member: MemberId, index: LogIndex, leaderTerm: Term): void {
    if (index === 0 || !this.#isNews(member, index, leaderTerm)) return
    const entryTerm = this.#log.term(index)
    if (entryTerm !== undefined) this.#seen.set(member, { index, entryTerm, leaderTerm })
  }

  #isNews(member: MemberId, index: LogIndex, leaderTerm: Term): boolean {
    const seen = this.#seen.get(member)
    if (seen === undefined || leaderTerm > seen.leaderTerm) return true
    return leaderTerm === seen.leaderTerm && index > seen.index
  }

  /** Whoever has left may come back with an empty log. */
  keep(members: ReadonlyArray<MemberId>): void {
    for (const member of this.#seen.keys()) if (!members.includes(member)) this.#seen.delete(member)
  }
}
