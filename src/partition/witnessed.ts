/**
 * What this node can testify of other members' disks (VERIFICATION D3): the highest entry each has
 * acknowledged to it as leader, or had on its disk as its leader, and the greatest term in which it
 * promised anything. Whoever comes back knowing less has lost something. In memory only: whoever
 * restarts has seen nothing.
 */
import type { RaftNode } from "../../raft/index.ts"
import type { AppendEntries, AppendEntriesResponse, Message } from "../../raft/message.ts"
import type { HardState, LogIndex, MemberId, Term } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"

interface SeenHeight {
  readonly index: LogIndex
  /** Of the entry at `index`. */
  readonly entryTerm: Term
  /** Of the leader then: no later one has cut the log before. */
  readonly leaderTerm: Term
}

interface SeenPromise {
  readonly promisedTerm: Term
  /** It gave its vote in that term, to us or to itself. */
  readonly voted: boolean
}

/** Zeros: nothing of that kind was seen. */
export type Testimony = SeenHeight & SeenPromise

const noHeight: SeenHeight = { index: 0, entryTerm: 0, leaderTerm: 0 }
const noPromise: SeenPromise = { promisedTerm: 0, voted: false }

/** What is known of a log when it is held against a testimony. */
export interface LogHeight {
  readonly acceptedTerm: Term
  readonly lastIndex: LogIndex
}

/**
 * A log only ever gets shorter, or loses entries of a term, by accepting those of a later leader:
 * then its acceptedTerm is beyond the testimony.
 */
export const contradicts = (log: LogHeight, seen: SeenHeight): boolean =>
  log.acceptedTerm < seen.entryTerm ||
  (log.acceptedTerm <= seen.leaderTerm && log.lastIndex < seen.index)

/**
 * A promise leaves when its term and vote are durable, so this disk is not the one that made it. A
 * vote for somebody else in the same term proves nothing: a member that once forgot one has put its
 * own in its place (raft/standing.ts).
 */
export const hasForgotten = (
  { term, votedFor }: Pick<HardState, "term" | "votedFor">,
  { promisedTerm, voted }: SeenPromise,
): boolean => term < promisedTerm || (term === promisedTerm && voted && votedFor === null)

/** Null: it promises nothing that outlives its sender's memory. */
function promiseIn(message: Message): SeenPromise | null {
  const { term } = message
  switch (message._tag) {
    case "RequestVoteResponse":
      return message.granted ? { promisedTerm: term, voted: true } : null
    case "RequestVote":
    case "AppendEntries":
    case "InstallSnapshot":
    case "Quiesce":
    case "TimeoutNow":
      // Whoever asks for votes or leads has its own.
      return { promisedTerm: term, voted: true }
    case "AppendEntriesResponse":
      return message.success ? { promisedTerm: term, voted: false } : null
    default:
      return null
  }
}

/** Of one group. Who is no member any more is forgotten, so there are few. */
export class Witnessed {
  readonly #log: GroupLog
  readonly #heights = new Map<MemberId, SeenHeight>()
  readonly #promises = new Map<MemberId, SeenPromise>()

  constructor(log: GroupLog) {
    this.#log = log
  }

  of(member: MemberId): Testimony | undefined {
    const height = this.#heights.get(member)
    const promise = this.#promises.get(member)
    if (height === undefined && promise === undefined) return undefined
    return { ...(height ?? noHeight), ...(promise ?? noPromise) }
  }

  /** What its sender is bound by, whatever becomes of it here. */
  heard(message: Message): void {
    const promise = promiseIn(message)
    if (promise === null) return
    const { promisedTerm, voted } = this.#promises.get(message.from) ?? noPromise
    const isNews =
      promise.promisedTerm > promisedTerm ||
      (promise.promisedTerm === promisedTerm && promise.voted && !voted)
    if (isNews) this.#promises.set(message.from, promise)
  }

  /** To the leader `node`: only a copy that counts is one. */
  acknowledged(node: RaftNode, message: AppendEntriesResponse): void {
    const { from, term, success, counts, matchIndex } = message
    if (success && counts && node.role === "leader" && node.term === term) {
      this.#note(from, matchIndex, term)
    }
  }

  /**
   * By the leader of `node`: of what is known to be committed, as much as is on its disk. A leader
   * may commit by its followers' copies alone, so that its own disk is behind.
   */
  led(node: RaftNode, { from, term, durableIndex }: AppendEntries): void {
    if (node.leaderId !== from || node.term !== term) return
    this.#note(from, Math.min(durableIndex, node.commitIndex), term)
  }

  #note(member: MemberId, index: LogIndex, leaderTerm: Term): void {
    if (index === 0 || !this.#isNews(member, index, leaderTerm)) return
    const entryTerm = this.#log.term(index)
    if (entryTerm !== undefined) this.#heights.set(member, { index, entryTerm, leaderTerm })
  }

  #isNews(member: MemberId, index: LogIndex, leaderTerm: Term): boolean {
    const seen = this.#heights.get(member)
    if (seen === undefined || leaderTerm > seen.leaderTerm) return true
    return leaderTerm === seen.leaderTerm && index > seen.index
  }

  /** Whoever has left may come back with an empty log. */
  keep(members: ReadonlyArray<MemberId>): void {
    for (const seen of [this.#heights, this.#promises]) {
      for (const member of seen.keys()) if (!members.includes(member)) seen.delete(member)
    }
  }
}
