/** One member of one group: inputs in, a Ready out. The only class a host touches. */
import { propose, type ProposeResult } from "./append.ts"
import { invariant } from "./assert.ts"
import { campaign, ownVotePersisted } from "./candidate.ts"
import type { RaftConfig } from "./config.ts"
import { ownEntriesPersisted, peerReset, tickLeader } from "./leader.ts"
import type { LogReader } from "./log-reader.ts"
import type { Message } from "./message.ts"
import type { ProgressState } from "./progress.ts"
import { wake } from "./quiesce.ts"
import { readIndex } from "./read-index.ts"
import { ReadyMaker } from "./ready-maker.ts"
import type { PersistToken, Ready } from "./ready.ts"
import { proposeConfiguration } from "./reconfigure.ts"
import { becomeFollower } from "./role.ts"
import { offerSnapshot } from "./snapshot-sender.ts"
import { askForLeader, askForLeaderAt, distrust, forgetVote, termsKnown } from "./standing.ts"
import { RaftState } from "./state.ts"
import { step } from "./step.ts"
import { transferLeadership } from "./transfer.ts"
import type {
  Configuration,
  HardState,
  LogIndex,
  MemberId,
  Proposal,
  Role,
  Snapshot,
  Standing,
  Term,
} from "./types.ts"
import { setWitnessesNeeded } from "./witness-duty.ts"

export interface ProgressView {
  readonly state: ProgressState
  readonly nextIndex: LogIndex
  readonly matchIndex: LogIndex
  /** Ticks since the last answer. */
  readonly quietTicks: number
  /** False while it is not trusted: its matchIndex shows what it holds and counts for nothing. */
  readonly counts: boolean
}

export class RaftNode {
  /** For checkInvariants and tests; a host that changes it breaks Raft. */
  readonly state: RaftState
  readonly #maker: ReadyMaker

  /**
   * A log that ends below the commit index is refused. "handedOver": `log` and `hardState` may not
   * be durable yet (another node ran on them in this process); nothing is promised by them before
   * the first Ready is.
   */
  constructor(
    config: RaftConfig,
    hardState: HardState,
    log: LogReader,
    written: "durable" | "handedOver" = "durable",
  ) {
    this.state = new RaftState(config, hardState, log)
    if (written === "handedOver") this.state.distrustDisk()
    this.#maker = new ReadyMaker(this.state)
  }

  get id(): MemberId {
    return this.state.id
  }
  get role(): Role {
    return this.state.role
  }
  get term(): Term {
    return this.state.term
  }
  get leaderId(): MemberId | null {
    return this.state.leaderId
  }
  get commitIndex(): LogIndex {
    return this.state.log.commitIndex
  }
  get appliedIndex(): LogIndex {
    return this.state.log.appliedIndex
  }
  /**
   * End of the log, what no Ready has handed out yet included; so are lastOffset and lastAppendMs.
   */
  get lastIndex(): LogIndex {
    return this.state.log.lastIndex
  }
  get lastOffset(): number {
    return this.state.log.lastOffset
  }
  get lastAppendMs(): number {
    return this.state.log.lastAppendMs
  }
  /** Entries up to here are on this member's disk. */
  get durableIndex(): LogIndex {
    return this.state.log.durableIndex
  }
  /** In force now, committed or not. */
  get configuration(): Configuration {
    return this.state.membership.current
  }
  get quiesced(): boolean {
    return this.state.quiesced
  }
  /** True for a leader whose no-op has committed: it may answer (§8). */
  get committedInTerm(): boolean {
    const { leader, log } = this.state
    return leader !== null && log.commitIndex >= leader.noopIndex
  }
  /** Index of this term's no-op; 0 when not leader. */
  get noopIndex(): LogIndex {
    return this.state.leader?.noopIndex ?? 0
  }
  get transferTarget(): MemberId | null {
    return this.state.leader?.transfer?.target ?? null
  }

  /** Time passes: timeouts, heartbeats, check-quorum. Free for a quiesced group. */
  tick(): void {
    const s = this.state
    if (s.quiesced) return
    if (s.leader !== null) return tickLeader(s, s.leader)
    s.electionElapsed++
    if (s.electionElapsed < s.electionTimeout) return
    if (s.promotable) return campaign(s, "timeout")
    // Its leader is gone, too: a timer begun anew must not look like a lease.
    s.leaderId = null
    s.restartElectionTimer()
    askForLeader(s)
  }

  step(message: Message): void {
    step(this.state, message)
  }

  /**
   * Leader only. Appended at once, sent and handed out by the next Ready; `firstOffset` must be
   * lastOffset + 1.
   */
  propose(proposal: Proposal): ProposeResult {
    this.#wakeLeader()
    return propose(this.state, proposal)
  }

  /**
   * Where to go: learners change at once, voters through a joint configuration that leaves itself.
   */
  proposeConfiguration(next: Configuration, appendMs: number): ProposeResult {
    this.#wakeLeader()
    return proposeConfiguration(this.state, next, appendMs)
  }

  /**
   * "timeout": pre-vote first. "assigned": skips pre-vote and waives the lease, never the log
   * check.
   */
  campaign(kind: "timeout" | "assigned"): void {
    campaign(this.state, kind)
  }

  transferLeadership(target: MemberId): "started" | "refused" {
    this.#wakeLeader()
    return transferLeadership(this.state, target)
  }

  /** False: not leader. Else a ReadState or readsLost follows in some Ready. */
  readIndex(context: number): boolean {
    this.#wakeLeader()
    return readIndex(this.state, context)
  }

  /**
   * The link to that member was lost and made anew: what was on the way may be gone; if it leads,
   * it may have died.
   */
  peerReset(member: MemberId): void {
    const s = this.state
    if (s.leader !== null || s.leaderId === member) wake(s)
    peerReset(s, member)
  }

  /** Ends quiescence: timers run from zero. */
  wake(): void {
    wake(this.state)
  }

  /** Leader only: give up and tell the others. */
  stepDown(): void {
    const s = this.state
    if (s.leader !== null) becomeFollower(s, s.term, null)
  }

  #wakeLeader(): void {
    if (this.state.leader !== null) wake(this.state)
  }

  /** Whether votes and answers of this member prove anything; part of the hard state. */
  get standing(): Standing {
    return this.state.standing
  }

  /**
   * The host was shown that this log is below what it once acknowledged (VERIFICATION D3): trusted
   * becomes recovering, a leader or candidate steps down. False: it was doubted already.
   */
  distrust(): boolean {
    return distrust(this.state)
  }

  /**
   * The host was shown that this member has promised something in a term that its hard state does
   * not know, or given a vote that it does not know (an old copy of its disk): trusted or
   * recovering becomes amnesiac. False: as in `distrust`.
   */
  forgetVote(): boolean {
    return forgetVote(this.state)
  }

  /**
   * Every other voter of the group has told its term, `term` is the greatest of them: an amnesiac
   * member becomes a recovering one.
   */
  termsKnown(term: Term): void {
    termsKnown(this.state, term)
  }

  /**
   * Nobody leads this member, which is not trusted: wakes these members if they sleep. It asks
   * those that its log knows by itself, but that may be from before others took their place.
   */
  askForLeader(members: ReadonlyArray<MemberId>): void {
    if (this.state.leaderId === null) askForLeaderAt(this.state, members)
  }

  /**
   * While true no vote is granted, no campaign begun and no leader heard: nothing is promised. Not
   * persisted; meant for at most an election timeout after an unclean start, while peers are asked
   * what they remember.
   */
  get holdVotes(): boolean {
    return this.state.holdVotes
  }
  set holdVotes(hold: boolean) {
    this.state.holdVotes = hold
  }

  /**
   * True, as at the beginning: witnesses get entries and count. False: every data voter is in sync,
   * and witnesses are only kept alive. Costs nothing when nothing changes; wakes a leader when
   * true.
   */
  setWitnessesNeeded(needed: boolean): void {
    setWitnessesNeeded(this.state, needed)
  }

  /**
   * The answer to `Ready.snapshotsNeeded`, at any later time: `snapshot.state` is the host's
   * machine at `snapshot.cut`, which is not below the log's own cut and committed. False: not
   * needed (any more). Throws above `snapshotBytesMax`.
   */
  offerSnapshot(member: MemberId, snapshot: Snapshot): boolean {
    return offerSnapshot(this.state, member, snapshot)
  }

  hasReady(): boolean {
    return this.#maker.due
  }

  /** To be taken whole, in the order that `Ready` states, before the next input. */
  ready(): Ready {
    return this.#maker.make()
  }

  /**
   * True: the Ready's afterPersist may leave. False: it is of an older term or of before this
   * member was distrusted, drop it.
   */
  persisted(token: PersistToken): boolean {
    const s = this.state
    s.durableSequence = Math.max(s.durableSequence, token.sequence)
    if (token.term !== s.term) return false
    const { log } = s
    if (token.lastIndex > log.durableIndex && log.term(token.lastIndex) === token.lastTerm) {
      log.durableIndex = token.lastIndex
    }
    ownVotePersisted(s)
    ownEntriesPersisted(s)
    return token.sequence > s.distrustedSequence
  }

  /**
   * The state machine is at `index`. Before the first Ready: where a host's checkpoint lets it
   * begin; the checkpoint then shows that so much was committed.
   */
  applied(index: LogIndex): void {
    const { log, membership } = this.state
    if (!this.#maker.begun && index > log.commitIndex) {
      log.commitTo(index)
      membership.committed(index)
    }
    invariant(index <= log.commitIndex, "only what is committed is applied")
    if (index > log.handedCommitIndex) log.handedCommitIndex = index
    if (index > log.appliedIndex) log.appliedIndex = index
  }

  /** Leader only; its own progress is what is durable here. */
  progress(member: MemberId): ProgressView | undefined {
    return this.state.leader?.progress.get(member)
  }
}
