/**
 * Bounds that no run may pass: messages for what is committed (hazard 23: retransmission that feeds
 * on itself grows without end), and what waits in memory (hazard 27).
 */
import type { PeerFrame } from "../../peer/codec.ts"
import type { SubjectBroker } from "../subject.ts"
import type { Report } from "./violation.ts"

export interface BudgetOptions {
  /** Groups that one broker may hold. */
  readonly groupsMax: number
  readonly brokers: number
  readonly tickMs: number
}

/** Client requests that may wait at one broker at a time. */
const waitingMax = 4000
const pendingBytesMax = 256 << 20
const windowMs = 1000

export class Budgets {
  readonly #report: Report
  readonly #options: BudgetOptions
  #windowStartMs = 0
  /** Sent by each broker in this window. */
  readonly #frames = new Map<number, number>()
  /** Entries appended by leaders in this window and the one before it. */
  #appended = 0
  #appendedBefore = 0

  constructor(options: BudgetOptions, report: Report) {
    this.#options = options
    this.#report = report
  }

  appended(entries: number): void {
    this.#appended += entries
  }

  sent(broker: SubjectBroker, frame: PeerFrame, nowMs: number): void {
    if (nowMs - this.#windowStartMs >= windowMs) this.#turn(nowMs)
    if (frame._tag !== "Raft") return
    const count = (this.#frames.get(broker.id) ?? 0) + 1
    this.#frames.set(broker.id, count)
    const most = this.#framesMax()
    if (count <= most) return
    const what = `broker ${broker.id} sent ${count} frames in a second, with ${this.#appended} entries`
    this.#report("too many messages", `${what} appended; the bound is ${most}`)
  }

  /** Each tick may make every group speak to every peer; each entry is sent, answered, told. */
  #framesMax(): number {
    const { groupsMax, brokers, tickMs } = this.#options
    const ticks = Math.ceil(windowMs / tickMs)
    const idle = groupsMax * brokers * ticks * 4
    return 2000 + idle + (this.#appended + this.#appendedBefore) * brokers * 8
  }

  #turn(nowMs: number): void {
    this.#windowStartMs = nowMs
    this.#frames.clear()
    this.#appendedBefore = this.#appended
    this.#appended = 0
  }

  /** Costly: looks at one broker. */
  memory(broker: SubjectBroker): void {
    if (broker.node === undefined) return
    const { requestsWaiting } = broker.node.status()
    if (requestsWaiting > waitingMax) {
      this.#report("too much waits", `broker ${broker.id}: ${requestsWaiting} requests`)
    }
    const { pendingBytes } = broker.wal
    if (pendingBytes <= pendingBytesMax) return
    this.#report("too much waits", `broker ${broker.id}: ${pendingBytes} bytes for its disk`)
  }
}
