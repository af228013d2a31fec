/**
 * A seeded group on a bad network: messages are lost, doubled, delayed and reordered, links are
 * cut, disks are slow, and crashes forget what was not durable. Then everything is healed, and the
 * group must work again.
 */
import { Prng, encodeConfiguration, type Message } from "../../../raft/index.ts"
import { RollingHash } from "../rolling-hash.ts"
import { Checker } from "./checker.ts"
import { Damage } from "./damage.ts"
import { formatConfiguration } from "./format.ts"
import { Member, configurationOf, isWitness, propose, type Settings } from "./member.ts"

export interface Faults {
  readonly lossPercent: number
  readonly doublePercent: number
  readonly delayMax: number
  readonly crashPerMille: number
  readonly cutPerMille: number
  readonly syncPercent: number
  readonly membership: boolean
  /** Assigned campaigns, transfers, leaders that give up. */
  readonly unrest: boolean
  readonly proposals: boolean
  /** Of the first voters. */
  readonly witnesses: number
  /** Hosts cut their logs: who lags needs a snapshot. */
  readonly cutLogPerMille: number
  /** Of a crash, that the disk has lost something. */
  readonly damagePercent: number
  readonly quiesceTicks: number
  readonly commitNoticeTicks: number
}

export function drawFaults(prng: Prng): Faults {
  const on = (): boolean => prng.below(3) > 0
  return {
    lossPercent: on() ? prng.below(25) : 0,
    doublePercent: on() ? prng.below(40) : 0,
    delayMax: on() ? 1 + prng.below(12) : 1,
    crashPerMille: on() ? 1 + prng.below(25) : 0,
    cutPerMille: on() ? 1 + prng.below(20) : 0,
    syncPercent: 20 + prng.below(80),
    membership: prng.below(3) === 0,
    unrest: on(),
    proposals: true,
    quiesceTicks: prng.below(2) === 0 ? 0 : 10,
    commitNoticeTicks: prng.below(3),
    witnesses: prng.below(4) === 0 ? 1 : 0,
    cutLogPerMille: prng.below(2) === 0 ? 0 : 1 + prng.below(80),
    damagePercent: on() ? 0 : 10 + prng.below(90),
  }
}

interface Parcel {
  readonly message: Message
  readonly due: number
}

const none: Faults = {
  lossPercent: 0,
  doublePercent: 0,
  delayMax: 1,
  crashPerMille: 0,
  cutPerMille: 0,
  syncPercent: 100,
  membership: false,
  unrest: false,
  proposals: false,
  witnesses: 0,
  cutLogPerMille: 0,
  damagePercent: 0,
  quiesceTicks: 0,
  commitNoticeTicks: 0,
}

export class World {
  readonly prng: Prng
  readonly members: ReadonlyArray<Member>
  readonly checker: Checker
  readonly damage: Damage
  #faults: Faults
  #mail: Array<Parcel> = []
  #now = 0
  /** Directed links that deliver nothing. */
  readonly #cut = new Set<string>()
  readonly #byId: ReadonlyMap<string, Member>
  readonly #wakeAt = new Map<number, Array<Member>>()
  /** Down for good. */
  stopped: Member | null = null
  messageCount = 0
  proposalCount = 0
  crashCount = 0
  snapshotCount = 0
  /** Inputs to members. */
  eventCount = 0
  readonly #hash = new RollingHash()

  constructor(
    seed: number,
    size: number,
    spares: number,
    faults: Faults,
    settings: Partial<Settings>,
  ) {
    this.prng = new Prng(seed)
    this.#faults = faults
    const data = Array.from({ length: size - faults.witnesses }, (_, i) => `n${i + 1}`)
    const witnesses = Array.from({ length: faults.witnesses }, (_, i) => `w${i + 1}`)
    const bootstrap = configurationOf({ voters: [...data, ...witnesses], witnesses })
    const all = [
      ...data,
      ...witnesses,
      ...Array.from({ length: spares }, (_, i) => `${i === 0 ? "s" : "ws"}${i + 1}`),
    ]
    const { quiesceTicks, commitNoticeTicks } = faults
    const whole = { quiesceTicks, commitNoticeTicks, ...settings }
    this.members = all.map((id, i) => new Member(id, bootstrap, seed * 16 + i, whole))
    this.#byId = new Map(this.members.map((member) => [member.id, member]))
    this.checker = new Checker(this.members)
    this.damage = new Damage(this.members, this.prng)
  }

  /** One unit of time; every member ticks, more or less. */
  step(): void {
    this.#now++
    this.#deliver()
    for (const member of this.members) {
      if (!member.up) {
        if (member !== this.stopped && this.#chance(100)) this.#restart(member)
        continue
      }
      if (this.#chance(900)) this.#input(member, () => member.node.tick())
      if (this.#chance(this.#faults.crashPerMille)) this.#crash(member)
      else this.#work(member)
    }
    if (this.#chance(this.#faults.cutPerMille)) this.#cutLinks()
    if (this.#cut.size > 0 && this.#chance(30)) this.#healLinks()
    for (const member of this.#wakeAt.get(this.#now) ?? []) this.#suspect(member)
    this.#wakeAt.delete(this.#now)
    this.damage.step()
    this.#clients()
  }

  heal(): void {
    this.#faults = { ...none, quiesceTicks: this.#faults.quiesceTicks }
    this.#healLinks()
    for (const member of this.members) if (!member.up) this.#restart(member)
  }

  /** It is down for good. */
  stop(member: Member): void {
    member.crash()
    this.stopped = member
    this.#later(member)
  }

  /** Units of time so far. */
  get steps(): number {
    return this.#now
  }

  /** Of all that was said: equal runs have equal ones. */
  digest(): string {
    return this.#hash.digest()
  }

  get leader(): Member | undefined {
    let newest: Member | undefined
    for (const member of this.members) {
      if (!member.up || member.node.role !== "leader") continue
      if (newest === undefined || member.node.term > newest.node.term) newest = member
    }
    return newest
  }

  describe(): string {
    const lines = this.members.map(({ node, up }) => {
      const { role, term, leaderId, commitIndex, lastIndex, quiesced, configuration } = node
      const standing = node.standing === "trusted" ? "" : node.standing
      const log = `last=${lastIndex} commit=${commitIndex}`
      const who = formatConfiguration(configuration)
      return `${node.id} ${up} ${role} ${term} of ${leaderId} ${log} ${quiesced} ${standing} ${who}`
    })
    return ["", ...lines].join("\n")
  }

  #chance(perMille: number): boolean {
    return this.prng.below(1000) < perMille
  }

  #input(member: Member, input: () => void): void {
    this.eventCount++
    input()
    this.checker.stepped(member)
  }

  /** What arrives now, taken out of the mail. */
  #due(): Array<Message> {
    const mail = this.#mail
    const due: Array<Message> = []
    let kept = 0
    for (const parcel of mail) {
      if (parcel.due > this.#now) mail[kept++] = parcel
      else due.push(parcel.message)
    }
    mail.length = kept
    return due
  }

  #deliver(): void {
    const due = this.#due()
    while (due.length > 0) {
      const at = this.#faults.delayMax > 1 ? this.prng.below(due.length) : 0
      const [message] = due.splice(at, 1)
      if (message === undefined) return
      const member = this.#byId.get(message.to)
      if (member === undefined || !member.up) continue
      if (this.#cut.size > 0 && this.#cut.has(`${message.from} ${message.to}`)) continue
      this.#input(member, () => member.step(message))
    }
  }

  /** Takes Readys and syncs commits, at the pace of a slow disk. */
  #work(member: Member): void {
    while (member.node.hasReady()) {
      const ready = member.take()
      this.checker.took(member, ready)
      this.#post(member, ready.messages)
      this.#offer(member, ready.snapshotsNeeded)
    }
    if (this.#chance(this.#faults.cutLogPerMille)) this.#cutLog(member)
    while (member.unsyncedCount > 0 && this.prng.below(100) < this.#faults.syncPercent) {
      let released: ReadonlyArray<Message> = []
      const { lost } = member.disk
      this.#input(member, () => {
        released = member.sync()
      })
      if (lost.length > 0 && member.disk.lost.length === 0) this.checker.readmitted(member, lost)
      this.#post(member, released)
    }
  }

  /** The host forgets a part of what it has applied. */
  #cutLog(member: Member): void {
    const applied = member.machine.index - member.disk.cut.index
    if (applied > 0 && !member.isWitness)
      member.cut(member.machine.index - this.prng.below(Math.min(applied, 20)))
  }

  #offer(member: Member, needed: ReadonlyArray<string>): void {
    for (const other of needed) {
      const snapshot = member.snapshot(this.prng.below(2) === 0)
      if (member.node.offerSnapshot(other, snapshot)) this.snapshotCount++
    }
  }

  #post(member: Member, messages: ReadonlyArray<Message>): void {
    for (const message of messages) {
      this.messageCount++
      this.#heard(message)
      this.checker.sent(member, message)
      if (this.prng.below(100) < this.#faults.lossPercent) continue
      this.#enqueue(message)
      if (this.prng.below(100) < this.#faults.doublePercent) this.#enqueue(message)
    }
  }

  /** All that a run does shows in what its members say, and when. */
  #heard(message: Message): void {
    this.#hash.number(this.#now)
    this.#hash.text(message._tag)
    this.#hash.text(message.to)
    this.#hash.number(message.term)
    if (message._tag === "AppendEntries") {
      this.#hash.number(message.prevLogIndex)
      this.#hash.number(message.leaderCommit)
      for (const { entryCrc } of message.entries) this.#hash.number(entryCrc)
    }
  }

  #enqueue(message: Message): void {
    this.#mail.push({ message, due: this.#now + 1 + this.prng.below(this.#faults.delayMax) })
  }

  /**
   * Between its Readys and their syncs, too: the commits under way are lost, the messages are on
   * the wire.
   */
  #crash(member: Member): void {
    this.crashCount++
    if (this.prng.below(2) === 0) this.#work(member)
    member.crash()
    if (this.prng.below(100) < this.#faults.damagePercent) this.#damage(member)
    this.#later(member)
  }

  /** Links do not outlive who was at their end: nothing said to it before reaches it after. */
  #damage(member: Member): void {
    const as = this.damage.hit(member)
    if (as === null) return
    this.checker.damaged(member)
    this.#mail = this.#mail.filter(
      ({ message }) =>
        message.to !== member.id && (as !== "amnesiac" || message.from !== member.id),
    )
  }

  /**
   * Hosts notice a silent node after a while and wake the groups it led (only that is left when
   * groups sleep).
   */
  #later(member: Member): void {
    const at = this.#now + 20
    this.#wakeAt.set(at, [...(this.#wakeAt.get(at) ?? []), member])
  }

  #suspect(suspected: Member): void {
    for (const member of this.members) {
      if (!member.up || member === suspected) continue
      if (member.node.leaderId === suspected.id || member.node.role === "leader") {
        this.#input(member, () => member.node.wake())
      }
    }
  }

  #restart(member: Member): void {
    member.restart()
    this.checker.restarted(member)
    this.damage.restarted(member)
    for (const other of this.members) if (other !== member) this.#newLinks(member, other)
  }

  #newLinks(one: Member, other: Member): void {
    if (one.up) this.#input(one, () => one.node.peerReset(other.id))
    if (other.up) this.#input(other, () => other.node.peerReset(one.id))
  }

  /** Both directions or one, between two halves or of one member. */
  #cutLinks(): void {
    const oneWay = this.prng.below(3) === 0
    const inside = new Set(this.members.filter(() => this.prng.below(2) === 0))
    for (const from of this.members) {
      for (const to of this.members) {
        if (inside.has(from) === inside.has(to)) continue
        if (!oneWay || inside.has(from)) this.#cut.add(`${from.id} ${to.id}`)
      }
    }
    for (const member of this.members) this.#later(member)
  }

  #healLinks(): void {
    const cut = [...this.#cut]
    this.#cut.clear()
    for (const link of cut) {
      const [from, to] = link.split(" ").map((id) => this.#byId.get(id))
      if (from !== undefined && to !== undefined) this.#newLinks(from, to)
    }
  }

  #clients(): void {
    for (const member of this.members) {
      if (!member.up) continue
      const { node } = member
      if (this.#faults.unrest) this.#unrest(member)
      if (node.role !== "leader") continue
      if (this.#chance(300)) this.#input(member, () => this.#judgeWitnesses(member))
      if (this.#faults.proposals && this.#chance(300)) this.#propose(member)
      if (this.#chance(50)) this.#input(member, () => node.readIndex(this.#now))
      if (this.#faults.membership && this.#chance(20)) this.#configure(member)
    }
  }

  /** As a partition does: witnesses work while a data voter is silent or lags, else seldom. */
  #judgeWitnesses({ node }: Member): void {
    const { voters, votersOutgoing, witnesses } = node.configuration
    if (witnesses.length === 0) return
    const lags = [...voters, ...votersOutgoing].some((voter) => {
      const progress = node.progress(voter)
      if (progress === undefined || witnesses.includes(voter) || voter === node.id) return false
      return progress.quietTicks > 6 || progress.matchIndex + 8 < node.lastIndex
    })
    node.setWitnessesNeeded(lags || this.#chance(50))
  }

  #unrest(member: Member): void {
    const { node } = member
    if (this.#chance(2)) this.#input(member, () => node.campaign("assigned"))
    if (this.#chance(3)) this.#input(member, () => node.transferLeadership(this.#someone().id))
    if (this.#chance(3)) this.#input(member, () => node.stepDown())
  }

  #propose(member: Member): void {
    for (let count = 1 + this.prng.below(4); count > 0; count--) {
      this.proposalCount++
      this.#input(member, () => propose(member.node, `${this.proposalCount}`))
    }
  }

  #configure({ node }: Member): void {
    const voters = this.members.filter(() => this.prng.below(3) > 0).map(({ id }) => id)
    const rest = this.members.filter(({ id }) => !voters.includes(id) && !isWitness(id))
    const learners = rest.filter(() => this.prng.below(2) === 0).map(({ id }) => id)
    const next = configurationOf({ voters, learners, witnesses: voters.filter(isWitness) })
    encodeConfiguration(next)
    if (!this.damage.bearable(next)) return
    node.proposeConfiguration(next, 0)
  }

  #someone(): Member {
    return this.members[this.prng.below(this.members.length)]!
  }
}
