/**
 * What all parts of a simulated world share: time, the queue, the hash, who watches, what was met.
 */
import type { Prng } from "../../raft/prng.ts"
import { epochMs } from "./clock.ts"
import { ActionEvent, EventQueue } from "./event-queue.ts"
import type { SimEvent } from "./event-queue.ts"
import { stream } from "./random.ts"
import { RollingHash } from "./rolling-hash.ts"
import type { Observer } from "./subject.ts"

/** Newest log lines kept. */
const linesMax = 2000

export class Engine {
  readonly seed: number
  /** True time since the world began; no broker knows it. */
  nowUs = 0
  /** Events taken from the queue. */
  events = 0
  readonly hash = new RollingHash()
  readonly rare = new Map<string, number>()
  readonly observers: Array<Observer> = []
  /** `ms broker.process level text`, the newest. */
  readonly lines: Array<string> = []
  private readonly queue = new EventQueue()
  private readonly touched: Array<number> = []

  constructor(seed: number) {
    this.seed = seed
  }

  get nowMs(): number {
    return epochMs + Math.floor(this.nowUs / 1000)
  }

  get nextUs(): number {
    return this.queue.nextUs
  }

  plan(afterUs: number, event: SimEvent): void {
    this.queue.plan(this.nowUs + afterUs, event)
  }

  act(afterUs: number, action: () => void): void {
    this.plan(afterUs, new ActionEvent(action))
  }

  /**
   * The brokers that did anything in it, until the next call; undefined when nothing is planned any
   * more.
   */
  next(): ReadonlyArray<number> | undefined {
    const event = this.queue.take()
    if (event === undefined) return undefined
    if (event.atUs > this.nowUs) this.nowUs = event.atUs
    this.events++
    this.touched.length = 0
    event.fire()
    return this.touched
  }

  touch(broker: number): void {
    if (!this.touched.includes(broker)) this.touched.push(broker)
  }

  stream(name: string): Prng {
    return stream(this.seed, name)
  }

  /** A rare event was seen. */
  met(what: string): void {
    this.rare.set(what, (this.rare.get(what) ?? 0) + 1)
  }

  line(who: string, text: string): void {
    this.hash.text(text)
    this.lines.push(`${Math.floor(this.nowUs / 1000)} ${who} ${text}`)
    if (this.lines.length > 2 * linesMax) this.lines.splice(0, linesMax)
  }
}
