/**
 * One node talking to a test: brought into a role by hand-made messages, everything it says
 * collected.
 */
import type {
  AppendEntries,
  AppendEntriesResponse,
  Configuration,
  Entry,
  LogIndex,
  Message,
  Role,
  Term,
} from "../../raft/index.ts"
import { Member, configurationOf, isWitness, type Settings } from "../../src/sim/bare/member.ts"

export interface Situation {
  readonly voters: ReadonlyArray<string>
  readonly learners: ReadonlyArray<string>
  /** Who is named so, when left out. */
  readonly witnesses: ReadonlyArray<string>
  /** Terms of the entries it begins with. */
  readonly log: ReadonlyArray<Term>
  readonly term: Term
  readonly commitIndex: LogIndex
  readonly settings: Partial<Settings>
}

export function alone(situation: Partial<Situation> = {}): Member {
  const { voters = ["n1", "n2", "n3"], learners = [], log = [], commitIndex = 0 } = situation
  const { witnesses = voters.filter(isWitness) } = situation
  const bootstrap: Configuration = configurationOf({ voters, learners, witnesses })
  const member = new Member("n1", bootstrap, 7, situation.settings)
  const term = situation.term ?? Math.max(0, ...log)
  if (term > 0) member.seedLog(log, { term, commitIndex })
  return member
}

/** Readys and syncs until there is nothing to do; all messages in the order in which they left. */
export function drain(member: Member): Array<Message> {
  const said: Array<Message> = []
  while (member.node.hasReady() || member.unsyncedCount > 0) {
    while (member.node.hasReady()) said.push(...member.take().messages)
    said.push(...member.sync())
  }
  return said
}

export function only<T extends Message["_tag"]>(
  messages: ReadonlyArray<Message>,
  tag: T,
): Array<Extract<Message, { _tag: T }>> {
  return messages.filter((m): m is Extract<Message, { _tag: T }> => m._tag === tag)
}

export function leading(situation: Partial<Situation> = {}): Member {
  const member = alone(situation)
  candidacy(member)
  for (const voter of member.config.bootstrap.voters) {
    if (voter !== "n1" && member.node.role !== "leader") {
      member.step(vote(voter, member.node.term, true))
    }
  }
  drain(member)
  return member
}

/** A candidate whose own vote is durable. */
export function candidacy(member: Member): Array<Message> {
  member.node.campaign("assigned")
  return drain(member)
}

export const empty = { index: 0, term: 0 }

export const inRole: Record<Exclude<Role, "preCandidate">, (s?: Partial<Situation>) => Member> = {
  follower: alone,
  candidate: (situation) => {
    const member = alone(situation)
    candidacy(member)
    return member
  },
  leader: leading,
}

/** Ticks until `done`; how many it took. */
export function tickUntil(member: Member, done: () => boolean, max = 100): number {
  for (let ticks = 0; ticks < max; ticks++) {
    if (done()) return ticks
    member.node.tick()
  }
  throw new Error("it never happened")
}

export const vote = (from: string, term: Term, granted: boolean): Message => ({
  _tag: "RequestVoteResponse",
  from,
  to: "n1",
  term,
  granted,
  counts: true,
})

export const requestVote = (
  from: string,
  term: Term,
  last: { readonly index: LogIndex; readonly term: Term },
  leaderLeaseWaived = false,
): Message => ({
  _tag: "RequestVote",
  from,
  to: "n1",
  term,
  lastLogIndex: last.index,
  lastLogTerm: last.term,
  leaderLeaseWaived,
})

export const preVote = (
  from: string,
  term: Term,
  last: { readonly index: LogIndex; readonly term: Term },
): Message => ({
  _tag: "PreVote",
  from,
  to: "n1",
  term,
  lastLogIndex: last.index,
  lastLogTerm: last.term,
})

export const append = (
  from: string,
  term: Term,
  prev: { readonly index: LogIndex; readonly term: Term },
  entries: ReadonlyArray<Entry> = [],
  leaderCommit = 0,
): AppendEntries => ({
  _tag: "AppendEntries",
  from,
  to: "n1",
  term,
  prevLogIndex: prev.index,
  prevLogTerm: prev.term,
  entries,
  leaderCommit,
  round: 1,
  durableIndex: 0,
  readmitted: false,
  stripped: false,
})

export const acked = (
  from: string,
  term: Term,
  matchIndex: LogIndex,
  round = 1,
): AppendEntriesResponse => ({
  _tag: "AppendEntriesResponse",
  from,
  to: "n1",
  term,
  success: true,
  matchIndex,
  hintIndex: 0,
  hintTerm: 0,
  round,
  counts: true,
})

export const refusal = (
  from: string,
  term: Term,
  refusedIndex: LogIndex,
  hint: { readonly index: LogIndex; readonly term: Term },
  round = 1,
): AppendEntriesResponse => ({
  _tag: "AppendEntriesResponse",
  from,
  to: "n1",
  term,
  success: false,
  matchIndex: refusedIndex,
  hintIndex: hint.index,
  hintTerm: hint.term,
  round,
  counts: true,
})
