/**
 * A whole cluster in one process: broker nodes as shipped over memory logs, with a simulated
 * network, disks and time. Everything is drawn from one seed: the same seed gives the same run.
 *
 * Links are as TCP makes them: in order, without loss while they live; a cut swallows frames, and
 * the link is reset when it heals. Disks lose what was not fsynced when their broker crashes.
 */
import { Prng } from "../../raft/index.ts"
import { MemoryWal } from "../../storage/memory-wal.ts"
import { memberId } from "../../src/cluster/members.ts"
import { BrokerNode } from "../../src/node/broker-node.ts"
import { defaultNodeSettings } from "../../src/node/node.ts"
import type { NodeSettings, RequestAnswer } from "../../src/node/node.ts"
import { decodePeerFrame, encodePeerFrame } from "../../src/peer/codec.ts"
import type { PeerFrame } from "../../src/peer/codec.ts"
import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../src/protocol/codec.ts"
import { Reader } from "../../src/protocol/reader.ts"
import type { Api, RequestInput, ResponseInput, ResponseOf } from "../../src/protocol/schema.ts"
import { Writer } from "../../src/protocol/writer.ts"
import { EventQueue } from "./event-queue.ts"

export interface WorldOptions {
  readonly nodes?: number
  readonly seed?: number
  readonly settings?: Partial<NodeSettings>
  /** One way, drawn from [min, max]. */
  readonly latencyMs?: readonly [number, number]
  readonly fsyncMs?: readonly [number, number]
}

export interface Asked<A extends Api> {
  readonly broker: number
  /** Undefined until answered. */
  answer: ResponseOf<A> | "none" | "closed" | undefined
  answeredMs: number
}

interface Link {
  up: boolean
  dialling: boolean
  /** Grows with every reset: what was on the way in an older one is lost. */
  generation: number
  lastArrivalMs: number
  cut: boolean
}

interface Broker {
  readonly id: number
  diskUuid: string
  wal: MemoryWal
  node: BrokerNode | undefined
  starts: number
  fsyncPlanned: boolean
  paused: boolean
  readonly answers: Map<number, (answer: RequestAnswer | undefined) => void>
}

const redialMs = 40
const dialTimeoutMs = 400
/** Where simulated time begins; a plausible wall clock. */
const epochMs = 1_760_000_000_000

const hex = (prng: Prng): string =>
  Array.from({ length: 4 }, () => prng.nextUint32().toString(16).padStart(8, "0")).join("")

export class World {
  nowMs = epochMs
  readonly prng: Prng
  readonly brokers: Broker[] = []
  readonly lines: string[] = []
  readonly clusterId = "simulated-cluster-id-1"
  frames = 0
  readonly #options: WorldOptions
  readonly #settings: NodeSettings
  readonly #queue = new EventQueue()
  readonly #links = new Map<string, Link>()
  readonly #founders: ReadonlyArray<{ nodeId: number; diskUuid: string }>
  #nextToken = 1

  constructor(options: WorldOptions = {}) {
    this.#options = options
    this.prng = new Prng(options.seed ?? 1)
    this.#settings = { ...defaultNodeSettings, ...options.settings }
    const nodes = options.nodes ?? 3
    for (let id = 0; id < nodes; id++) {
      const diskUuid = hex(this.prng)
      this.brokers.push(this.#newBroker(id, diskUuid))
    }
    this.#founders = this.brokers.map(({ id, diskUuid }) => ({ nodeId: id, diskUuid }))
  }

  #newBroker(id: number, diskUuid: string): Broker {
    const broker: Broker = {
      id,
      diskUuid,
      wal: new MemoryWal({ onDurable: (through) => this.#durable(broker, through) }),
      node: undefined,
      starts: 0,
      fsyncPlanned: false,
      paused: false,
      answers: new Map(),
    }
    return broker
  }

  // ---- brokers

  startAll(): this {
    for (const { id } of this.brokers) this.start(id)
    return this
  }

  start(id: number): void {
    const broker = this.#broker(id)
    if (broker.node !== undefined) throw new Error(`broker ${id} runs`)
    broker.starts++
    const name = `${id}.${broker.starts}`
    const node = new BrokerNode(
      {
        nodeId: id,
        diskUuid: broker.diskUuid,
        clusterId: this.clusterId,
        incarnation: hex(this.prng),
        founders: this.#founders,
        peers: this.brokers
          .filter((other) => other.id !== id)
          .map((other) => ({
            nodeId: other.id,
            diskUuids: this.#founders.filter((f) => f.nodeId === other.id).map((f) => f.diskUuid),
          })),
        advertised: { host: "127.0.0.1", port: 9092 + id, rack: null },
        settings: this.#settings,
        seed: this.prng.nextUint32(),
      },
      {
        wal: broker.wal,
        sendPeer: (to, frame) => this.#send(broker, to, frame),
        answer: (token, answer) => this.#answered(broker, token, answer),
        log: (level, line) => {
          this.lines.push(`${this.nowMs - epochMs} ${name} ${level} ${line}`)
        },
      },
    )
    broker.node = node
    node.start(this.nowMs)
    this.#flush(broker)
    const born = broker.starts
    const tick = () => {
      if (broker.starts !== born || broker.node === undefined) return
      if (!broker.paused) {
        broker.node.tick(this.nowMs)
        this.#flush(broker)
      }
      this.#queue.plan(this.nowMs + this.#settings.tickMs, tick)
    }
    this.#queue.plan(this.nowMs + this.prng.below(this.#settings.tickMs) + 1, tick)
    for (const other of this.brokers) if (other.id !== id) this.#dial(id, other.id, 0)
  }

  /** SIGKILL and power cut: what was not fsynced is gone but for the first `keep` commits. */
  crash(id: number, keep = 0): void {
    const broker = this.#broker(id)
    if (broker.node === undefined) return
    broker.node = undefined
    broker.fsyncPlanned = false
    broker.paused = false
    broker.wal = broker.wal.crash(keep)
    for (const done of broker.answers.values()) done(undefined)
    broker.answers.clear()
    for (const other of this.brokers) {
      if (other.id === id) continue
      this.#reset(id, other.id)
      this.#reset(other.id, id)
    }
  }

  /** The folder is removed and made anew: another disk under the same node id. */
  wipe(id: number): void {
    const broker = this.#broker(id)
    if (broker.node !== undefined) throw new Error(`broker ${id} runs`)
    broker.diskUuid = hex(this.prng)
    broker.wal = new MemoryWal({ onDurable: (through) => this.#durable(broker, through) })
  }

  /** SIGSTOP: time passes, the process does not. */
  pause(id: number): void {
    this.#broker(id).paused = true
  }

  resume(id: number): void {
    this.#broker(id).paused = false
  }

  node(id: number): BrokerNode {
    const { node } = this.#broker(id)
    if (node === undefined) throw new Error(`broker ${id} is down`)
    return node
  }

  running(): ReadonlyArray<Broker> {
    return this.brokers.filter((broker) => broker.node !== undefined)
  }

  #broker(id: number): Broker {
    const broker = this.brokers[id]
    if (broker === undefined) throw new Error(`no broker ${id}`)
    return broker
  }

  // ---- network

  /** Frames from one to the other vanish until healed. */
  cut(from: number, to: number): void {
    this.#link(from, to).cut = true
  }

  isolate(id: number): void {
    for (const other of this.brokers) {
      if (other.id === id) continue
      this.cut(id, other.id)
      this.cut(other.id, id)
    }
  }

  heal(): void {
    for (const a of this.brokers) {
      for (const b of this.brokers) {
        const link = this.#link(a.id, b.id)
        if (!link.cut) continue
        link.cut = false
        this.#reset(a.id, b.id)
      }
    }
  }

  resetLink(from: number, to: number): void {
    this.#reset(from, to)
  }

  #link(from: number, to: number): Link {
    const key = `${from}>${to}`
    const known = this.#links.get(key)
    if (known !== undefined) return known
    const link = { up: false, dialling: false, generation: 0, lastArrivalMs: 0, cut: false }
    this.#links.set(key, link)
    return link
  }

  #latencyMs(): number {
    const [min, max] = this.#options.latencyMs ?? [1, 3]
    return min + this.prng.below(max - min + 1)
  }

  #reset(from: number, to: number): void {
    const link = this.#link(from, to)
    link.generation++
    link.dialling = false
    const was = link.up
    link.up = false
    const { node } = this.#broker(from)
    if (node === undefined) return
    if (was) this.#enter(from, (alive) => alive.peerClosed(to, false, this.nowMs))
    this.#dial(from, to, 1)
  }

  #dial(from: number, to: number, afterMs: number): void {
    const link = this.#link(from, to)
    if (link.dialling || link.up) return
    link.dialling = true
    const { generation } = link
    const born = this.#broker(from).starts
    const still = () =>
      link.generation === generation &&
      this.#broker(from).node !== undefined &&
      this.#broker(from).starts === born
    const failed = (refused: boolean) => {
      if (!still()) return
      link.dialling = false
      this.#enter(from, (node) => node.peerClosed(to, refused, this.nowMs))
      this.#dial(from, to, redialMs)
    }
    this.#queue.plan(this.nowMs + afterMs + this.#latencyMs(), () => {
      if (!still()) return
      const target = this.#broker(to)
      if (link.cut) return this.#queue.plan(this.nowMs + dialTimeoutMs, () => failed(false))
      if (target.node === undefined) return failed(true)
      if (target.paused) return this.#queue.plan(this.nowMs + dialTimeoutMs, () => failed(false))
      const admission = target.node.peerHello(from, this.node(from).hello(to), this.nowMs)
      this.#flush(target)
      if (admission._tag === "refused") {
        this.lines.push(`${this.nowMs - epochMs} ${to} refuses ${from}: ${admission.reason}`)
        return failed(false)
      }
      const hello = target.node.hello(from)
      this.#queue.plan(this.nowMs + this.#latencyMs(), () => {
        if (!still()) return
        link.dialling = false
        link.up = true
        link.lastArrivalMs = 0
        this.#enter(from, (node) => {
          const met = node.peerConnected(to, hello, this.nowMs)
          if (met._tag === "refused") link.up = false
        })
        if (!link.up) this.#dial(from, to, redialMs)
      })
    })
  }

  #send(from: Broker, to: number, frame: PeerFrame): boolean {
    const link = this.#link(from.id, to)
    if (!link.up) return false
    this.frames++
    if (link.cut) return true
    const bytes = Buffer.concat(encodePeerFrame(frame)).subarray(4)
    const { generation } = link
    const fromMember = memberId(from.id, from.diskUuid)
    const arrivalMs = Math.max(link.lastArrivalMs, this.nowMs + this.#latencyMs())
    link.lastArrivalMs = arrivalMs
    const born = this.#broker(to).starts
    const deliver = (): void => {
      const target = this.#broker(to)
      if (link.generation !== generation || target.starts !== born) return
      // A stopped process reads it when it goes on.
      if (target.paused) return this.#queue.plan(this.nowMs + 5, deliver)
      const members = { fromMember, toMember: memberId(to, target.diskUuid) }
      this.#enter(to, (node) =>
        node.peerFrame(from.id, decodePeerFrame(bytes, members), this.nowMs),
      )
    }
    this.#queue.plan(arrivalMs, deliver)
    return true
  }

  // ---- the rim of each broker

  #enter(id: number, action: (node: BrokerNode) => void): void {
    const broker = this.#broker(id)
    if (broker.node === undefined) return
    action(broker.node)
    this.#flush(broker)
  }

  #flush(broker: Broker): void {
    const { node } = broker
    if (node === undefined) return
    for (let i = 0; i < 100 && node.flush(this.nowMs); i++);
    if (broker.fsyncPlanned || broker.wal.pendingCommits === 0) return
    broker.fsyncPlanned = true
    const [min, max] = this.#options.fsyncMs ?? [1, 4]
    const born = broker.starts
    const { wal } = broker
    this.#queue.plan(this.nowMs + min + this.prng.below(max - min + 1), () => {
      if (broker.starts !== born || broker.node === undefined || broker.wal !== wal) return
      broker.fsyncPlanned = false
      wal.flush()
      this.#flush(broker)
    })
  }

  #durable(broker: Broker, through: number): void {
    broker.node?.durable(through, this.nowMs)
  }

  // ---- clients

  ask<A extends Api>(id: number, api: A, version: number, input: RequestInput<A>): Asked<A> {
    const writer = new Writer()
    encodeRequest(api, version, input, writer)
    return this.askBytes(id, api, version, writer.concat())
  }

  askBytes<A extends Api>(id: number, api: A, version: number, bytes: Uint8Array): Asked<A> {
    const broker = this.#broker(id)
    const asked: Asked<A> = { broker: id, answer: undefined, answeredMs: 0 }
    if (broker.node === undefined) {
      asked.answer = "closed"
      return asked
    }
    const body = decodeRequest(api, version, new Reader(Buffer.from(bytes)))
    const token = this.#nextToken++
    broker.answers.set(token, (answer) => {
      asked.answer = decodedAnswer(api, version, answer)
      asked.answeredMs = this.nowMs
    })
    const connection = { id: 1, host: "127.0.0.1" }
    const request = { apiKey: api.key, apiVersion: version, clientId: null, connection, body }
    broker.node.request(token, { ...request, receivedMs: this.nowMs }, this.nowMs)
    this.#flush(broker)
    return asked
  }

  #answered(broker: Broker, token: number, answer: RequestAnswer): void {
    const done = broker.answers.get(token)
    if (done === undefined) throw new Error(`token ${token} is answered twice or was never asked`)
    broker.answers.delete(token)
    done(answer)
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

  run(ms: number): void {
    this.#runTo(this.nowMs + ms, () => false)
  }

  /** `everyMs`: how often a costly condition is looked at; 0 = after every event. */
  runUntil(condition: () => boolean, maxMs: number, what = "the condition", everyMs = 0): void {
    if (condition()) return
    let nextMs = this.nowMs
    const looked = (): boolean => {
      if (this.nowMs < nextMs) return false
      nextMs = this.nowMs + everyMs
      return condition()
    }
    if (!this.#runTo(this.nowMs + maxMs, looked)) {
      throw new Error(`${what}: not within ${maxMs} ms\n${this.lines.slice(-40).join("\n")}`)
    }
  }

  #runTo(endMs: number, condition: () => boolean): boolean {
    while (this.#queue.nextMs <= endMs) {
      const next = this.#queue.take()
      if (next === undefined) break
      this.nowMs = Math.max(this.nowMs, next.atMs)
      next.action()
      if (condition()) return true
    }
    this.nowMs = endMs
    return condition()
  }

  ready(): boolean {
    return this.running().every((broker) => broker.node?.ready === true)
  }

  untilReady(maxMs = 5000): this {
    this.runUntil(() => this.ready(), maxMs, "every broker ready")
    return this
  }
}

function decodedAnswer<A extends Api>(
  api: A,
  version: number,
  answer: RequestAnswer | undefined,
): ResponseOf<A> | "none" | "closed" {
  if (answer === undefined || answer._tag === "close") return "closed"
  if (answer._tag === "none") return "none"
  const writer = new Writer()
  encodeResponse(api, version, answer.response as ResponseInput<A>, writer)
  return decodeResponse(api, version, new Reader(writer.concat()))
}
