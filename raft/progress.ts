/** One member as its leader sees it. All transitions of its state are here. */
import { invariant } from "./assert.ts"
import { Inflights } from "./inflights.ts"
import type { Shipment } from "./shipment.ts"
import type { LogIndex, MemberId } from "./types.ts"

/**
 * probe: where the logs agree is not known; one message at a time. replicate: pipelined. snapshot:
 * what it needs is no longer in the log.
 */
export type ProgressState = "probe" | "replicate" | "snapshot"

/**
 * Invariants: 0 ≤ matchIndex < nextIndex; matchIndex never decreases within a term but by a doubt;
 * in flight only in replicate.
 */
export class Progress {
  readonly member: MemberId
  readonly inflights: Inflights
  /** It keeps no payload: witness.ts. */
  witness = false
  state: ProgressState = "probe"
  nextIndex: LogIndex
  /** Durable there and equal to ours up to here. */
  matchIndex: LogIndex = 0
  /** Ticks since its last answer. */
  quietTicks = 0
  /** Greatest round it has answered. */
  answeredRound = 0
  /**
   * Refusals of earlier rounds speak of messages sent before we last doubted: they say nothing new.
   */
  trustedRound = 0
  /** In probe: a message is out; the next one waits for its answer or a heartbeat. */
  probeOutstanding = false
  /** Greatest commitIndex it was told. */
  commitSent: LogIndex = 0
  /** It was told a commitIndex by a message of its own in this tick. */
  commitNoticed = false
  /** Ticks since the last message to it. */
  silentTicks = 0
  /**
   * matchIndex at the last heartbeat that found messages in flight; equal again = something may be
   * lost.
   */
  stalledAt: LogIndex = -1
  /** False since it said that it does not: readmission.ts. */
  counts = true
  /** Answers to earlier rounds may be of before a loss, or of an earlier membership. */
  countedRound: number
  /** While doubted: all that was ever counted of it, and this term's no-op. */
  recoverThrough: LogIndex = 0
  /** While doubted: since this round it is told that it is trusted again; 0 = not yet. */
  readmitRound = 0
  /** In snapshot: what is on its way; null until there is something to send. */
  shipment: Shipment | null = null

  constructor(member: MemberId, nextIndex: LogIndex, inflights: Inflights, round: number) {
    this.countedRound = round
    this.member = member
    this.nextIndex = nextIndex
    this.inflights = inflights
  }

  becomeProbe(nextIndex: LogIndex, round: number): void {
    invariant(nextIndex > this.matchIndex, "nextIndex is beyond matchIndex")
    this.state = "probe"
    this.nextIndex = nextIndex
    this.trustedRound = round
    this.probeOutstanding = false
    this.stalledAt = -1
    this.shipment = null
    this.inflights.clear()
  }

  becomeReplicate(): void {
    this.state = "replicate"
    this.nextIndex = this.matchIndex + 1
    this.probeOutstanding = false
    this.stalledAt = -1
    this.shipment = null
    this.inflights.clear()
  }

  becomeSnapshot(): void {
    this.state = "snapshot"
    this.probeOutstanding = false
    this.inflights.clear()
  }

  /** It says that it has lost something: what it holds is to be found anew, and nothing counts. */
  doubt(nextIndex: LogIndex, round: number, noopIndex: LogIndex): void {
    if (this.counts) this.recoverThrough = Math.max(this.matchIndex, noopIndex)
    this.counts = false
    this.countedRound = round
    this.readmitRound = 0
    this.answeredRound = 0
    this.matchIndex = 0
    this.becomeProbe(nextIndex, round)
  }

  /** What it holds is what it says from here on, not what it held while it was doubted. */
  trustAgain(): void {
    this.counts = true
    this.countedRound = this.readmitRound
    this.readmitRound = 0
    this.matchIndex = 0
    this.becomeProbe(this.nextIndex, this.trustedRound)
  }

  /** True when the answer is news. */
  acknowledge(matchIndex: LogIndex): boolean {
    if (matchIndex <= this.matchIndex) return false
    this.matchIndex = matchIndex
    if (this.nextIndex <= matchIndex) this.nextIndex = matchIndex + 1
    this.inflights.freeThrough(matchIndex)
    this.stalledAt = -1
    return true
  }

  sent(lastIndex: LogIndex, bytes: number): void {
    if (this.state === "probe") {
      this.probeOutstanding = true
      return
    }
    this.nextIndex = lastIndex + 1
    this.inflights.add(lastIndex, bytes)
  }

  /**
   * Called by each heartbeat: true when nothing has moved since the one before although messages
   * are out.
   */
  stalled(): boolean {
    if (this.inflights.count === 0) return false
    if (this.stalledAt === this.matchIndex) {
      this.stalledAt = -1
      return true
    }
    this.stalledAt = this.matchIndex
    return false
  }
}
