/** What only a leader knows; made when it is elected and gone when it is not leader any more. */
import type { RaftConfig } from "./config.ts"
import { membersOf } from "./configuration.ts"
import { Inflights } from "./inflights.ts"
import { Progress } from "./progress.ts"
import { jointReached } from "./quorum.ts"
import type { Configuration, LogIndex, MemberId } from "./types.ts"

export interface PendingRead {
  readonly context: number
  /** commitIndex when it was asked; null until the no-op of this term has committed. */
  index: LogIndex | null
  /** Confirmed when a quorum has answered this round. */
  readonly round: number
}

export interface Transfer {
  readonly target: MemberId
  elapsedTicks: number
}

export class LeaderState {
  readonly #config: RaftConfig
  readonly noopIndex: LogIndex
  readonly progress = new Map<MemberId, Progress>()
  /** All members but this one. */
  peers: ReadonlyArray<Progress> = []
  voters: ReadonlyArray<Progress> = []
  votersOutgoing: ReadonlyArray<Progress> = []
  witnesses: ReadonlyArray<Progress> = []
  /** Voters with data are a majority by themselves, or both. */
  dataSuffices = true
  /** Every message carries it; grows with heartbeats, reads, and doubts about a follower. */
  round = 1
  heartbeatElapsed = 0
  /**
   * Rounds of the heartbeats that an election timeout holds, but the one that asks: the window of
   * check-quorum.
   */
  readonly heartbeatRounds: Array<number>
  heartbeatCount = 0
  idleTicks = 0
  /** Who has yet to agree to quiesce; null when nobody was asked. */
  quiesceAwaited: Set<MemberId> | null = null
  transfer: Transfer | null = null
  reads: Array<PendingRead> = []
  /** Reads wait for a round that has not begun. */
  readRoundDue = false
  /** Something may have to be sent at the next Ready. */
  sendDue = true

  constructor(config: RaftConfig, noopIndex: LogIndex, configuration: Configuration) {
    this.#config = config
    this.noopIndex = noopIndex
    const heartbeats = Math.ceil(config.electionTicks / config.heartbeatTicks) - 1
    this.heartbeatRounds = Array.from({ length: heartbeats }, () => 0)
    this.adopt(configuration, noopIndex)
  }

  /**
   * Follows a change of membership: who is new is probed from `nextIndex`, who is gone is
   * forgotten.
   */
  adopt(configuration: Configuration, nextIndex: LogIndex): void {
    const members = new Set([this.#config.id, ...membersOf(configuration)])
    for (const member of this.progress.keys()) {
      if (!members.has(member)) this.progress.delete(member)
    }
    const newcomers = [...members].filter((member) => !this.progress.has(member))
    // Somebody may come back whose log was emptied meanwhile: its old answers are about that one.
    if (newcomers.length > 0 && this.progress.size > 0) this.round++
    for (const member of newcomers) {
      this.progress.set(member, this.#newProgress(member, nextIndex))
    }
    const of = (list: ReadonlyArray<MemberId>): ReadonlyArray<Progress> =>
      list.flatMap((member) => this.progress.get(member) ?? [])
    this.peers = [...this.progress.values()].filter((p) => p.member !== this.#config.id)
    this.voters = of(configuration.voters)
    this.votersOutgoing = of(configuration.votersOutgoing)
    this.witnesses = of(configuration.witnesses)
    for (const progress of this.witnesses) progress.witness = true
    this.dataSuffices = hasDataMajority(this.voters) && hasDataMajority(this.votersOutgoing)
    this.sendDue = true
  }

  #newProgress(member: MemberId, nextIndex: LogIndex): Progress {
    const { inflightMessagesMax, inflightBytesMax } = this.#config
    const inflights = new Inflights(inflightMessagesMax, inflightBytesMax)
    return new Progress(member, nextIndex, inflights, this.round)
  }

  /** Greatest index that both majorities hold durably. */
  get matchedByQuorum(): LogIndex {
    return jointReached(this.voters, this.votersOutgoing, matchIndexOf)
  }

  /** Greatest round that both majorities have answered. */
  get roundOfQuorum(): number {
    return jointReached(this.voters, this.votersOutgoing, (p) =>
      p.member === this.#config.id ? this.round : p.answeredRound,
    )
  }

  /**
   * A member counts as live when it answered a round begun within electionTicks of the next
   * heartbeat.
   */
  get liveRound(): number {
    return this.heartbeatRounds[this.heartbeatCount % this.heartbeatRounds.length] ?? 0
  }

  beginHeartbeat(): void {
    this.round++
    this.heartbeatRounds[this.heartbeatCount % this.heartbeatRounds.length] = this.round
    this.heartbeatCount++
  }

  /** After a time without ticks everybody gets a whole election timeout to answer. */
  forgetRounds(): void {
    this.heartbeatRounds.fill(0)
  }

  /** Something happened: no quiescence for a while. */
  touch(): void {
    this.idleTicks = 0
    this.quiesceAwaited = null
  }
}

const matchIndexOf = (progress: Progress): LogIndex => (progress.counts ? progress.matchIndex : 0)

const hasDataMajority = (voters: ReadonlyArray<Progress>): boolean =>
  voters.length === 0 || voters.filter((p) => !p.witness).length * 2 > voters.length
