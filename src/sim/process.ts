/**
 * One process of a broker: the shipped machine and what the rim around it does
 * (src/broker/loop.ts): inputs are fed at once, one flush per turn; a process that stood still
 * reads its peers' frames before its clients' requests, and both before its late tick.
 */
import type { MemberId } from "../../raft/types.ts"
import { memberId } from "../cluster/members.ts"
import { BrokerNode } from "../node/broker-node.ts"
import type { Hello, NodeOptions, NodePorts } from "../node/node.ts"
import type { SimBroker } from "./broker.ts"
import type { Engine } from "./engine.ts"
import type { SimEvent } from "./event-queue.ts"

/** The code under test threw: the real process would have stopped, and that is an alarm. */
export class BrokerThrew extends Error {
  override readonly name = "BrokerThrew"
  readonly broker: number

  constructor(broker: number, cause: unknown) {
    super(`broker ${broker}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    this.broker = broker
  }
}

/** Nobody's flush may go on for ever. */
const turnsMax = 1000

export interface ProcessParts {
  readonly engine: Engine
  readonly broker: SimBroker
  readonly options: NodeOptions
  readonly ports: NodePorts
  readonly nowMs: () => number
  /** Until the turn's end, when inputs are gathered; 0: each input is a turn. */
  readonly turnUs: number
  readonly onTick: () => void
}

export class SimProcess {
  readonly id: number
  readonly broker: SimBroker
  readonly name: string
  readonly member: MemberId
  readonly node: BrokerNode
  dead = false
  paused = false
  private readonly parts: ProcessParts
  private flushPlanned = false
  private inside = false
  private readUs = -1
  private readMs = 0
  private heldFrames: Array<() => void> = []
  private heldRequests: Array<() => void> = []
  private tickHeld = false
  private readonly tickEvent: SimEvent
  private readonly turnEvent: SimEvent
  private readonly syncEvent: SimEvent

  constructor(parts: ProcessParts) {
    this.parts = parts
    const { broker, options } = parts
    this.id = broker.id
    this.broker = broker
    this.name = `${broker.id}.${broker.starts}`
    this.member = memberId(options.nodeId, options.diskUuid)
    this.tickEvent = { atUs: 0, order: 0, fire: () => this.ticked() }
    this.turnEvent = { atUs: 0, order: 0, fire: () => this.turnEnds() }
    this.syncEvent = { atUs: 0, order: 0, fire: () => this.synced() }
    this.node = this.guarded(() => new BrokerNode(options, parts.ports))
  }

  start(): void {
    this.enter((node, nowMs) => node.start(nowMs))
    const tickUs = this.tickUs
    this.parts.engine.plan(1 + this.broker.prng.below(tickUs), this.tickEvent)
  }

  private get tickUs(): number {
    return this.broker.clock.trueSpanUs(this.parts.options.settings.tickMs * 1000)
  }

  hello(to: number): Hello {
    return this.guarded(() => this.node.hello(to))
  }

  /** Feeds the machine; undefined when the process is gone. */
  enter<A>(action: (node: BrokerNode, nowMs: number) => A): A | undefined {
    if (this.dead) return undefined
    const { engine, turnUs } = this.parts
    engine.touch(this.id)
    engine.hash.number(this.id)
    engine.hash.number(engine.nowUs)
    let result: A
    try {
      result = action(this.node, this.nowMs())
    } catch (error) {
      throw this.thrown(error)
    }
    if (turnUs === 0) this.flush()
    else this.planTurn(turnUs)
    return result
  }

  private planTurn(afterUs: number): void {
    if (this.flushPlanned) return
    this.flushPlanned = true
    this.parts.engine.plan(afterUs, this.turnEvent)
  }

  private turnEnds(): void {
    this.flushPlanned = false
    if (this.dead || this.paused) return
    this.parts.engine.touch(this.id)
    this.flush()
  }

  private flush(): void {
    // An answer may bring a request while the machine is being flushed: it is part of the turn.
    if (this.inside || this.dead) return
    this.inside = true
    try {
      let turns = 0
      while (this.node.flush(this.nowMs())) {
        if (++turns > turnsMax) throw new Error("a turn does not end")
      }
    } catch (error) {
      throw this.thrown(error)
    } finally {
      this.inside = false
    }
    this.beginSync()
  }

  private guarded<A>(action: () => A): A {
    try {
      return action()
    } catch (error) {
      throw this.thrown(error)
    }
  }

  private thrown(error: unknown): BrokerThrew {
    return error instanceof BrokerThrew ? error : new BrokerThrew(this.id, error)
  }

  /** Asked again in the same moment the clock says the same. */
  private nowMs(): number {
    const { nowUs } = this.parts.engine
    if (nowUs !== this.readUs) {
      this.readUs = nowUs
      this.readMs = this.parts.nowMs()
    }
    return this.readMs
  }

  // ---- time

  private ticked(): void {
    if (this.dead) return
    if (this.paused) {
      this.tickHeld = true
      return
    }
    this.enter((node, nowMs) => node.tick(nowMs))
    this.parts.onTick()
    if (!this.dead) this.parts.engine.plan(this.tickUs, this.tickEvent)
  }

  /** SIGSTOP: time passes, the process does not. */
  pause(): void {
    this.paused = true
  }

  resume(): void {
    if (!this.paused || this.dead) return
    this.paused = false
    const frames = this.heldFrames
    const requests = this.heldRequests
    this.heldFrames = []
    this.heldRequests = []
    if (frames.length >= 10) this.parts.engine.met("burstAfterPause")
    this.inside = true
    try {
      for (const held of frames) held()
      for (const held of requests) held()
    } finally {
      this.inside = false
    }
    this.enter(() => {})
    if (!this.tickHeld) return
    this.tickHeld = false
    this.ticked()
  }

  holdFrame(action: () => void): void {
    this.heldFrames.push(action)
  }

  holdRequest(action: () => void): void {
    this.heldRequests.push(action)
  }

  // ---- the disk's worker

  private beginSync(): void {
    const afterUs = this.broker.disk.beginSync()
    if (afterUs !== undefined) this.parts.engine.plan(afterUs, this.syncEvent)
  }

  private synced(): void {
    if (this.dead) return
    const { disk } = this.broker
    const { engine } = this.parts
    if (disk.stalledForUs > 0) return engine.plan(disk.stalledForUs, this.syncEvent)
    const through = disk.endSync()
    if (through === undefined) return this.broker.failStop()
    this.broker.reached("sync")
    engine.hash.number(through)
    for (const observer of engine.observers) observer.durable?.(this.broker, through)
    const report = () => {
      if (this.dead) return
      this.enter((node, nowMs) => node.durable(through, nowMs))
      this.beginSync()
    }
    if (this.paused) this.holdFrame(report)
    else if (!this.broker.isDoomed) report()
  }
}
