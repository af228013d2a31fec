/**
 * Everything a node knows, as plain fields. The rules that change them are in step.ts and the files
 * it names.
 */
import type { Vote } from "./quorum.ts"
import { invariant } from "./assert.ts"
import { checkConfig, type RaftConfig } from "./config.ts"
import type { LeaderState } from "./leader-state.ts"
import type { LogReader } from "./log-reader.ts"
import { Membership } from "./membership.ts"
import { Outbox } from "./outbox.ts"
import { Prng } from "./prng.ts"
import { RaftLog } from "./raft-log.ts"
import type { Incoming } from "./snapshot-receiver.ts"
import type { HardState, MemberId, Role, Standing, Term } from "./types.ts"

export class RaftState {
  readonly config: RaftConfig
  readonly id: MemberId
  readonly log: RaftLog
  readonly membership: Membership
  readonly outbox = new Outbox()
  readonly prng: Prng
  term: Term
  votedFor: MemberId | null
  acceptedTerm: Term
  standing: Standing
  role: Role = "follower"
  leaderId: MemberId | null = null
  /** Null unless role is leader. */
  leader: LeaderState | null = null
  /** Answers of this campaign, by voter. */
  readonly votes = new Map<MemberId, Vote>()
  /** This campaign skips the voters' "I heard the leader recently". */
  leaseWaived = false
  /** Ticks since the timer was last reset. */
  electionElapsed = 0
  electionTimeout = 0
  quiesced = false
  /** The host is asking around whether the disk is of today: nothing is promised meanwhile. */
  holdVotes = false
  /**
   * The host's word that witnesses are to have entries; any leader's first word is that they are.
   */
  witnessesNeeded = true
  /** Term whose leader has spoken to this member since it is not trusted: standing.ts. */
  doubtHeardIn: Term = 0
  /** Number of the Ready that makes the last readmission durable. */
  trustedSequence = 0
  /** Promises of Readys up to this one are not to be kept any more. */
  distrustedSequence = 0
  /** The snapshot that is being collected. */
  incoming: Incoming | null = null
  /** Hard state as last handed out; what differs must be persisted. */
  handed: HardState
  /**
   * Number of the last Ready that had something to persist, of the last with a hard state, of the
   * last durable one.
   */
  readySequence = 0
  hardStateSequence = 0
  durableSequence = 0
  /** The hard state is to be handed out although it has not changed. */
  restated = false

  constructor(config: RaftConfig, hardState: HardState, reader: LogReader) {
    checkConfig(config)
    this.config = config
    this.id = config.id
    this.term = hardState.term
    this.votedFor = hardState.votedFor
    this.acceptedTerm = hardState.acceptedTerm
    this.standing = hardState.standing
    this.handed = hardState
    this.log = new RaftLog(reader, hardState.commitIndex, this.counts)
    invariant(hardState.term >= this.log.lastTerm, "the hard state is as new as the log")
    this.membership = new Membership(config.bootstrap, this.log)
    this.prng = new Prng(config.seed)
    this.restartElectionTimer()
  }

  /** What is there was handed over, and is durable when the first Ready is. */
  distrustDisk(): void {
    this.log.durableIndex = 0
    this.restated = true
  }

  restartElectionTimer(): void {
    this.electionElapsed = 0
    const base = this.config.electionTicks
    this.electionTimeout = base + this.prng.below(base)
  }

  /** What this member says proves something: it is trusted, durably. */
  get counts(): boolean {
    return this.standing === "trusted" && this.durableSequence >= this.trustedSequence
  }

  /** Term and vote are known; whether the vote counts in full is another question. */
  get mayVote(): boolean {
    return this.standing !== "amnesiac" && !this.holdVotes
  }

  /** Learners, strangers and witnesses never campaign, nor does who may not vote in full. */
  get promotable(): boolean {
    return this.mayVote && this.counts && this.membership.mayLead(this.id)
  }

  get hardStateDirty(): boolean {
    const { handed } = this
    return (
      this.restated ||
      this.term !== handed.term ||
      this.votedFor !== handed.votedFor ||
      this.acceptedTerm !== handed.acceptedTerm ||
      this.standing !== handed.standing
    )
  }

  /** The current term and vote are on disk. */
  get hardStateDurable(): boolean {
    return this.durableSequence >= this.hardStateSequence && !this.hardStateDirty
  }

  /**
   * There is a leader that is believed to live: votes for others would only disturb (§6,
   * dissertation §4.2.3).
   */
  get leaseHeld(): boolean {
    return (
      this.leaderId !== null &&
      (this.role === "leader" || this.quiesced || this.electionElapsed < this.config.electionTicks)
    )
  }
}
