/**
 * A raft group seen as a Kafka partition. Offsets, epochs, the high watermark and producer state
 * are functions of the committed log: a restart takes them from the newest checkpoint and computes
 * the rest from the envelopes behind it; payloads are not read.
 *
 * leader epoch = raft term; high watermark = offset after the last applied batch; last stable
 * offset = high watermark (there are no transactions yet).
 */
import type { RaftConfig } from "../../raft/index.ts"
import type { LogIndex, MemberId, SoftState, Term } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { EntryMeta, GroupId, GroupLog, Wal } from "../../storage/wal.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import type { AppendBatch, AppendOptions, AppendReply } from "./append.ts"
import type { Backlog } from "./backlog.ts"
import { defaultCheckpointLimits } from "./checkpoint-plan.ts"
import type { CheckpointLimits } from "./checkpoint-plan.ts"
import { compactedUpTo, hasMissedTombstones, isCompactionDue } from "./compacted-log.ts"
import type { CompactionMark } from "./compaction-mark.ts"
import { noBatches, readableBytes, readBatches } from "./committed-log.ts"
import { decodeCommittedState } from "./committed-state-codec.ts"
import { CommittedState } from "./committed-state.ts"
import { encodeControlEntry, isControl } from "./control-entry.ts"
import type { ControlEntry } from "./control-entry.ts"
import type { EpochEnd, EpochStart } from "./leader-epochs.ts"
import { Leadership } from "./leadership.ts"
import { isBatch, splitState, WrittenStates } from "./observer.ts"
import type { PartitionObserver } from "./observer.ts"
import type { PartitionConfig } from "./partition-config.ts"
import { LogTrim } from "./log-trim.ts"
import type { Outbox } from "./ports.ts"
import type { ProducerSnapshot } from "./producer-state.ts"
import type { ProposalWaiter } from "./proposals.ts"
import { RaftGroup } from "./raft-group.ts"
import type { StateMachine } from "./raft-group.ts"
import { encodeStates, StateAt } from "./state-at.ts"
import { recordAtTimestamp, recordOfMaxTimestamp } from "./timestamp-lookup.ts"
import type { Readable, TimestampedOffset } from "./timestamp-lookup.ts"

export type { AppendBatch, AppendOptions, AppendReply } from "./append.ts"
export type { PartitionConfig } from "./partition-config.ts"

export interface PartitionIdentity {
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly group: GroupId
}

export interface PartitionOptions {
  readonly info: PartitionIdentity
  readonly self: MemberId
  /** The group's data replicas, preferred leader first. */
  readonly members: ReadonlyArray<MemberId>
  readonly nodeOf: (member: MemberId) => number
  readonly config: PartitionConfig
  readonly raft: RaftConfig
  /** As in `RaftGroupOptions`. */
  readonly written?: "durable" | "handedOver"
  readonly wal: Wal
  readonly outbox: Outbox
  readonly onDirty: (group: RaftGroup) => void
  /** High watermark, ISR or leadership changed. Called in a turn, at most once per turn. */
  readonly onProgress: (partition: Partition) => void
  /** Its log begins before its start: `trim` is to be called until it says no more. */
  readonly onTrimDue?: (partition: Partition) => void
  readonly backlog?: Backlog
  readonly checkpoints?: CheckpointLimits
  readonly observer?: PartitionObserver | undefined
}

export interface ReadResult {
  readonly errorCode: ErrorCode
  readonly batches: ReadonlyArray<Uint8Array>
  readonly bytes: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly lastStableOffset: number
}

/** A cut computes the state at its index from the one at the last: so many envelopes at a time. */
const cutEntriesMax = 65_536

export class Partition implements StateMachine {
  readonly info: PartitionIdentity
  readonly raftGroup: RaftGroup
  readonly #log: GroupLog
  readonly #nodeOf: (member: MemberId) => number
  readonly #onProgress: (partition: Partition) => void
  readonly #onTrimDue: (partition: Partition) => void
  readonly #trim: LogTrim
  readonly #state: CommittedState
  readonly #leadership: Leadership
  readonly #observer: PartitionObserver | undefined
  readonly #written = new WrittenStates()
  /** The term in which the observer was elected; 0 = none. */
  #electedTerm: Term = 0
  #config: PartitionConfig
  #moved = false
  /** True at first: a stop may have come before everything was taken off. */
  #logStartMoved = true

  constructor(options: PartitionOptions) {
    const { info, self, members, nodeOf, config } = options
    this.info = info
    this.#nodeOf = nodeOf
    this.#config = config
    this.#onProgress = options.onProgress
    this.#observer = options.observer
    this.#onTrimDue = options.onTrimDue ?? (() => {})
    this.#state = new CommittedState(config)
    this.#trim = new LogTrim({
      group: () => this.raftGroup,
      logStartOffset: () => this.#state.logStartOffset,
      encoded: () => this.#encoded(),
      stateAt: (index) => this.#walkTo(index),
    })
    this.raftGroup = new RaftGroup({
      checkpoints: defaultCheckpointLimits,
      ...options,
      group: info.group,
      machine: this,
    })
    this.#log = this.raftGroup.log
    this.#leadership = new Leadership({
      group: this.raftGroup,
      self,
      members,
      nodeOf,
      producers: this.#state.producers,
      config: () => this.#config,
      logStartOffset: () => this.logStartOffset,
      lowSpace: () => options.wal.space === "low",
    })
  }

  get config(): PartitionConfig {
    return this.#config
  }

  configure(config: PartitionConfig): void {
    this.#config = config
    this.#state.configure(config)
    this.raftGroup.schedule()
  }

  get isLeader(): boolean {
    return this.raftGroup.node.role === "leader"
  }

  /** −1 when it is not known. */
  get leaderNode(): number {
    const { leaderId } = this.raftGroup.node
    return leaderId === null ? -1 : this.#nodeOf(leaderId)
  }

  get leaderEpoch(): number {
    return this.raftGroup.node.term
  }

  /** What lies before it is gone, or about to be: OFFSET_OUT_OF_RANGE. Never decreases. */
  get logStartOffset(): number {
    return Math.max(this.#state.logStartOffset, this.#log.cut.lastOffset + 1)
  }

  /** With what is not committed yet: never to be handed to consumers. */
  get logEndOffset(): number {
    return this.raftGroup.node.lastOffset + 1
  }

  /** Never decreases, within a process. */
  get highWatermark(): number {
    return this.#state.highWatermark
  }

  get lastStableOffset(): number {
    return this.#state.highWatermark
  }

  /** An entry of the current term is applied: no earlier leader ever told a higher watermark. */
  get highWatermarkKnown(): boolean {
    const { appliedTerm } = this.#state
    return appliedTerm > 0 && appliedTerm === this.leaderEpoch
  }

  /**
   * A leader whose no-op is committed and applied. Until then: OFFSET_NOT_AVAILABLE for whatever
   * asks for the end.
   */
  get readyToServe(): boolean {
    return this.isLeader && this.highWatermarkKnown
  }

  /** Payload bytes proposed here and not committed yet. */
  get backlogBytes(): number {
    return this.raftGroup.backlogBytes
  }

  /** Stored payload bytes (DescribeLogDirs). */
  get sizeBytes(): number {
    return this.#log.payloadBytes
  }

  /**
   * Node ids, meaningful on the leader; elsewhere what was last known. The same array until it
   * changes.
   */
  inSyncReplicas(): ReadonlyArray<number> {
    return this.#leadership.inSync.nodes
  }

  /** min.insync.replicas, at most the number of replicas. */
  get minInSyncReplicas(): number {
    return this.#leadership.minInSyncReplicas
  }

  /** The ISR that an earlier leader reported: where this node begins if elected. */
  setReportedInSync(nodes: ReadonlyArray<number>): void {
    this.#leadership.inSync.setReported(nodes)
  }

  /** Nodes not heard from, and as which members others speak: the rest leaves the ISR at once. */
  setSuspected(
    nodes: ReadonlySet<number>,
    heardAs: ReadonlyMap<number, MemberId> = new Map(),
  ): void {
    this.#leadership.inSync.setSuspected(nodes, heardAs)
    if (this.isLeader) this.raftGroup.schedule()
  }

  /** ISR by time; constant work while nothing is appended. Raft's own clock is `raftGroup.tick`. */
  tick(nowMs: number): void {
    if (!this.#leadership.tick(nowMs)) return
    this.#moved = true
    this.raftGroup.schedule()
  }

  /** The group was deleted: waiting appends are answered, nothing leaves any more. */
  close(): void {
    this.raftGroup.close()
    this.#trim.end()
    this.#leadership.end()
    this.#resign()
  }

  /** `reply` is called exactly once, at once when nothing was proposed, else in a later turn. */
  append(batch: AppendBatch, options: AppendOptions, reply: (reply: AppendReply) => void): void {
    this.#leadership.append(batch, options, reply)
  }

  /**
   * Committed records from `offset` on. Beyond the high watermark: nothing, without an error while
   * the offset exists in this log; what a replica that may be behind has not heard of is
   * OFFSET_NOT_AVAILABLE, and OFFSET_OUT_OF_RANGE is said only by a leader that knows (traps 21,
   * 22).
   */
  read(offset: number, bytesMax: number, atLeastOne: boolean): ReadResult {
    if (this.#isWitness) return this.#readResult(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    if (offset < this.logStartOffset) return this.#readResult(ErrorCode.OFFSET_OUT_OF_RANGE)
    if (offset >= this.highWatermark) return this.#readResult(this.#beyondWatermark(offset))
    try {
      const hi = this.raftGroup.appliedIndex + 1
      const read = readBatches(this.#log, offset, hi, bytesMax, atLeastOne)
      return { ...this.#readResult(ErrorCode.NONE), ...read }
    } catch (error) {
      this.#reportCorrupt(error)
      return this.#readResult(ErrorCode.KAFKA_STORAGE_ERROR)
    }
  }

  /** For min_bytes; counting stops at `cap`. */
  readableBytes(offset: number, cap: number): number {
    if (offset >= this.highWatermark || offset < this.logStartOffset || cap <= 0) return 0
    return readableBytes(this.#log, offset, this.raftGroup.appliedIndex + 1, cap)
  }

  /** First committed record with a timestamp at or after `timestamp`. */
  offsetForTimestamp(timestamp: number): TimestampedOffset | undefined {
    return recordAtTimestamp(this.#readable(), timestamp)
  }

  /** The first of the committed records with the greatest timestamp. */
  offsetOfMaxTimestamp(): TimestampedOffset | undefined {
    const { maxTimestampIndex: index, maxTimestamp: timestamp } = this.#state
    return recordOfMaxTimestamp(this.#readable(), { index, timestamp })
  }

  #readable(): Readable {
    return {
      log: this.#log,
      logStartOffset: this.logStartOffset,
      hi: this.raftGroup.appliedIndex + 1,
      onCorrupt: (error) => this.#reportCorrupt(error),
    }
  }

  earliestOffset(): TimestampedOffset {
    const offset = this.logStartOffset
    return { offset, timestamp: -1, leaderEpoch: this.epochOfOffset(offset) }
  }

  endOffsetForEpoch(epoch: number): EpochEnd {
    return this.#state.epochs.endOffsetFor(epoch, this.highWatermark, this.logStartOffset)
  }

  /**
   * Epoch of the committed record at `offset`; of the latest one at the high watermark; −1 when
   * there is none.
   */
  epochOfOffset(offset: number): number {
    return this.#state.epochs.epochOf(offset)
  }

  /** Epochs that have records, and where they begin. */
  epochStarts(): ReadonlyArray<EpochStart> {
    return this.#state.epochs.snapshot()
  }

  /** Committed producer state: DescribeProducers, checkpoints and tests. */
  producers(): ReadonlyArray<ProducerSnapshot> {
    return this.#state.producers.snapshot()
  }

  /**
   * Takes everything up to `index` off the log, with the next commit; at most `cutEntriesMax`
   * entries at a time. Returns the index it will be cut at; 0 when there is nothing to cut.
   */
  cutTo(index: LogIndex): LogIndex {
    const { raftGroup } = this
    const first = this.#log.firstIndex
    const at = Math.min(index, raftGroup.appliedIndex, first - 1 + cutEntriesMax)
    if (at < first || at > this.#log.lastIndex) return 0
    const state = at === raftGroup.appliedIndex ? this.#encoded() : this.#stateAt(at)
    return state !== undefined && raftGroup.cut(at, state) ? at : 0
  }

  /**
   * Proposes what every replica will carry out; `waiter` is called once, later, with what became of
   * it. False: this node does not lead, or hands over.
   */
  proposeControl(entry: ControlEntry, wallMs: number, waiter: ProposalWaiter): boolean {
    const { node } = this.raftGroup
    if (node.role !== "leader" || node.transferTarget !== null) return false
    const result = this.raftGroup.proposePayload(encodeControlEntry(entry), wallMs, waiter)
    return result._tag !== "refused"
  }

  /** What the log has decided about its compaction. */
  get compaction(): CompactionMark {
    return this.#state.compaction
  }

  get compactedUpTo(): LogIndex {
    return compactedUpTo(this.#log)
  }

  /** Nothing on this disk needs the tombstones up to here any more. */
  get tombstonesDoneUpTo(): LogIndex {
    const { compactedUpTo: index } = this
    return this.#observer === undefined ? index : Math.min(index, this.#written.index)
  }

  get compactionDue(): boolean {
    return isCompactionDue(this.#log, this.#state.compaction)
  }

  /** The log still has entries that lie below its start. */
  get trimDue(): boolean {
    return this.#trim.due
  }

  /** Goes on taking them off: reads at most so many envelopes, and returns how many: 0 = stuck. */
  trim(entriesMax: number): number {
    try {
      return this.#trim.step(entriesMax)
    } catch (error) {
      this.#reportCorrupt(error)
      return 0
    }
  }

  #walkTo(index: LogIndex): StateAt {
    return new StateAt(this.#log, index, this.#config, this.#observer?.fresh())
  }

  #stateAt(index: LogIndex): Uint8Array | undefined {
    try {
      const walk = this.#walkTo(index)
      walk.advance(index, Infinity)
      return walk.encode()
    } catch (error) {
      this.#reportCorrupt(error)
      return undefined
    }
  }

  /**
   * The group has made this member a witness, and the metadata that says so is not applied yet:
   * what arrives now is without records, and nothing of it may be shown to anybody.
   */
  get #isWitness(): boolean {
    const { id, configuration } = this.raftGroup.node
    return configuration.witnesses.includes(id)
  }

  encode(): Uint8Array | undefined {
    if (this.#isWitness) return undefined
    this.#written.written(this.raftGroup.appliedIndex)
    return this.#encoded()
  }

  #encoded(): Uint8Array {
    return encodeStates(this.#state, this.#observer)
  }

  restore(state: Uint8Array, index: LogIndex): void {
    // A witness's snapshot: this partition has no state any more, and is about to end.
    if (state.length === 0) return
    const { own, observed } = splitState(state)
    this.#state.restore(decodeCommittedState(own))
    if (observed !== undefined) this.#observer?.restore(observed)
    this.#written.read(index)
    this.#moved = true
    this.#logStartMoved = true
  }

  apply(meta: EntryMeta, payload: () => Uint8Array): void {
    const isObserved = this.#observer !== undefined && isBatch(meta) && !this.#isWitness
    // Read first: of an entry that cannot be read nothing is applied, for it will come again.
    const observed = isObserved ? payload() : undefined
    this.#state.apply(meta, payload)
    if (isControl(meta)) this.#controlled()
    if (meta.producerId >= 0) this.#leadership.applied(meta)
    if (observed !== undefined) this.#observer?.applied(meta, () => observed)
    this.#moved = true
  }

  #controlled(): void {
    this.#logStartMoved = true
    const { raftGroup } = this
    if (!hasMissedTombstones(this.#log, this.#state.compaction, raftGroup.heldIndex)) return
    // All of it is fetched anew.
    raftGroup.damaged(this.#log.firstIndex, "rounds of compaction that all others have are missing")
  }

  roleChanged(soft: SoftState, term: Term): void {
    if (soft.role === "leader") this.#leadership.begin(term)
    else this.#leadership.end()
    if (soft.role !== "leader" || term !== this.#electedTerm) this.#resign()
    this.#moved = true
  }

  #resign(): void {
    if (this.#electedTerm === 0) return
    this.#electedTerm = 0
    this.#observer?.resigned()
  }

  #elect(): void {
    if (this.#electedTerm !== 0 || !this.readyToServe) return
    this.#electedTerm = this.leaderEpoch
    this.#observer?.elected(this.#electedTerm)
  }

  progressed(): void {
    if (this.#leadership.progressed()) this.#moved = true
    if (this.#logStartMoved) this.#lookAtStart()
    if (!this.#moved) return
    this.#moved = false
    if (this.#observer !== undefined) this.#elect()
    this.#onProgress(this)
  }

  #lookAtStart(): void {
    this.#logStartMoved = false
    try {
      this.#trim.look()
    } catch (error) {
      this.#reportCorrupt(error)
    }
    if (this.trimDue) this.#onTrimDue(this)
  }

  #beyondWatermark(offset: number): ErrorCode {
    if (offset <= this.logEndOffset) return ErrorCode.NONE
    return this.readyToServe ? ErrorCode.OFFSET_OUT_OF_RANGE : ErrorCode.OFFSET_NOT_AVAILABLE
  }

  #readResult(errorCode: ErrorCode): ReadResult {
    const { highWatermark, logStartOffset, lastStableOffset } = this
    return { errorCode, ...noBatches, highWatermark, logStartOffset, lastStableOffset }
  }

  #reportCorrupt(error: unknown): void {
    if (!(error instanceof CorruptEntry)) throw error
    const { topic, partition } = this.info
    this.raftGroup.damaged(error.index, `${topic}-${partition}: ${error.message}`)
  }
}
