/**
 * A raft group seen as a Kafka partition. Offsets, epochs, the high watermark and producer state are functions of the
 * committed log: a restart computes them again from the envelopes, payloads are not read.
 *
 * leader epoch = raft term; high watermark = offset after the last applied batch; last stable offset = high watermark
 * (there are no transactions yet).
 */
import type { RaftConfig } from "../../raft/index.ts"
import type { LogIndex, MemberId, SoftState, Term } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { EntryMeta, GroupId, GroupLog, Wal } from "../../storage/wal.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import { Acknowledgements } from "./acknowledgements.ts"
import type { HeldVerdict } from "./acknowledgements.ts"
import { failedReply, notLeaderReply } from "./append.ts"
import type { AppendBatch, AppendOptions, AppendReply } from "./append.ts"
import type { Backlog } from "./backlog.ts"
import { noBatches, readableBytes, readBatches } from "./committed-log.ts"
import { InSyncReplicas } from "./in-sync-replicas.ts"
import type { LeaderView } from "./in-sync-replicas.ts"
import { LeaderEpochs } from "./leader-epochs.ts"
import type { EpochEnd, EpochStart } from "./leader-epochs.ts"
import { LeaderTail } from "./leader-tail.ts"
import type { PartitionConfig } from "./partition-config.ts"
import type { Outbox } from "./ports.ts"
import type { ProducerBatch } from "./producer-batch.ts"
import { ProducerState } from "./producer-state.ts"
import type { ProducerSnapshot } from "./producer-state.ts"
import type { ProposalOutcome } from "./proposals.ts"
import { RaftGroup } from "./raft-group.ts"
import type { StateMachine } from "./raft-group.ts"
import { stampBatch } from "./stamp-batch.ts"
import { recordAtTimestamp, recordInEntry } from "./timestamp-lookup.ts"
import type { TimestampedOffset } from "./timestamp-lookup.ts"

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
  readonly wal: Wal
  readonly outbox: Outbox
  readonly onDirty: (group: RaftGroup) => void
  /** High watermark, ISR or leadership changed. Called in a turn, at most once per turn. */
  readonly onProgress: (partition: Partition) => void
  readonly backlog?: Backlog
}

export interface ReadResult {
  readonly errorCode: ErrorCode
  readonly batches: ReadonlyArray<Uint8Array>
  readonly bytes: number
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly lastStableOffset: number
}

export class Partition implements StateMachine {
  readonly info: PartitionIdentity
  readonly raftGroup: RaftGroup
  readonly #log: GroupLog
  readonly #nodeOf: (member: MemberId) => number
  readonly #outbox: Outbox
  readonly #onProgress: (partition: Partition) => void
  readonly #epochs = new LeaderEpochs()
  readonly #producers: ProducerState
  readonly #inSync: InSyncReplicas
  readonly #acknowledgements = new Acknowledgements()
  readonly #view: LeaderView
  #config: PartitionConfig
  #tail: LeaderTail | undefined
  #leadingTerm: Term = 0
  #highWatermark = 0
  #appliedTerm: Term = 0
  #maxTimestamp = -1
  #maxTimestampIndex: LogIndex = 0
  #moved = false

  constructor(options: PartitionOptions) {
    const { info, self, nodeOf, config } = options
    this.info = info
    this.#nodeOf = nodeOf
    this.#config = config
    this.#outbox = options.outbox
    this.#onProgress = options.onProgress
    this.#producers = new ProducerState(producerLimits(config))
    this.#inSync = new InSyncReplicas(self, nodeOf)
    this.raftGroup = new RaftGroup({ ...options, group: info.group, machine: this })
    this.#log = this.raftGroup.log
    this.#view = leaderView(this.raftGroup)
  }

  get config(): PartitionConfig {
    return this.#config
  }

  configure(config: PartitionConfig): void {
    this.#config = config
    this.#producers.configure(producerLimits(config))
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

  get logStartOffset(): number {
    return this.#log.lastIndex === 0 ? 0 : this.#log.firstOffset
  }

  /** On a leader with what it has proposed; never to be handed to consumers. */
  get logEndOffset(): number {
    return this.raftGroup.node.lastOffset + 1
  }

  /** Never decreases, within a process. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  get lastStableOffset(): number {
    return this.#highWatermark
  }

  /** An entry of the current term is applied: nobody was ever told a higher watermark by an earlier leader. */
  get highWatermarkKnown(): boolean {
    return this.#appliedTerm > 0 && this.#appliedTerm === this.leaderEpoch
  }

  /** A leader whose no-op is committed and applied. Until then: OFFSET_NOT_AVAILABLE for whatever asks for the end. */
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

  /** Node ids, meaningful on the leader; elsewhere what was last known. The same array until it changes. */
  inSyncReplicas(): ReadonlyArray<number> {
    return this.#inSync.nodes
  }

  /** min.insync.replicas, at most the number of replicas. */
  get minInSyncReplicas(): number {
    return Math.min(this.#config.minInSyncReplicas, this.#inSync.replicaCount)
  }

  /** The ISR that the leader of an earlier term reported: where this node starts from when it is elected. */
  setReportedInSync(nodes: ReadonlyArray<number>): void {
    this.#inSync.setReported(nodes)
  }

  setSuspected(nodes: ReadonlySet<number>): void {
    this.#inSync.setSuspected(nodes)
    if (this.isLeader) this.raftGroup.schedule()
  }

  /** ISR by time; constant work while nothing is appended. Raft's own clock is `raftGroup.tick`. */
  tick(nowMs: number): void {
    if (!this.isLeader || this.#leadingTerm !== this.leaderEpoch) return
    if (!this.#inSync.tick(this.#view, nowMs, this.#config.replicaLagTimeMaxMs)) return
    this.#moved = true
    this.raftGroup.schedule()
  }

  /** The group was deleted: waiting appends are answered, nothing leaves any more. */
  close(): void {
    this.raftGroup.close()
    this.#acknowledgements.leadershipLost()
  }

  append(batch: AppendBatch, options: AppendOptions, reply: (reply: AppendReply) => void): void {
    const tail = this.#leaderTail()
    if (tail === undefined) return reply(notLeaderReply)
    const refusal = this.#refusal(options)
    if (refusal !== undefined) return reply(refusal)
    const { producerId, producerEpoch, baseSequence, lastOffsetDelta } = batch.header
    const appendMs = this.raftGroup.appendMs(options.nowMs)
    if (producerId >= 0) {
      const asked = { producerId, producerEpoch, baseSequence, lastOffsetDelta, appendMs }
      const verdict = tail.producers.check(asked)
      if (verdict._tag === "error") {
        return reply(failedReply(verdict.errorCode, this.logStartOffset))
      }
      if (verdict._tag === "duplicate") {
        return this.#answerDuplicate(verdict.batch, options.acks, reply)
      }
    }
    this.#propose(tail, batch, appendMs, options.acks, reply)
  }

  /**
   * Committed records from `offset` on. Beyond the high watermark: nothing, without an error while the offset exists
   * in this log; what a replica that may be behind has not heard of is OFFSET_NOT_AVAILABLE, and OFFSET_OUT_OF_RANGE
   * is said only by a leader that knows (traps 21, 22).
   */
  read(offset: number, bytesMax: number, atLeastOne: boolean): ReadResult {
    if (offset < this.logStartOffset) return this.#readResult(ErrorCode.OFFSET_OUT_OF_RANGE)
    if (offset >= this.#highWatermark) return this.#readResult(this.#beyondWatermark(offset))
    try {
      const hi = this.raftGroup.appliedIndex + 1
      const { batches, bytes } = readBatches(this.#log, offset, hi, bytesMax, atLeastOne)
      return { ...this.#readResult(ErrorCode.NONE), batches, bytes }
    } catch (error) {
      this.#reportCorrupt(error)
      return this.#readResult(ErrorCode.KAFKA_STORAGE_ERROR)
    }
  }

  /** For min_bytes; counting stops at `cap`. */
  readableBytes(offset: number, cap: number): number {
    if (offset >= this.#highWatermark || offset < this.logStartOffset || cap <= 0) return 0
    return readableBytes(this.#log, offset, this.raftGroup.appliedIndex + 1, cap)
  }

  /** First committed record with a timestamp at or after `timestamp`. */
  offsetForTimestamp(timestamp: number): TimestampedOffset | undefined {
    return this.#lookup(() =>
      recordAtTimestamp(this.#log, timestamp, this.raftGroup.appliedIndex + 1),
    )
  }

  /** The first of the committed records with the greatest timestamp. */
  offsetOfMaxTimestamp(): TimestampedOffset | undefined {
    if (this.#maxTimestampIndex === 0) return undefined
    return this.#lookup(() => recordInEntry(this.#log, this.#maxTimestampIndex, this.#maxTimestamp))
  }

  earliestOffset(): TimestampedOffset {
    const offset = this.logStartOffset
    return { offset, timestamp: -1, leaderEpoch: this.epochOfOffset(offset) }
  }

  endOffsetForEpoch(epoch: number): EpochEnd {
    return this.#epochs.endOffsetFor(epoch, this.#highWatermark)
  }

  /** Epoch of the committed record at `offset`; of the latest one at the high watermark; −1 when there is none. */
  epochOfOffset(offset: number): number {
    return this.#epochs.epochOf(offset)
  }

  /** Epochs that have records, and where they begin. */
  epochStarts(): ReadonlyArray<EpochStart> {
    return this.#epochs.snapshot()
  }

  /** DescribeProducers, checkpoints and tests. */
  producers(): ReadonlyArray<ProducerSnapshot> {
    return this.#producers.snapshot()
  }

  apply(meta: EntryMeta): void {
    this.#appliedTerm = meta.term
    this.#epochs.apply(meta.term, meta.firstOffset)
    this.#moved = true
    if (meta.type !== "data") return
    this.#highWatermark = meta.lastOffset + 1
    if (meta.maxTimestamp > this.#maxTimestamp) {
      this.#maxTimestamp = meta.maxTimestamp
      this.#maxTimestampIndex = meta.index
    }
    if (meta.producerId < 0) return
    this.#producers.apply(meta)
    this.#tail?.producers.applied(meta)
  }

  roleChanged(soft: SoftState, term: Term): void {
    this.#moved = true
    if (soft.role === "leader") return this.#begin(term)
    this.#leadingTerm = 0
    this.#tail = undefined
    this.#acknowledgements.leadershipLost()
  }

  progressed(): void {
    if (this.#leadingTerm !== 0) {
      if (this.#inSync.refresh(this.#view)) this.#moved = true
      if (this.#acknowledgements.size > 0) this.#settleHeld()
    }
    if (!this.#moved) return
    this.#moved = false
    this.#onProgress(this)
  }

  #settleHeld(): void {
    const minInSync = this.minInSyncReplicas
    const held = this.#inSync.heldIndex(this.#view, minInSync)
    this.#acknowledgements.settle(held, this.#inSync.nodes.length, minInSync)
  }

  #begin(term: Term): void {
    if (this.#leadingTerm === term) return
    if (this.#leadingTerm !== 0) this.#acknowledgements.leadershipLost()
    this.#leadingTerm = term
    this.#inSync.begin(this.#view)
  }

  /** Undefined when this node does not lead, or leads and cannot see the end of its log yet. */
  #leaderTail(): LeaderTail | undefined {
    const { role, term, transferTarget } = this.raftGroup.node
    if (role !== "leader" || transferTarget !== null) return undefined
    this.#begin(term)
    if (this.#tail?.term !== term) this.#tail = LeaderTail.of(this.raftGroup, this.#producers)
    return this.#tail
  }

  /** Refused before anything is proposed: fewer replicas in sync, or more waiting for them, than may be. */
  #refusal({ acks }: AppendOptions): AppendReply | undefined {
    const code = ErrorCode.NOT_ENOUGH_REPLICAS
    if (acks === -1 && this.#inSync.nodes.length < this.minInSyncReplicas) {
      return failedReply(code, this.logStartOffset)
    }
    if (!this.raftGroup.backlogFull(this.#config.backlogBytesMax)) return undefined
    const errorMessage = "too many bytes wait to be replicated"
    return { ...failedReply(code, this.logStartOffset), errorMessage }
  }

  #propose(
    tail: LeaderTail,
    batch: AppendBatch,
    appendMs: number,
    acks: -1 | 1,
    reply: (reply: AppendReply) => void,
  ): void {
    const { timestampType } = this.#config
    const proposal = stampBatch(batch, this.logEndOffset, tail.term, timestampType, appendMs)
    const logAppendTimeMs = timestampType === "LogAppendTime" ? appendMs : -1
    const settle = (outcome: ProposalOutcome): void =>
      this.#settle(outcome, proposal.firstOffset, logAppendTimeMs, reply)
    const until = acks === 1 ? "durable" : "committed"
    const result = this.raftGroup.propose(proposal, settle, until)
    if (result._tag === "refused") return reply(notLeaderReply)
    tail.proposed(proposal, result.id.index)
  }

  /** The original's answer, once it and this term's no-op are committed: before that another leader could undo it. */
  #answerDuplicate(batch: ProducerBatch, acks: -1 | 1, reply: (reply: AppendReply) => void): void {
    const { raftGroup } = this
    const index = Math.max(batch.index, raftGroup.node.noopIndex)
    const settle = (outcome: ProposalOutcome): void => {
      const known = acks === 1 && outcome._tag === "committed"
      const answer: ProposalOutcome = known ? { ...outcome, _tag: "durable" } : outcome
      this.#settle(answer, batch.firstOffset, batch.timestamp, reply)
    }
    const id = { term: raftGroup.node.term, index }
    if (index > raftGroup.appliedIndex) return raftGroup.awaitCommitted(id, settle)
    settle({ _tag: "committed", ...id })
    raftGroup.schedule()
  }

  #settle(
    outcome: ProposalOutcome,
    baseOffset: number,
    logAppendTimeMs: number,
    reply: (reply: AppendReply) => void,
  ): void {
    const { logStartOffset } = this
    const done = { errorCode: ErrorCode.NONE, baseOffset, logAppendTimeMs, logStartOffset }
    if (outcome._tag === "durable") return reply(done)
    if (outcome._tag === "unknown") {
      return reply(failedReply(ErrorCode.REQUEST_TIMED_OUT, logStartOffset))
    }
    const settle = (verdict: HeldVerdict): void =>
      reply(
        verdict === "held"
          ? done
          : verdict === "tooFewInSync"
            ? { ...done, errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND }
            : failedReply(ErrorCode.REQUEST_TIMED_OUT, logStartOffset),
      )
    if (this.#leadingTerm === 0) return settle(this.#commitSuffices() ? "held" : "leadershipLost")
    this.#acknowledgements.await({ index: outcome.index, settle })
  }

  /** A committed entry is held by min.insync.replicas data replicas whatever the ISR says. */
  #commitSuffices(): boolean {
    const { voters, votersOutgoing, witnesses } = this.raftGroup.node.configuration
    const simple = votersOutgoing.length === 0 && witnesses.length === 0
    return simple && this.#config.minInSyncReplicas <= Math.floor(voters.length / 2) + 1
  }

  #beyondWatermark(offset: number): ErrorCode {
    if (offset <= this.logEndOffset) return ErrorCode.NONE
    return this.readyToServe ? ErrorCode.OFFSET_OUT_OF_RANGE : ErrorCode.OFFSET_NOT_AVAILABLE
  }

  #readResult(errorCode: ErrorCode): ReadResult {
    const { highWatermark, logStartOffset, lastStableOffset } = this
    return { errorCode, ...noBatches, highWatermark, logStartOffset, lastStableOffset }
  }

  #lookup(find: () => TimestampedOffset | undefined): TimestampedOffset | undefined {
    try {
      return find()
    } catch (error) {
      this.#reportCorrupt(error)
      return undefined
    }
  }

  #reportCorrupt(error: unknown): void {
    if (!(error instanceof CorruptEntry)) throw error
    const { topic, partition } = this.info
    this.#outbox.log("error", `${topic}-${partition}: ${error.message}`)
  }
}

function producerLimits(config: PartitionConfig): { expirationMs: number; producersMax: number } {
  return { expirationMs: config.producerIdExpirationMs, producersMax: config.producersMax }
}

function leaderView({ node }: RaftGroup): LeaderView {
  return {
    get configuration() {
      return node.configuration
    },
    get lastIndex() {
      return node.lastIndex
    },
    get commitIndex() {
      return node.commitIndex
    },
    get noopIndex() {
      return node.noopIndex
    },
    matchIndex: (member) => node.progress(member)?.matchIndex ?? 0,
  }
}
