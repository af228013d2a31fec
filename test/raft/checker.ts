/**
 * The safety properties of figure 3 and §5, watched from outside over all members of a simulated
 * group.
 */
import type { Entry, LogIndex, MemberId, Message, Ready, Term } from "../../raft/index.ts"
import type { Member } from "./member.ts"

interface Committed {
  readonly entry: Entry
  /** Term of the leader that committed it. */
  readonly inTerm: Term
}

export class Checker {
  readonly #members: ReadonlyArray<Member>
  readonly #leaders = new Map<Term, MemberId>()
  readonly #votes = new Map<string, MemberId>()
  /**
   * By (term, index): the entry, and the term of the one before it. By induction that is Log
   * Matching.
   */
  readonly #entries = new Map<string, { readonly crc: number; readonly termBefore: Term }>()
  readonly #committed: Array<Committed> = []
  readonly #commitSeen = new Map<MemberId, LogIndex>()
  readonly #acknowledged = new Map<MemberId, { term: Term; index: LogIndex }>()

  constructor(members: ReadonlyArray<Member>) {
    this.#members = members
  }

  get committedCount(): number {
    return this.#committed.length
  }

  /** After every input to a member. */
  stepped(member: Member): void {
    const { node } = member
    const seen = this.#commitSeen.get(node.id) ?? 0
    if (node.commitIndex < seen) fail(`${node.id}: commitIndex went back`)
    if (node.role === "leader") {
      this.#electionSafety(member)
      if (node.commitIndex > seen) this.#onMajorityOfDisks(member)
    }
    this.#commitSeen.set(node.id, node.commitIndex)
  }

  /** After the host has taken a Ready over. */
  took(member: Member, ready: Ready): void {
    for (const entry of ready.entries) this.#logMatching(member, entry)
    for (let index = ready.committed.lo; index < ready.committed.hi; index++) {
      const [entry] = member.disk.entries(index, index + 1, 0)
      if (entry === undefined) return fail(`${member.id}: committed ${index} is not readable`)
      this.#stateMachineSafety(member, entry)
    }
    if (ready.softState?.role === "leader") this.#leaderCompleteness(member)
  }

  /** When a message leaves a member. */
  sent(member: Member, message: Message): void {
    if (message._tag === "RequestVote") this.#vote(member.id, message.term, member.id)
    if (message._tag === "RequestVoteResponse" && message.granted) {
      this.#vote(member.id, message.term, message.to)
      if (member.disk.durableHardState.term < message.term)
        fail("a vote left before it was durable")
    }
    if (message._tag === "AppendEntriesResponse" && message.success) {
      const { term, matchIndex: index } = message
      if (member.disk.durableEntries.length < index) fail(`${member.id}: acked what is not durable`)
      const before = this.#acknowledged.get(member.id)
      if (before === undefined || term > before.term || index > before.index) {
        this.#acknowledged.set(member.id, { term, index })
      }
    }
  }

  /** What was acknowledged is there after a crash, unless a later leader replaced it. */
  restarted(member: Member): void {
    this.#commitSeen.delete(member.id)
    const acked = this.#acknowledged.get(member.id)
    const { hardState, lastIndex } = member.disk
    if (acked === undefined || hardState.acceptedTerm > acked.term) return
    if (lastIndex < acked.index) fail(`${member.id}: lost entries it had acknowledged`)
  }

  #electionSafety({ node }: Member): void {
    const leader = this.#leaders.get(node.term)
    if (leader === undefined) this.#leaders.set(node.term, node.id)
    else if (leader !== node.id) fail(`Election Safety: two leaders in term ${node.term}`)
  }

  #vote(voter: MemberId, term: Term, candidate: MemberId): void {
    const key = `${voter} ${term}`
    const before = this.#votes.get(key)
    if (before === undefined) this.#votes.set(key, candidate)
    else if (before !== candidate) fail(`${voter} voted twice in term ${term}`)
  }

  #logMatching(member: Member, entry: Entry): void {
    const key = `${entry.term}/${entry.index}`
    const termBefore = member.disk.term(entry.index - 1) ?? 0
    const known = this.#entries.get(key)
    if (known === undefined) this.#entries.set(key, { crc: entry.entryCrc, termBefore })
    else if (known.crc !== entry.entryCrc || known.termBefore !== termBefore) {
      fail(`Log Matching: two entries ${key}`)
    }
  }

  #stateMachineSafety(member: Member, entry: Entry): void {
    const known = this.#committed[entry.index - 1]
    if (known === undefined) {
      if (entry.index !== this.#committed.length + 1) fail("a hole in what is committed")
      this.#committed.push({ entry, inTerm: member.node.term })
    } else if (known.entry.entryCrc !== entry.entryCrc) {
      fail(`State Machine Safety: two entries committed at ${entry.index}`)
    }
  }

  #leaderCompleteness({ node, disk, id }: Member): void {
    for (const { entry, inTerm } of this.#committed) {
      if (inTerm >= node.term) continue
      if (disk.term(entry.index) !== entry.term) {
        fail(`Leader Completeness: ${id} leads term ${node.term} without ${entry.index}`)
      }
    }
  }

  /**
   * Committed means: on the disks of a majority. A leader that counts itself or others early is
   * caught here.
   */
  #onMajorityOfDisks({ node, disk }: Member): void {
    const index = node.commitIndex
    const term = disk.term(index)
    const { voters } = node.configuration
    let copies = 0
    for (const voter of voters) {
      const durable = this.#members.find((m) => m.id === voter)?.disk.durableEntries[index - 1]
      if (durable !== undefined && durable.term === term) copies++
    }
    if (copies * 2 <= voters.length) fail(`${node.id} committed ${index} on ${copies} disks`)
  }
}

function fail(what: string): void {
  throw new Error(what)
}
