/**
 * One Raft group on this node: its `RaftNode`, its log, the answers that wait for its entries, and
 * the state machine that its committed entries drive. Used for data partitions, for the metadata
 * group and for groups of which this node is only a witness.
 *
 * A turn has three parts, in this order, for all dirty groups of the node (turn.ts): `collect`
 * sends what may leave at once and says what must be written; the writes of all groups go to the
 * log as one commit; `advance` applies, settles and tells the state machine. `durable` comes later,
 * once per commit. Callbacks (waiters, the state machine) run in `advance` alone, so they may
 * propose: between `collect` and the commit the node must not be asked anything.
 */
import { membersOf, RaftNode } from "../../raft/index.ts"
import type { RaftConfig, ProposeResult } from "../../raft/index.ts"
import type { Message } from "../../raft/message.ts"
import type { Ready } from "../../raft/ready.ts"
import type {
  EntryId,
  LogIndex,
  MemberId,
  Proposal,
  Snapshot,
  SoftState,
  Standing,
  Term,
} from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { Checkpoint, CommitNumber, CompactedTo, GroupId } from "../../storage/wal.ts"
import type { GroupLog, GroupWrite, Wal } from "../../storage/wal.ts"
import { acceptedLoss } from "./accepted-loss.ts"
import type { Backlog } from "./backlog.ts"
import type { CheckpointLimits } from "./checkpoint-plan.ts"
import { forgetDamagedMembers } from "./damaged-members.ts"
import { Damage, othersHold } from "./damage.ts"
import type { Outbox } from "./ports.ts"
import { PayloadReader } from "./payload-reader.ts"
import { Persisting } from "./persisting.ts"
import { Proposals, withoutOffsets } from "./proposals.ts"
import type { ProposalWaiter } from "./proposals.ts"
import { ReadRounds } from "./read-rounds.ts"
import type { ReadWaiter } from "./read-rounds.ts"
import type { StateMachine } from "./state-machine.ts"
import { States } from "./states.ts"
import { Witnessed } from "./witnessed.ts"
import type { Testimony } from "./witnessed.ts"

export type { StateMachine } from "./state-machine.ts"

export interface RaftGroupOptions {
  readonly group: GroupId
  readonly raft: RaftConfig
  /** "handedOver": this process has written to the log before, which may not be durable yet. */
  readonly written?: "durable" | "handedOver"
  readonly wal: Wal
  readonly outbox: Outbox
  readonly machine: StateMachine
  /** At most once between two turns. */
  readonly onDirty: (group: RaftGroup) => void
  /** Shared by the groups of a node. */
  readonly backlog?: Backlog
  /** When the machine's state is written down; never without. Needs `machine.encode`. */
  readonly checkpoints?: CheckpointLimits
}

/** Entries read at once while applying: bounds the metas alive, not the work. */
const applyChunk = 512

export class RaftGroup {
  readonly group: GroupId
  readonly log: GroupLog
  readonly #options: RaftGroupOptions
  #node: RaftNode
  readonly #machine: StateMachine
  readonly #outbox: Outbox
  readonly #onDirty: (group: RaftGroup) => void
  readonly #backlog: Backlog | undefined
  readonly #proposals = new Proposals()
  readonly #reads = new ReadRounds()
  readonly #payloads: PayloadReader
  readonly #readPayload: () => Uint8Array
  readonly #send = (message: Message): void => this.#outbox.send(this.group, message)
  readonly #witnessed: Witnessed
  readonly #states: States
  readonly #damage: Damage
  readonly #persisting = new Persisting()
  /** A commit was handed out that `taken` has not named yet. */
  #writing = false
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
  #toldStanding: Standing
  /** Of the entry at the applied index. */
  #appliedTerm: Term
  #installing: Snapshot | null = null

  constructor(options: RaftGroupOptions) {
    this.#options = options
    this.group = options.group
    this.log = options.wal.log(options.group)
    this.#witnessed = new Witnessed(this.log)
    this.#machine = options.machine
    this.#outbox = options.outbox
    this.#onDirty = options.onDirty
    this.#backlog = options.backlog
    this.#states = new States(this.log, options)
    this.#damage = new Damage(this.log, (level, line) =>
      options.outbox.log(level, `group ${options.group}: ${line}`),
    )
    const { index, term } = this.#states.restored()
    this.#appliedIndex = index
    this.#appliedTerm = term
    this.#committedHi = index + 1
    this.#node = this.#newNode(options.written)
    this.#toldStanding = this.#node.standing
    this.#payloads = new PayloadReader(this.log, this.group)
    this.#readPayload = () => this.#payloads.read(this.#appliedIndex + 1, this.#committedHi)
  }

  /** Another one after the log was found damaged: not to be kept. */
  get node(): RaftNode {
    return this.#node
  }

  #newNode(written: "durable" | "handedOver" = "durable"): RaftNode {
    const { hardState } = this.log
    const known = Math.min(this.#appliedIndex, this.log.lastIndex)
    // The stored commit index is a hint that lags; what was applied was committed.
    const commitIndex = Math.max(hardState.commitIndex, known)
    const { raft } = this.#options
    const node = new RaftNode(raft, { ...hardState, commitIndex }, this.log, written)
    node.applied(known)
    return node
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

  step(message: Message): void {
    this.#witnessed.heard(message)
    try {
      this.#node.step(message)
    } catch (error) {
      return this.#nodeBroke(error)
    }
    if (message._tag === "AppendEntriesResponse") this.#witnessed.acknowledged(this.#node, message)
    else if (message._tag === "AppendEntries") this.#witnessed.led(this.#node, message)
    this.schedule()
  }

  /** What this node can say of that member's disk (VERIFICATION D3). */
  testimony(member: MemberId): Testimony | undefined {
    return this.#witnessed.of(member)
  }

  tick(): void {
    this.#node.tick()
    if (this.#damage.any && othersHold(this.#node)) this.schedule()
    this.#scheduleIfReady()
  }

  /** The time a new entry would carry: never before any earlier one of this log. */
  appendMs(wallMs: number): number {
    return Math.max(wallMs, this.node.lastAppendMs)
  }

  /** `waiter` is called once, later, unless the proposal was refused. */
  propose(
    proposal: Proposal,
    waiter: ProposalWaiter,
    until: "committed" | "durable" = "committed",
  ): ProposeResult {
    if (this.#damage.broken) return { _tag: "refused", reason: "notLeader" }
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
  proposePayload(payload: Uint8Array, wallMs: number, waiter: ProposalWaiter): ProposeResult {
    const { lastOffset } = this.node
    return this.propose(withoutOffsets(lastOffset, this.appendMs(wallMs), payload), waiter)
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

  /** §8: `waiter` gets "ready" once all that was committed before is applied here, or "lost". */
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

  /** It is gone from this node: nothing leaves any more, whoever waits is told "unknown". */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#persisting.forget()
    this.#releaseBacklog(this.#proposals.leadershipLost(0))
    this.#reads.allLost()
  }

  /** Part 1 of a turn. Null: nothing is to be written. `taken` is called for what is returned. */
  collect(): GroupWrite | null {
    this.#scheduled = false
    if (this.#closed) return null
    const ready = this.#takeReady()
    const states = this.#takeStates(ready?.snapshot ?? this.#states.takeCut())
    const entries = ready?.entries ?? []
    const hardState = ready?.hardState ?? null
    if (entries.length === 0 && hardState === null && states === null) return null
    this.#writing = true
    const write = { group: this.group, entries, ...(hardState === null ? {} : { hardState }) }
    return states === null ? write : { ...write, ...states }
  }

  #takeStates(cut: Snapshot | null): Partial<GroupWrite> | null {
    const checkpoint = this.#takeCheckpoint(cut)
    const compacted = this.#states.takeCompacted()
    if (cut === null && checkpoint === null && compacted === null) return null
    return {
      ...(cut === null ? {} : { cut }),
      ...(checkpoint === null ? {} : { checkpoint }),
      ...(compacted === null ? {} : { compacted }),
    }
  }

  #takeCheckpoint(cut: Snapshot | null): Checkpoint | null {
    if (!this.#states.checkpointDue || this.#installing !== null) return null
    return this.#states.takeCheckpoint({ index: this.#appliedIndex, term: this.#appliedTerm }, cut)
  }

  /** Its messages leave at once; what must be written is left to the caller. */
  #takeReady(): Ready | null {
    if (this.#damage.broken || !this.#node.hasReady()) return null
    let ready: Ready
    try {
      ready = this.#node.ready()
    } catch (error) {
      this.#nodeBroke(error)
      return null
    }
    for (const message of ready.messages) this.#send(message)
    this.#committedHi = Math.max(this.#committedHi, ready.committed.hi)
    this.#reads.answered(ready.readStates, ready.readsLost)
    this.#states.needed(ready.snapshotsNeeded)
    this.#installing = ready.snapshot
    this.#taken = ready.token === null ? null : ready
    return ready
  }

  /** What `collect` returned is part of this commit. */
  taken(commit: CommitNumber): void {
    if (!this.#writing) throw new Error(`group ${this.group}: a commit nobody asked for`)
    this.#writing = false
    const ready = this.#taken
    this.#taken = null
    if (ready === null || ready.token === null) return
    this.#persisting.add({ commit, token: ready.token, afterPersist: ready.afterPersist })
  }

  /** Part 3 of a turn. At most `applyMax` entries are applied; returns how many were. */
  advance(applyMax: number): number {
    if (this.#closed) return 0
    this.#install()
    const forgetFrom = this.#damage.forgetFrom(this.#node)
    if (forgetFrom > 0) this.#beginAnew(forgetFrom)
    this.#noticeRole()
    this.#proposals.durable(this.node.durableIndex, this.#leadingTerm)
    const applied = this.#apply(applyMax)
    this.#states.offer(this.#node)
    this.#reads.settle(this.#appliedIndex)
    this.#machine.progressed?.()
    if (this.#appliedIndex + 1 < this.#committedHi) this.schedule()
    else this.#scheduleIfReady()
    return applied
  }

  /** The log begins behind what the leader sent: so does the machine, unless it was further. */
  #install(): void {
    const snapshot = this.#installing
    if (snapshot === null) return
    this.#installing = null
    const { index, term } = snapshot.cut
    if (index > this.#appliedIndex) {
      this.#machine.restore?.(snapshot.state, index)
      this.#appliedIndex = index
      this.#appliedTerm = term
      this.#releaseBacklog(this.#proposals.committed(index, term))
    }
    this.#committedHi = Math.max(this.#committedHi, index + 1)
    this.#node.applied(Math.min(this.#appliedIndex, this.#node.commitIndex))
    this.#outbox.log("info", `group ${this.group}: begins anew from a snapshot at ${index}`)
  }

  /**
   * Everything up to `index` leaves the log; `state` is the machine's at that index. False: it is
   * not applied yet, or gone already.
   */
  cut(index: LogIndex, state: Uint8Array): boolean {
    if (index > this.#appliedIndex) return false
    const isCut = this.#damage.meeting(this.#node, () => this.#states.cut(index, state))
    if (isCut !== false) this.schedule()
    return isCut === true
  }

  get heldIndex(): LogIndex {
    return this.#states.heldIndex
  }

  /** Rounds of compaction were carried out on this disk. */
  compacted(to: CompactedTo): void {
    this.#states.compacted(to)
    this.schedule()
  }

  /** Every commit up to this one is durable. */
  durable(through: CommitNumber): void {
    if (this.#closed) return
    this.#persisting.release(through, this.#node, this.#send)
    this.schedule()
  }

  #noticeStanding(): void {
    const { standing } = this.#node
    if (standing === this.#toldStanding) return
    this.#toldStanding = standing
    if (standing !== "trusted") return
    this.#outbox.log("info", `group ${this.group}: filled up by its leader, and trusted again`)
  }

  #noticeRole(): void {
    this.#noticeStanding()
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
    try {
      return this.#applyCommitted(applyMax)
    } catch (error) {
      this.#nodeBroke(error)
      return 0
    } finally {
      this.#payloads.release()
    }
  }

  #applyCommitted(applyMax: number): number {
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
        this.#appliedTerm = meta.term
        this.#states.applied(meta)
        if (meta.type === "configuration") this.#witnessed.keep(membersOf(this.#node.configuration))
        this.#releaseBacklog(this.#proposals.committed(meta.index, meta.term))
      }
      this.#node.applied(this.#appliedIndex)
    }
    return this.#appliedIndex - before
  }

  #releaseBacklog(bytes: number): void {
    if (this.#backlog !== undefined) this.#backlog.bytes -= bytes
  }

  #scheduleIfReady(): void {
    if (!this.#scheduled && this.node.hasReady()) this.schedule()
  }

  /** An entry's bytes are not those that were appended; whoever reads it gives its own error. */
  damaged(index: LogIndex, what: string): void {
    if (!this.#closed && this.#damage.found(index, what, this.#node)) this.schedule()
  }

  /** Some entry of this log is damaged and has not been given back yet. */
  get isDamaged(): boolean {
    return this.#damage.any
  }

  /** An error of reading the log in the middle of the node's or the machine's work. */
  #nodeBroke(error: unknown): void {
    const here = error instanceof CorruptEntry && error.group === this.group
    if (!here || !othersHold(this.#node)) throw error
    this.#damage.nodeBroke(error.index, error.message, this.#node)
    this.schedule()
  }

  /**
   * Somebody answers for it: the log is taken as it is, whatever it has lost. False: not now, or
   * there is nothing to accept. An amnesiac member must first hear the others' terms.
   */
  acceptLoss(): boolean {
    if (this.#node.standing !== "recovering" || !this.#persisting.idle) return false
    const hardState = acceptedLoss(this.log)
    this.#options.wal.commit([{ group: this.group, entries: [], hardState }])
    this.#renew()
    return true
  }

  /** Forgets everything from `index` on and starts as a member that is to be trusted again. */
  #beginAnew(index: LogIndex): void {
    this.#options.wal.amputate(this.group, index)
    this.#renew()
  }

  #renew(): void {
    forgetDamagedMembers(this.#options.wal, this.group)
    this.#persisting.forget()
    this.#states.forget()
    const lastKnown = Math.min(this.#committedHi, this.log.lastIndex + 1)
    this.#committedHi = Math.max(this.#appliedIndex + 1, lastKnown)
    this.#node = this.#newNode("handedOver")
    this.#reads.allLost()
    // The old one may have been asleep, so that nobody would tick the new one.
    this.schedule()
  }
}

function ignoreOutcome(): void {}
