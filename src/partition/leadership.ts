/**
 * What a partition does and knows only while its node leads: appending, the ISR, and the answers
 * that wait.
 *
 * The order of an append: leader? enough in sync? room in the backlog? sequence in order? then, and
 * only then, a proposal. Every refusal before it is definite; after it the outcome is told by the
 * log, or unknown.
 */
import type { MemberId, Term } from "../../raft/types.ts"
import type { EntryMeta } from "../../storage/wal.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import { Acknowledgements } from "./acknowledgements.ts"
import type { HeldVerdict } from "./acknowledgements.ts"
import { failedReply, notLeaderReply } from "./append.ts"
import type { AppendBatch, AppendOptions, AppendReply } from "./append.ts"
import { InSyncReplicas } from "./in-sync-replicas.ts"
import type { LeaderView } from "./in-sync-replicas.ts"
import { LeaderTail } from "./leader-tail.ts"
import type { PartitionConfig } from "./partition-config.ts"
import type { ProducerBatch } from "./producer-batch.ts"
import type { ProducerState } from "./producer-state.ts"
import type { ProposalOutcome } from "./proposals.ts"
import type { RaftGroup } from "./raft-group.ts"
import { stampBatch } from "./stamp-batch.ts"

export interface LeadershipOptions {
  readonly group: RaftGroup
  readonly self: MemberId
  readonly members: ReadonlyArray<MemberId>
  readonly nodeOf: (member: MemberId) => number
  readonly producers: ProducerState
  readonly config: () => PartitionConfig
  readonly logStartOffset: () => number
  /** The disk is nearly full: nothing may be appended. */
  readonly lowSpace: () => boolean
}

type Reply = (reply: AppendReply) => void

export class Leadership {
  readonly inSync: InSyncReplicas
  readonly #group: RaftGroup
  readonly #producers: ProducerState
  readonly #config: () => PartitionConfig
  readonly #logStartOffset: () => number
  readonly #lowSpace: () => boolean
  readonly #acknowledgements = new Acknowledgements()
  readonly #view: LeaderView
  #tail: LeaderTail | undefined
  /** 0 = does not lead. */
  #term: Term = 0

  constructor(options: LeadershipOptions) {
    this.#group = options.group
    this.#producers = options.producers
    this.#config = options.config
    this.#logStartOffset = options.logStartOffset
    this.#lowSpace = options.lowSpace
    this.inSync = new InSyncReplicas(options.self, options.members, options.nodeOf)
    this.#view = leaderView(options.group)
  }

  get minInSyncReplicas(): number {
    return Math.min(this.#config().minInSyncReplicas, this.inSync.replicaCount)
  }

  begin(term: Term): void {
    if (this.#term === term) return
    if (this.#term !== 0) this.#acknowledgements.leadershipLost()
    this.#term = term
    this.inSync.begin(this.#view)
  }

  end(): void {
    this.#term = 0
    this.#tail = undefined
    this.#acknowledgements.leadershipLost()
  }

  /** A committed entry with a producer id, after the state below it has it. */
  applied(meta: EntryMeta): void {
    this.#tail?.producers.applied(meta)
  }

  /** Lag in time; true when the ISR changed. */
  tick(nowMs: number): boolean {
    const { role, term } = this.#group.node
    if (role !== "leader" || term !== this.#term) return false
    return this.inSync.tick(this.#view, nowMs, this.#config().replicaLagTimeMaxMs)
  }

  /** After acknowledgements, fsyncs, commits or suspicions; true when the ISR changed. */
  progressed(): boolean {
    if (this.#term === 0) return false
    const changed = this.inSync.refresh(this.#view)
    this.#tellWitnesses()
    if (this.#acknowledgements.size > 0) {
      const minInSync = this.minInSyncReplicas
      const held = this.inSync.heldIndex(this.#view, minInSync)
      this.#acknowledgements.settle(held, this.inSync.nodes.length, minInSync)
    }
    return changed
  }

  /** While every data replica follows, a witness need not write. */
  #tellWitnesses(): void {
    const { node } = this.#group
    const { witnesses, votersOutgoing } = node.configuration
    if (witnesses.length === 0 || node.role !== "leader") return
    const whole = this.inSync.nodes.length === this.inSync.replicaCount
    node.setWitnessesNeeded(!whole || !node.committedInTerm || votersOutgoing.length > 0)
  }

  append(batch: AppendBatch, options: AppendOptions, reply: Reply): void {
    const tail = this.#leaderTail()
    if (tail === undefined) return reply(notLeaderReply)
    const refusal = this.#refusal(options.acks)
    if (refusal !== undefined) return reply(refusal)
    const { producerId, producerEpoch, baseSequence, lastOffsetDelta } = batch.header
    const appendMs = this.#group.appendMs(options.wallMs)
    if (producerId < 0) return this.#propose(tail, batch, appendMs, options.acks, reply)
    const asked = { producerId, producerEpoch, baseSequence, lastOffsetDelta, appendMs }
    const verdict = tail.producers.check(asked)
    switch (verdict._tag) {
      case "accept":
        return this.#propose(tail, batch, appendMs, options.acks, reply)
      case "duplicate":
        return this.#answerDuplicate(verdict.batch, options.acks, reply)
      case "error":
        return this.#refuseSequence(verdict.errorCode, reply)
    }
  }

  /**
   * Only who still leads knows what is wrong with a sequence: one that was deposed and has not
   * heard of it lacks what the next leader has taken since, and the client would give its producer
   * up. A majority is asked (§8).
   */
  #refuseSequence(errorCode: ErrorCode, reply: Reply): void {
    this.#group.readIndex((outcome) =>
      reply(outcome === "ready" ? failedReply(errorCode, this.#logStartOffset()) : notLeaderReply),
    )
  }

  /** Undefined when this node does not lead, hands over, or does not see the end of its log yet. */
  #leaderTail(): LeaderTail | undefined {
    const { role, term, transferTarget } = this.#group.node
    if (role !== "leader" || transferTarget !== null) return undefined
    this.begin(term)
    if (this.#tail?.term !== term) this.#tail = LeaderTail.of(this.#group, this.#producers)
    return this.#tail
  }

  /** No room on the disk; fewer replicas in sync, or more waiting for them, than may be. */
  #refusal(acks: -1 | 1): AppendReply | undefined {
    if (this.#lowSpace()) {
      // Kafka's clients ask for the leader anew and send again; nothing was written.
      const failed = failedReply(ErrorCode.KAFKA_STORAGE_ERROR, this.#logStartOffset())
      return { ...failed, errorMessage: "the disk of this broker is nearly full" }
    }
    const code = ErrorCode.NOT_ENOUGH_REPLICAS
    if (acks === -1 && this.inSync.nodes.length < this.minInSyncReplicas) {
      return failedReply(code, this.#logStartOffset())
    }
    if (!this.#group.backlogFull(this.#config().backlogBytesMax)) return undefined
    const errorMessage = "too many bytes wait to be replicated"
    return { ...failedReply(code, this.#logStartOffset()), errorMessage }
  }

  #propose(
    tail: LeaderTail,
    batch: AppendBatch,
    appendMs: number,
    acks: -1 | 1,
    reply: Reply,
  ): void {
    const { timestampType } = this.#config()
    const baseOffset = this.#group.node.lastOffset + 1
    const proposal = stampBatch(batch, baseOffset, tail.term, timestampType, appendMs)
    const logAppendTimeMs = timestampType === "LogAppendTime" ? appendMs : -1
    const settle = (outcome: ProposalOutcome): void =>
      this.#settle(outcome, baseOffset, logAppendTimeMs, reply)
    const result = this.#group.propose(proposal, settle, acks === 1 ? "durable" : "committed")
    if (result._tag === "refused") return reply(notLeaderReply)
    tail.proposed(proposal, result.id.index)
  }

  /**
   * The original's answer, once it and this term's no-op are committed: before that another leader
   * could undo it.
   */
  #answerDuplicate(batch: ProducerBatch, acks: -1 | 1, reply: Reply): void {
    const group = this.#group
    const index = Math.max(batch.index, group.node.noopIndex)
    const settle = (outcome: ProposalOutcome): void => {
      const known = acks === 1 && outcome._tag === "committed"
      const answer: ProposalOutcome = known ? { ...outcome, _tag: "durable" } : outcome
      this.#settle(answer, batch.firstOffset, batch.timestamp, reply)
    }
    const id = { term: group.node.term, index }
    if (index > group.appliedIndex) return group.awaitCommitted(id, settle)
    settle({ _tag: "committed", ...id })
    group.schedule()
  }

  #settle(
    outcome: ProposalOutcome,
    baseOffset: number,
    logAppendTimeMs: number,
    reply: Reply,
  ): void {
    const logStartOffset = this.#logStartOffset()
    const done = { errorCode: ErrorCode.NONE, baseOffset, logAppendTimeMs, logStartOffset }
    if (outcome._tag === "durable") return reply(done)
    const unknown = failedReply(ErrorCode.REQUEST_TIMED_OUT, logStartOffset)
    if (outcome._tag === "unknown") return reply(unknown)
    if (this.#term === 0) return reply(this.#commitSuffices() ? done : unknown)
    const settle = (verdict: HeldVerdict): void => reply(heldReply(verdict, done, unknown))
    this.#acknowledgements.await({ index: outcome.index, settle })
  }

  /** A committed entry is held by min.insync.replicas data replicas whatever the ISR says. */
  #commitSuffices(): boolean {
    const { voters, votersOutgoing, witnesses } = this.#group.node.configuration
    const simple = votersOutgoing.length === 0 && witnesses.length === 0
    return simple && this.#config().minInSyncReplicas <= Math.floor(voters.length / 2) + 1
  }
}

function heldReply(verdict: HeldVerdict, done: AppendReply, unknown: AppendReply): AppendReply {
  if (verdict === "held") return done
  if (verdict === "leadershipLost") return unknown
  return { ...done, errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND }
}

function leaderView(group: RaftGroup): LeaderView {
  return {
    get configuration() {
      return group.node.configuration
    },
    get lastIndex() {
      return group.node.lastIndex
    },
    get commitIndex() {
      return group.node.commitIndex
    },
    get noopIndex() {
      return group.node.noopIndex
    },
    matchIndex: (member) => {
      const progress = group.node.progress(member)
      return progress?.counts === true ? progress.matchIndex : 0
    },
  }
}
