/**
 * What members promise each other in messages: votes and copies. A promise must be durable before
 * it leaves, is never taken back, and only members whose log can be believed make any.
 */
import type { Message } from "../../../raft/message.ts"
import type { LogIndex, MemberId, Term } from "../../../raft/types.ts"
import type { GroupId } from "../../../storage/wal.ts"
import type { GroupCopy } from "./group-copy.ts"
import type { ObservedGroups } from "./observed-groups.ts"
import type { Report } from "./violation.ts"

export class Promises {
  readonly #groups: ObservedGroups
  readonly #report: Report

  constructor(groups: ObservedGroups, report: Report) {
    this.#groups = groups
    this.#report = report
  }

  sent(group: GroupId, message: Message): void {
    const committed = this.#groups.committed(group)
    if (committed.isDeleted) return
    const copy = this.#groups.copy(message.from, group)
    switch (message._tag) {
      case "AppendEntries":
      case "InstallSnapshot":
      case "Quiesce":
      case "TimeoutNow":
        return committed.leads(copy, message.term)
      case "RequestVote":
        return this.#voted(copy, message.term, message.from, true)
      case "RequestVoteResponse":
        if (message.granted) this.#voted(copy, message.term, message.to, message.counts)
        return
      case "PreVoteResponse":
        if (message.granted && message.counts) this.#mustBeTrusted(copy, "untrusted member voted")
        return
      case "AppendEntriesResponse":
        if (message.success && message.counts) {
          this.#holds(copy, message.term, message.matchIndex, message.to)
        }
        return
      default:
    }
  }

  #mustBeTrusted(
    copy: GroupCopy,
    kind: "untrusted member voted" | "untrusted member counted",
  ): void {
    const { standing } = copy.durableHardState
    if (standing === "trusted") return
    this.#report(kind, `${copy.member} of group ${copy.group} is ${standing}`)
  }

  #voted(copy: GroupCopy, term: Term, candidate: MemberId, counts: boolean): void {
    const forgotten = copy.durableHardState.standing === "amnesiac"
    if (counts || forgotten) this.#mustBeTrusted(copy, "untrusted member voted")
    const before = copy.votes.get(term)
    if (before !== undefined && before !== candidate) {
      const both = `${before} and ${candidate} in term ${term} of group ${copy.group}`
      this.#report("two votes", `${copy.member} for ${both}`)
    }
    copy.votes.set(term, candidate)
    const { term: durableTerm, votedFor } = copy.durableHardState
    if (durableTerm > term || (durableTerm === term && votedFor === candidate)) return
    const what = `${copy.member} in term ${term} of group ${copy.group}; durable is ${durableTerm}`
    this.#report("vote before durable", what)
  }

  #holds(copy: GroupCopy, term: Term, index: LogIndex, leader: MemberId): void {
    this.#mustBeTrusted(copy, "untrusted member counted")
    const { group, member } = copy
    if (index > copy.lastIndex || index >= copy.unsyncedFrom) {
      const durable = Math.min(copy.lastIndex, copy.unsyncedFrom - 1)
      const what = `${member} of group ${group}: #${index}, durable is #${durable}`
      this.#report("acknowledged before durable", what)
    }
    this.#leaderHas(copy, term, index, leader)
    const before = copy.acknowledged
    if (term > before.term || (term === before.term && index > before.index)) {
      copy.acknowledged = { term, index }
    }
  }

  /** An acknowledgement says that both logs are the same up to there. */
  #leaderHas(copy: GroupCopy, term: Term, index: LogIndex, leader: MemberId): void {
    const { group, member, isWitness } = copy
    if (this.#groups.committed(group).leaders.get(term) !== leader || isWitness) return
    const theirs = this.#groups.find(leader, group)
    if (theirs === undefined || theirs.durableHardState.acceptedTerm > term) return
    if (theirs.isDamaged || index > theirs.lastIndex) return
    const chain = theirs.chain(index)
    if (chain === undefined || index < copy.cut.index || chain === copy.chain(index)) return
    const what = `${member} of group ${group}: #${index} in term ${term}`
    this.#report("acknowledged what the leader lacks", what)
  }

  /** After a start: what was promised is still known, unless a fault took it. */
  restarted(copy: GroupCopy): void {
    const { group, member, durableHardState, acknowledged, isDamaged } = copy
    if (isDamaged || this.#groups.committed(group).isDeleted) return
    const { term, votedFor, acceptedTerm } = durableHardState
    for (const [votedTerm, candidate] of copy.votes) {
      if (votedTerm < term || (votedTerm === term && votedFor === candidate)) continue
      const what = `${member} of group ${group}: ${candidate} in term ${votedTerm}`
      this.#report("vote forgotten", what)
    }
    const { term: ackTerm, index } = acknowledged
    const isHigher = acceptedTerm > ackTerm || (acceptedTerm === ackTerm && copy.lastIndex >= index)
    if (isHigher || index === 0 || copy.lastIndex >= index) return
    const what = `${member} of group ${group}: (${ackTerm}, ${index}), is (${acceptedTerm}, ${copy.lastIndex})`
    this.#report("acknowledged lost", what)
  }
}
