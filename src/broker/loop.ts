/**
 * Owns the broker machine and drives it: the only place where time passes. Whatever comes in
 * (requests, peer frames, durable commits, ticks) is fed to the machine at once; then, once per
 * turn of the event loop, the machine is flushed: one commit for all groups and one write per
 * socket, whatever came in together.
 */
import type { BrokerMachine, ClientRequest, Hello, RequestAnswer } from "../node/node.ts"
import type { ProcessClock } from "./clock.ts"

/**
 * Client requests of one turn may take so long together; the rest wait for the next turn, behind
 * what peers have sent meanwhile. Without it a burst of batches that decompress slowly would keep a
 * leader from its heartbeats.
 */
const requestBudgetMs = 20

export interface LoopOptions {
  readonly clock: ProcessClock
  readonly tickMs: number
  /**
   * The machine threw: an invariant is broken and nothing it says may leave any more. Called once.
   */
  readonly onFatal: (error: unknown) => void
}

export class NodeLoop {
  private readonly options: LoopOptions
  private machine: BrokerMachine | undefined
  private readonly answers = new Map<number, (answer: RequestAnswer) => void>()
  private readonly afterFlush: Array<() => void> = []
  private readonly onTicks: Array<(nowMs: number) => void> = []
  private nextToken = 1
  private flushScheduled = false
  private requestMs = 0
  private ticker: ReturnType<typeof setInterval> | undefined
  private tickScheduled = false
  private lastTickMs = 0
  private stopped = false

  constructor(options: LoopOptions) {
    this.options = options
  }

  /** Before `start`: the machine cannot be made before what it reports to. */
  attach(machine: BrokerMachine): void {
    this.machine = machine
  }

  /** Runs at the end of every turn, after the machine's flush: what it said is sent. */
  onTurnEnd(action: () => void): void {
    this.afterFlush.push(action)
  }

  /** Runs at every tick, after the machine's. */
  onTick(action: (nowMs: number) => void): void {
    this.onTicks.push(action)
  }

  machineHello(to: number): Hello {
    if (this.machine === undefined) throw new Error("no machine is attached to the loop")
    return this.machine.hello(to)
  }

  start(): void {
    this.enter((machine, nowMs) => machine.start(nowMs))
    this.ticker = setInterval(() => this.tickAfterInput(), this.options.tickMs)
  }

  stop(): void {
    this.stopped = true
    clearInterval(this.ticker)
    this.answers.clear()
  }

  nowMs(): number {
    return this.options.clock.nowMs()
  }

  wallMs(): number {
    return this.options.clock.wallMs()
  }

  /** Feeds the machine; the turn's flush follows by itself. Undefined when it has stopped. */
  enter<A>(action: (machine: BrokerMachine, nowMs: number) => A): A | undefined {
    if (this.stopped || this.machine === undefined) return undefined
    try {
      const result = action(this.machine, this.nowMs())
      this.scheduleFlush()
      return result
    } catch (error) {
      this.fail(error)
      return undefined
    }
  }

  submit(request: ClientRequest, answer: (answer: RequestAnswer) => void): number {
    const token = this.nextToken++
    const begunMs = performance.now()
    this.answers.set(token, answer)
    this.enter((machine, nowMs) => machine.request(token, request, nowMs))
    this.requestMs += performance.now() - begunMs
    return token
  }

  /** This turn's requests have taken their time: no further one before the next turn. */
  get requestBudgetSpent(): boolean {
    return this.requestMs > requestBudgetMs
  }

  cancel(token: number): void {
    if (this.answers.delete(token)) this.enter((machine) => machine.cancel(token))
  }

  /** The machine's port. An answer to a token that was cancelled is not for anybody. */
  answer(token: number, answer: RequestAnswer): void {
    const waiting = this.answers.get(token)
    if (waiting === undefined) return
    this.answers.delete(token)
    waiting(answer)
  }

  scheduleFlush(): void {
    if (this.flushScheduled || this.stopped) return
    this.flushScheduled = true
    setImmediate(() => this.flush())
  }

  private flush(): void {
    this.flushScheduled = false
    this.requestMs = 0
    if (this.stopped || this.machine === undefined) return
    try {
      const unfinished = this.machine.flush(this.nowMs())
      for (const action of this.afterFlush) action()
      if (unfinished) this.scheduleFlush()
    } catch (error) {
      this.fail(error)
    }
  }

  /**
   * Timers fire before sockets are read when the loop was held up (a long step, a stopped process):
   * then the tick waits for one reading of the sockets, so that peers are not found silent whose
   * frames lie in the kernel.
   */
  private tickAfterInput(): void {
    if (this.tickScheduled) return
    const monotonicMs = performance.now()
    const heldUp = monotonicMs - this.lastTickMs > 2 * this.options.tickMs
    this.lastTickMs = monotonicMs
    if (!heldUp) return this.tick()
    this.tickScheduled = true
    setImmediate(() => {
      setImmediate(() => {
        this.tickScheduled = false
        this.tick()
      })
    })
  }

  private tick(): void {
    this.enter((machine, nowMs) => {
      machine.tick(nowMs)
      for (const action of this.onTicks) action(nowMs)
    })
  }

  private fail(error: unknown): void {
    if (this.stopped) return
    this.stop()
    this.options.onFatal(error)
  }
}
