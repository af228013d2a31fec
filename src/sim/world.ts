/**
 * A whole cluster in one process and one thread: brokers as shipped, from the decoded request down
 * to the log's port, over simulated clocks, network, disks and chance. Everything follows from the
 * options: the same options give the same `hash`, event for event.
 */
import type { Prng } from "../../raft/prng.ts"
import { foundingConfiguration } from "../cluster/members.ts"
import type { BrokerNode } from "../node/broker-node.ts"
import { defaultNodeSettings } from "../node/node.ts"
import type { NodeSettings, RequestAnswer } from "../node/node.ts"
import type { Api, RequestInput, ResponseOf } from "../protocol/schema.ts"
import { Atlas } from "./atlas.ts"
import { SimBroker } from "./broker.ts"
import { epochMs } from "./clock.ts"
import { Engine } from "./engine.ts"
import { applyFault } from "./apply-fault.ts"
import type { Fault } from "./faults.ts"
import { OldCopies } from "./old-copies.ts"
import { Network } from "./network.ts"
import type { DiskOptions, NetworkOptions } from "./options.ts"
import { Requests } from "./requests.ts"
import type { Asked } from "./requests.ts"
import type { Observer, Subject, SubjectAnswer } from "./subject.ts"

export type { Asked } from "./requests.ts"
export { BrokerThrew } from "./process.ts"
export { epochMs } from "./clock.ts"

export interface WorldOptions {
  readonly seed?: number
  readonly brokers?: number
  readonly settings?: Partial<NodeSettings>
  readonly network?: Partial<NetworkOptions>
  readonly disk?: Partial<DiskOptions>
  /** Each broker's clock is off by up to this, either way. */
  readonly clockDriftPerMille?: number
  /** Inputs of so long are one turn of a broker's loop; 0: each is one. */
  readonly turnUs?: number
  /** Every so many frames one is encoded and decoded; the others go by reference. Default 64. */
  readonly recodeEvery?: number
  /** What clients call themselves; default: nothing. */
  readonly clientId?: string
}

const calm: NetworkOptions = {
  latencyMs: [1, 3],
  spikePer10k: 0,
  spikeMs: [0, 0],
  lossPer10k: 0,
  duplicatePer10k: 0,
  reorderPer10k: 0,
}

export class SimWorld implements Subject {
  readonly clusterId = "simulated-cluster-id-1"
  readonly brokers: ReadonlyArray<SimBroker>
  readonly network: Network
  readonly atlas: Atlas
  readonly oldCopies: OldCopies
  readonly engine: Engine
  private readonly requests: Requests
  private readonly noise: NetworkOptions

  constructor(options: WorldOptions = {}) {
    const engine = new Engine(options.seed ?? 1)
    this.engine = engine
    this.requests = new Requests(engine)
    this.requests.clientId = options.clientId ?? null
    this.noise = { ...calm, ...options.network }
    const count = options.brokers ?? 3
    const shared = {
      engine,
      clusterId: this.clusterId,
      settings: { ...defaultNodeSettings, ...options.settings },
      disk: { fsyncMs: [1, 4], torn: false, ...options.disk } as const,
      turnUs: options.turnUs ?? 0,
      founders: () => founders,
      network: () => this.network,
      starting: (broker: SimBroker) => this.oldCopies.starting(broker),
      leaving: () => this.atlas.survey(),
      anybodyRuns: () => this.brokers.some(({ process }) => process !== undefined),
      answered: (broker: SimBroker, token: number, answer: RequestAnswer) =>
        this.requests.answered(broker, token, answer),
      disconnected: (broker: SimBroker) => this.requests.disconnected(broker),
    }
    const driftMax = (options.clockDriftPerMille ?? 0) * 1000
    this.brokers = Array.from({ length: count }, (_, id) => {
      const prng = engine.stream(`clock ${id}`)
      const driftPpm = driftMax === 0 ? 0 : prng.below(2 * driftMax + 1) - driftMax
      return new SimBroker(id, { ...shared, driftPpm })
    })
    const founders = this.brokers.map(({ id, diskUuid }) => ({ nodeId: id, diskUuid }))
    const founding = foundingConfiguration(founders)
    this.network = new Network(
      engine,
      {
        size: count,
        process: (id) => this.brokers[id]?.process,
        hasPower: (id) => this.broker(id).hasPower,
      },
      this.noise,
      { frameEvery: options.recodeEvery ?? 64 },
    )
    this.oldCopies = new OldCopies(this.brokers, engine, shared.settings.electionTimeoutMs)
    this.observe(this.oldCopies)
    this.atlas = new Atlas({
      brokers: this.brokers,
      clusterId: this.clusterId,
      founding,
    })
  }

  // ---- what can be seen

  get nowMs(): number {
    return this.engine.nowMs
  }
  /** Since the world began. */
  get elapsedMs(): number {
    return this.engine.nowMs - epochMs
  }
  get hash(): string {
    return this.engine.hash.digest()
  }
  get events(): number {
    return this.engine.events
  }
  get rare(): Map<string, number> {
    return this.engine.rare
  }
  /** Newest log lines of all brokers. */
  get lines(): ReadonlyArray<string> {
    return this.engine.lines
  }

  broker(id: number): SimBroker {
    const broker = this.brokers[id]
    if (broker === undefined) throw new Error(`no broker ${id}`)
    return broker
  }

  node(id: number): BrokerNode {
    const { node } = this.broker(id)
    if (node === undefined) throw new Error(`broker ${id} is down`)
    return node
  }

  running(): ReadonlyArray<SimBroker> {
    return this.brokers.filter((broker) => broker.process !== undefined)
  }

  ready(): boolean {
    return this.running().every((broker) => broker.node?.ready === true)
  }

  /** A stream of chance of one's own. */
  stream(name: string): Prng {
    return this.engine.stream(name)
  }

  observe(observer: Observer): void {
    this.engine.observers.push(observer)
  }

  // ---- what can be done

  startAll(): this {
    for (const broker of this.brokers) if (broker.process === undefined) broker.start()
    return this
  }

  plan(atMs: number, action: () => void): void {
    this.engine.act(Math.max(0, (atMs - epochMs) * 1000 - this.engine.nowUs), action)
  }

  /** Now, whatever its `atMs` says. False: it could not be done, or the atlas forbids it. */
  inject(fault: Fault): boolean {
    const done = applyFault(this, fault)
    this.engine.hash.text(fault._tag)
    this.engine.met(`${done ? "fault" : "refused"}.${fault._tag}`)
    return done
  }

  /** Each at its `atMs`, in milliseconds since the world began. */
  schedule(faults: ReadonlyArray<Fault>): void {
    for (const fault of faults) this.plan(epochMs + fault.atMs, () => void this.inject(fault))
  }

  /** Every link as it should be, from now on: cuts, clogs and noise end. */
  healNetwork(): void {
    this.network.options = quiet(this.noise)
    this.network.capacity = 0
    this.network.healAll()
  }

  /**
   * Nothing is wrong with a disk any more but what is lost; whoever is stopped or paused goes on.
   */
  healMachines(): void {
    for (const broker of this.brokers) {
      broker.disk.stalledUntilUs = 0
      broker.disk.failNextSync = false
      broker.disk.space = "ample"
      broker.disarm()
      if (broker.process === undefined) broker.start()
      else broker.process.resume()
    }
  }

  ask<A extends Api>(
    broker: number,
    api: A,
    version: number,
    input: RequestInput<A>,
    answered?: (answer: SubjectAnswer<A>) => void,
  ): Asked<A> {
    return this.requests.ask(this.broker(broker), api, version, input, answered)
  }

  askBytes<A extends Api>(broker: number, api: A, version: number, bytes: Uint8Array): Asked<A> {
    return this.requests.askBytes(this.broker(broker), api, version, bytes)
  }

  /** Asks and lets time pass until the answer is there. */
  call<A extends Api>(id: number, api: A, version: number, input: RequestInput<A>): ResponseOf<A> {
    const asked = this.ask(id, api, version, input)
    this.runUntil(() => asked.answer !== undefined, 60_000, `${api.name} at broker ${id}`)
    const { answer } = asked
    if (answer === undefined || answer === "none" || answer === "closed") {
      throw new Error(`${api.name} at broker ${id}: no answer`)
    }
    return answer
  }

  // ---- time

  /** The next event; false when nothing will ever happen again. */
  step(): boolean {
    const touched = this.engine.next()
    if (touched === undefined) return false
    const { observers } = this.engine
    if (observers.length === 0) return true
    for (const id of touched) {
      const broker = this.broker(id)
      for (const observer of observers) observer.stepped?.(broker)
    }
    return true
  }

  run(ms: number): void {
    this.runTo(this.engine.nowUs + ms * 1000, undefined)
  }

  /** `everyMs`: how often a costly condition is looked at; 0 = after every event. */
  runUntil(condition: () => boolean, maxMs: number, what = "the condition", everyMs = 0): void {
    if (condition()) return
    let nextUs = this.engine.nowUs
    const looked = (): boolean => {
      if (this.engine.nowUs < nextUs) return false
      nextUs = this.engine.nowUs + everyMs * 1000
      return condition()
    }
    if (this.runTo(this.engine.nowUs + maxMs * 1000, looked)) return
    throw new Error(`${what}: not within ${maxMs} ms\n${this.lines.slice(-40).join("\n")}`)
  }

  private runTo(endUs: number, condition: (() => boolean) | undefined): boolean {
    while (this.engine.nextUs <= endUs) {
      if (!this.step()) break
      if (condition !== undefined && condition()) return true
    }
    this.engine.nowUs = endUs
    return condition?.() ?? false
  }

  untilReady(maxMs = 5000): this {
    this.runUntil(() => this.ready(), maxMs, "every broker ready")
    return this
  }
}

const quiet = (noise: NetworkOptions): NetworkOptions => ({
  ...noise,
  spikePer10k: 0,
  lossPer10k: 0,
  duplicatePer10k: 0,
  reorderPer10k: 0,
})
