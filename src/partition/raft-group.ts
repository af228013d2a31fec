/**
 * One Raft group on this node: its `RaftNode`, its log, the answers that wait for its entries, and
 * the state machine that its committed entries drive. Used for data partitions and for the metadata
 * group alike.
 *
 * A turn has three parts, in this order, for all dirty groups of the node (turn.ts): `collect`
 * sends what may leave at once and says what must be written; the writes of all groups go to the
 * log as one commit; `advance` applies, settles and tells the state machine. `durable` comes later,
 * once per commit. Callbacks (waiters, the state machine) run in `advance` alone, so they may
 * propose: between `collect` and the commit the node must not be asked anything.
 */
import { RaftNode } from "../../raft/index.ts"
import type { RaftConfig, ProposeResult } from "../../raft/index.ts"
import type { Message } from "../../raft/message.ts"
import type { PersistToken, Ready } from "../../raft/ready.ts"
import type { EntryId, LogIndex, MemberId, Proposal, SoftState, Term } from "../../raft/types.ts"
import type {
  CommitNumber,
  EntryMeta,
  GroupId,
  GroupLog,
  GroupWrite,
  Wal,
} from "../../storage/wal.ts"
import type { Backlog } from "./backlog.ts"
import type { Outbox } from "./ports.ts"
import { Proposals } from "./proposals.ts"
import type { ProposalWaiter } from "./proposals.ts"
import { ReadRounds } from "./read-rounds.ts"
import type { ReadWaiter } from "./read-rounds.ts"

export interface StateMachine {
  /**
   * A committed entry, in order, once each (again from the start after a restart). `payload` reads
   * the bytes.
   */
  apply(meta: EntryMeta, payload: () => Uint8Array): void
  /** Role, leader or term changed; before the entries of the same turn are applied. */
  roleChanged?(soft: SoftState, term: Term): void
  /** Once per turn of a group whose entries may have been applied, made durable or acknowledged. */
  progressed?(): void
}

export interface RaftGroupOptions {
  readonly group: GroupId
  readonly raft: RaftConfig
  readonly wal: Wal
  readonly outbox: Outbox
  readonly machine: StateMachine
  /** At most once between two turns. */
  readonly onDirty: (group: RaftGroup) => void
  /** Shared by the groups of a node. */
  readonly backlog?: Backlog
}

/** A Ready whose persistence is under way. */
interface Persisting {
  readonly commit: CommitNumber
  readonly token: PersistToken
  readonly afterPersist: ReadonlyArray<Message>
}

/** Entries read at once while applying: bounds the metas alive, not the work. */
const applyChunk = 512

export class RaftGroup {
  readonly group: GroupId
  readonly node: RaftNode
  readonly log: GroupLog
  readonly #machine: StateMachine
  readonly #outbox: Outbox
  readonly #onDirty: (group: RaftGroup) => void
  readonly #backlog: Backlog | undefined
  readonly #proposals = new Proposals()
  readonly #reads = new ReadRounds()
  readonly #readPayload: () => Uint8Array
  #persisting: Array<Persisting> = []
  #taken: Ready | null = null
  #scheduled = false
  #closed = false
  /** Known to be committed: [appliedIndex + 1, #committedHi) is still to be applied. */
  #committedHi: LogIndex
  #appliedIndex: LogIndex
  /** 0 = was not leading when last looked. */
  #leadingTerm: Term = 0
  #toldSoft: SoftState = { role: "follower", leaderId: null }
  #toldTerm: Term = 0

  constructor(options: RaftGroupOptions) {
    this.group = options.group
    this.log = options.wal.log(options.group)
    this.node = new RaftNode(options.raft, this.log.hardState, this.log)
    this.#machine = options.machine
    this.#outbox = options.outbox
    this.#onDirty = options.onDirty
    this.#backlog = options.backlog
    this.#appliedIndex = this.log.firstIndex - 1
    this.#committedHi = this.#appliedIndex + 1
    this.#readPayload = () => this.#payloadOf(this.#appliedIndex + 1)
  }

  /** The state machine has seen everything up to here. */
  get appliedIndex(): LogIndex {
    return this.#appliedIndex
  }

  /** Payload bytes proposed here and neither committed nor given up. */
  get backlogBytes(): number {
    return this.#proposals.bytes
  }

  /** True when this group or the whole node has taken on as much as it may without committing. */
  backlogFull(bytesMax: number): boolean {
    return this.#proposals.bytes >= bytesMax || this.#backlog?.full === true
  }

  get waiters(): number {
    return this.#proposals.size
  }

  step(message: Message): void {
    this.node.step(message)
    this.schedule()
  }

  tick(): void {
    this.node.tick()
    this.#scheduleIfReady()
  }

  /** The time a new entry would carry: never before any earlier one of this log. */
  appendMs(nowMs: number): number {
    return Math.max(nowMs, this.node.lastAppendMs)
  }

  /** `waiter` is called once, later, unless the proposal was refused. */
  propose(
    proposal: Proposal,
    waiter: ProposalWaiter,
    until: "committed" | "durable" = "committed",
  ): ProposeResult {
    const result = this.node.propose(proposal)
    if (result._tag === "refused") return result
    const bytes = proposal.payload.length
    if (this.#backlog !== undefined) this.#backlog.bytes += bytes
    if (until === "committed") this.#proposals.awaitCommitted(result.id, bytes, waiter)
    else {
      this.#proposals.awaitCommitted(result.id, bytes, ignoreOutcome)
      this.#proposals.awaitDurable(result.id, waiter)
    }
    this.schedule()
    return result
  }

  /** An entry that takes no offset: metadata records. */
  proposePayload(payload: Uint8Array, nowMs: number, waiter: ProposalWaiter): ProposeResult {
    const { lastOffset } = this.node
    const proposal: Proposal = {
      appendMs: this.appendMs(nowMs),
      firstOffset: lastOffset + 1,
      lastOffset,
      maxTimestamp: -1,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      payload,
    }
    return this.propose(proposal, waiter)
  }

  /** Waits for an entry that somebody else proposed in this term, or for the term's no-op. */
  awaitCommitted(id: EntryId, waiter: ProposalWaiter): void {
    this.#proposals.awaitCommitted(id, 0, waiter)
  }

  campaign(kind: "timeout" | "assigned"): void {
    this.node.campaign(kind)
    this.#scheduleIfReady()
  }

  transferLeadership(target: MemberId): "started" | "refused" {
    const answer = this.node.transferLeadership(target)
    this.#scheduleIfReady()
    return answer
  }

  stepDown(): void {
    this.node.stepDown()
    this.schedule()
  }

  /**
   * Raft §8: `waiter` gets "ready" once everything committed before the call is applied here, or
   * "lost".
   */
  readIndex(waiter: ReadWaiter): void {
    const context = this.#reads.begin(waiter)
    if (!this.node.readIndex(context)) this.#reads.lost(context)
    this.schedule()
  }

  peerReset(member: MemberId): void {
    this.node.peerReset(member)
    this.#scheduleIfReady()
  }

  wake(): void {
    this.node.wake()
    this.#scheduleIfReady()
  }

  /** The next turn looks at this group even if its node has nothing to hand out. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    this.#onDirty(this)
  }

  /**
   * The group is gone from this node: nothing leaves any more, whoever waits is told that the
   * outcome is unknown.
   */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#persisting = []
    this.#releaseBacklog(this.#proposals.leadershipLost(0))
    this.#reads.allLost()
  }

  /**
   * Part 1 of a turn. Null when nothing has to be written; `taken` is called for what is returned.
   */
  collect(): GroupWrite | null {
    this.#scheduled = false
    if (this.#closed || !this.node.hasReady()) return null
    const ready = this.node.ready()
    for (const message of ready.messages) this.#outbox.send(this.group, message)
    this.#committedHi = Math.max(this.#committedHi, ready.committed.hi)
    this.#reads.answered(ready.readStates, ready.readsLost)
    for (const member of ready.snapshotsNeeded) this.#warnSnapshot(member)
    if (ready.entries.length === 0 && ready.hardState === null) return null
    this.#taken = ready
    const write = { group: this.group, entries: ready.entries }
    return ready.hardState === null ? write : { ...write, hardState: ready.hardState }
  }

  /** What `collect` returned is part of this commit. */
  taken(commit: CommitNumber): void {
    const ready = this.#taken
    if (ready === null || ready.token === null) {
      throw new Error(`group ${this.group}: a commit without a Ready that asked for it`)
    }
    this.#taken = null
    this.#persisting.push({ commit, token: ready.token, afterPersist: ready.afterPersist })
  }

  /** Part 3 of a turn. At most `applyMax` entries are applied; returns how many were. */
  advance(applyMax: number): number {
    if (this.#closed) return 0
    this.#noticeRole()
    this.#proposals.durable(this.node.durableIndex, this.#leadingTerm)
    const applied = this.#apply(applyMax)
    this.#reads.settle(this.#appliedIndex)
    this.#machine.progressed?.()
    if (this.#appliedIndex + 1 < this.#committedHi) this.schedule()
    else this.#scheduleIfReady()
    return applied
  }

  /** Every commit up to this one is durable. */
  durable(through: CommitNumber): void {
    if (this.#closed) return
    while (this.#persisting.length > 0 && this.#persisting[0]!.commit <= through) {
      const { token, afterPersist } = this.#persisting.shift()!
      // False: the term has changed since, and promises of an older term are not made any more
      // (hazard 4).
      if (!this.node.persisted(token)) continue
      for (const message of afterPersist) this.#outbox.send(this.group, message)
    }
    this.schedule()
  }

  #noticeRole(): void {
    const { role, term, leaderId } = this.node
    const leadingTerm = role === "leader" ? term : 0
    if (leadingTerm !== this.#leadingTerm) {
      const before = this.#leadingTerm
      this.#leadingTerm = leadingTerm
      if (before !== 0) this.#releaseBacklog(this.#proposals.leadershipLost(this.#committedHi))
    }
    const told = this.#toldSoft
    if (told.role === role && told.leaderId === leaderId && this.#toldTerm === term) return
    this.#toldSoft = { role, leaderId }
    this.#toldTerm = term
    this.#machine.roleChanged?.(this.#toldSoft, term)
  }

  #apply(applyMax: number): number {
    const hi = Math.min(this.#committedHi, this.#appliedIndex + 1 + applyMax)
    const before = this.#appliedIndex
    while (this.#appliedIndex + 1 < hi && !this.#closed) {
      const metas = this.log.metas(this.#appliedIndex + 1, hi, applyChunk)
      if (metas.length === 0) {
        throw new Error(`group ${this.group}: committed entry ${this.#appliedIndex + 1} is missing`)
      }
      for (const meta of metas) {
        this.#machine.apply(meta, this.#readPayload)
        this.#appliedIndex = meta.index
        this.#releaseBacklog(this.#proposals.committed(meta.index, meta.term))
      }
      this.node.applied(this.#appliedIndex)
    }
    return this.#appliedIndex - before
  }

  #payloadOf(index: LogIndex): Uint8Array {
    const entry = this.log.entries(index, index + 1, 0)[0]
    if (entry === undefined) throw new Error(`group ${this.group}: entry ${index} is missing`)
    return entry.payload
  }

  #releaseBacklog(bytes: number): void {
    if (this.#backlog !== undefined) this.#backlog.bytes -= bytes
  }

  #scheduleIfReady(): void {
    if (!this.#scheduled && this.node.hasReady()) this.schedule()
  }

  /** Nothing cuts the prefix of a log yet, so nobody can be that far behind; say so if one is. */
  #warnSnapshot(member: MemberId): void {
    const line = `group ${this.group}: ${member} needs entries below ${this.log.firstIndex}`
    this.#outbox.log("error", line)
  }
}

function ignoreOutcome(): void {}
