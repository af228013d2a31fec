/**
 * The safety properties of figure 3 and §5, watched from outside over all members of a simulated
 * group.
 */
import type {
  Entry,
  LogIndex,
  MemberId,
  Message,
  Ready,
  Snapshot,
  Term,
} from "../../../raft/index.ts"
import type { Disk, Image } from "./disk.ts"
import { chainIn, next } from "./machine.ts"
import { isWitness, type Member } from "./member.ts"

interface Committed {
  readonly entry: Entry
  /** Term of the leader that committed it. */
  readonly inTerm: Term
  /** State of the machine after it. */
  readonly chain: number
}

export class Checker {
  readonly #members: ReadonlyArray<Member>
  readonly #leaders = new Map<Term, MemberId>()
  readonly #votes = new Map<string, MemberId>()
  /**
   * By (term, index): the entry, and the term of the one before it. By induction that is Log
   * Matching.
   */
  readonly #entries = new Map<number, { readonly crc: number; readonly termBefore: Term }>()
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
    if (ready.snapshot !== null) this.#installed(member, ready.snapshot)
    for (const entry of ready.entries) this.#logMatching(member, entry)
    if (member.isWitness) return this.#tookAsWitness(member, ready)
    for (let index = ready.committed.lo; index < ready.committed.hi; index++) {
      const [entry] = member.disk.entries(index, index + 1, 0)
      if (entry === undefined) return fail(`${member.id}: committed ${index} is not readable`)
      this.#stateMachineSafety(member, entry)
    }
    this.#appliedInOrder(member)
    if (ready.softState?.role === "leader") this.#leaderCompleteness(member)
  }

  /** When a message leaves a member. */
  sent(member: Member, message: Message): void {
    this.#standing(member, message)
    if (message._tag === "RequestVote") this.#vote(member.id, message.term, member.id)
    if (message._tag === "RequestVoteResponse" && message.granted) {
      this.#vote(member.id, message.term, message.to)
      if (member.disk.durable.hardState.term < message.term)
        fail("a vote left before it was durable")
    }
    if (message._tag === "AppendEntriesResponse" && message.success) {
      const { term, matchIndex: index } = message
      if (member.disk.durable.lastIndex < index) fail(`${member.id}: acked what is not durable`)
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

  /** It keeps places and terms, follows, and what it takes for committed is. */
  #tookAsWitness({ id, disk }: Member, { committed, entries, softState }: Ready): void {
    if (softState?.role !== undefined && softState.role !== "follower") fail(`${id} campaigns`)
    for (const { type, payload, index } of entries) {
      if (type === "data" || (type === "noop" && payload.length > 0)) fail(`${id} has ${index}`)
    }
    for (let index = committed.lo; index < committed.hi; index++) {
      const known = this.#committed[index - 1]?.entry.term
      if (disk.term(index) !== known) fail(`${id} took ${index} for committed`)
    }
  }

  /** A snapshot is of committed entries and of the state that all of them make. */
  #installed({ id }: Member, { cut, state }: Snapshot): void {
    const last = this.#committed[cut.index - 1]
    if (last === undefined) return fail(`${id} installed a snapshot of what is not committed`)
    if (last.entry.term !== cut.term || last.entry.lastOffset !== cut.lastOffset) {
      fail(`${id} installed a cut at ${cut.index} of another log`)
    }
    const witness = isWitness(id)
    if (witness && state.length > 0) fail(`${id} got a state`)
    if (!witness && chainIn(state) !== last.chain)
      fail(`${id} installed another state at ${cut.index}`)
  }

  #appliedInOrder({ id, machine }: Member): void {
    const expected = this.#committed[machine.index - 1]?.chain ?? 0
    if (machine.chain !== expected) fail(`${id} is in another state at ${machine.index}`)
  }

  /** Nothing that proves anything leaves before "trusted" is durable. */
  #standing({ id, disk }: Member, message: Message): void {
    const { standing } = disk.durable.hardState
    if (standing === "trusted") return
    const votes = message._tag === "RequestVoteResponse" && message.granted
    const proves =
      message._tag === "RequestVote" ||
      message._tag === "PreVote" ||
      (votes && standing === "amnesiac") ||
      ("agreed" in message && message.agreed) ||
      ("counts" in message && message.counts)
    if (proves) fail(`${id} is not trusted and sent ${message._tag}`)
  }

  /** While it was down a part of its disk went. */
  damaged({ id }: Member): void {
    this.#acknowledged.delete(id)
    // Its candidacies died with the process: to have voted for itself in one binds nobody.
    for (const [key, candidate] of this.#votes) {
      if (candidate === id && key.startsWith(`${id} `)) this.#votes.delete(key)
    }
  }

  /**
   * Who is trusted again lacks nothing of what it lost that is committed by its help. (Told of one
   * membership only: whose help it took is not known of an older one.)
   */
  readmitted({ id, disk, node, config }: Member, lost: ReadonlyArray<Image>): void {
    if (this.#members.some((member) => member.node.configuration !== config.bootstrap)) return
    for (const { entry } of this.#committed) {
      const { index, term } = entry
      if (index <= disk.durable.cut.index || !lost.some((image) => image.term(index) === term))
        continue
      if (disk.durable.term(index) === term) continue
      const { voters } = node.configuration
      if (this.#copies(voters, index, term) * 2 > voters.length) continue
      fail(`${id} was readmitted without ${index}, which its copy had committed`)
    }
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
    const key = entry.term * 2 ** 32 + entry.index
    const termBefore = member.disk.term(entry.index - 1) ?? 0
    const known = this.#entries.get(key)
    if (known === undefined) {
      if (member.isWitness) fail(`${member.id} has ${nameOf(entry)}, which no leader appended`)
      this.#entries.set(key, { crc: entry.entryCrc, termBefore })
    } else if (known.termBefore !== termBefore) {
      fail(`Log Matching: ${nameOf(entry)} follows different entries`)
    } else if (known.crc !== entry.entryCrc && !member.isWitness) {
      fail(`Log Matching: two entries ${nameOf(entry)}`)
    }
  }

  #stateMachineSafety(member: Member, entry: Entry): void {
    const known = this.#committed[entry.index - 1]
    if (known === undefined) {
      if (entry.index !== this.#committed.length + 1) fail("a hole in what is committed")
      const chain = next(this.#committed.at(-1)?.chain ?? 0, entry)
      this.#committed.push({ entry, inTerm: member.node.term, chain })
    } else if (known.entry.entryCrc !== entry.entryCrc) {
      fail(`State Machine Safety: two entries committed at ${entry.index}`)
    }
  }

  #leaderCompleteness({ node, disk, id }: Member): void {
    for (const { entry, inTerm } of this.#committed) {
      if (inTerm >= node.term) continue
      if (entry.index > disk.cut.index && disk.term(entry.index) !== entry.term) {
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
    const copies = this.#copies(voters, index, term)
    const data = voters.filter((voter) => !isWitness(voter))
    if (this.#copies(data, index, term) === 0) fail(`${node.id} committed ${index} on no data disk`)
    if (copies * 2 <= voters.length) fail(`${node.id} committed ${index} on ${copies} disks`)
  }

  #copies(voters: ReadonlyArray<MemberId>, index: LogIndex, term: Term | undefined): number {
    return voters.filter((voter) => {
      const holder = this.#members.find(({ id }) => id === voter)
      return holder !== undefined && held(holder.disk, index, term)
    }).length
  }
}

/**
 * A copy that was lost and whose holder is not trusted since was a copy: nobody who lacks the entry
 * can be elected without the holder's vote.
 */
function held({ durable, lost }: Disk, index: LogIndex, term: Term | undefined): boolean {
  if (index <= durable.cut.index) return true
  return durable.term(index) === term || lost.some((image) => image.term(index) === term)
}

const nameOf = ({ term, index }: Entry): string => `${term}/${index}`

function fail(what: string): void {
  throw new Error(what)
}
