/**
 * Links between brokers, one per direction, as TCP and the shipped transport make them: in order
 * and without loss while they live; broken ones are noticed and dialled again with back-off, a link
 * on which nothing comes back for two seconds is given up. As an option Raft frames, and only they,
 * are lost, doubled and reordered too: Raft must bear it.
 */
import { decodePeerFrame, encodePeerFrame } from "../peer/codec.ts"
import type { PeerFrame } from "../peer/codec.ts"
import type { Hello } from "../node/node.ts"
import type { Engine } from "./engine.ts"
import type { SimEvent } from "./event-queue.ts"
import { frameBytes } from "./frame-bytes.ts"
import { hashFrame } from "./frame-hash.ts"
import { Connection, Link } from "./link.ts"
import type { CutMode } from "./link.ts"
import type { NetworkOptions } from "./options.ts"
import type { SimProcess } from "./process.ts"
import { chance, withinMs } from "./random.ts"
import { Sightings } from "./sightings.ts"

/** The brokers, as the network sees them. */
export interface Hosts {
  readonly size: number
  /** The running process, if any. */
  process(id: number): SimProcess | undefined
  /** False: nobody even refuses a dial. */
  hasPower(id: number): boolean
}

/** Every so many frames one travels as bytes; the others by reference. */
export interface Recoding {
  readonly frameEvery: number
}

/** As the shipped transport has them (src/peer/outbound-link.ts). */
const silenceUs = 2_000_000
const backOffFirstUs = 20_000
const backOffMaxUs = 500_000
const queueBytesMax = 32 * 1024 * 1024

/** A frame on its way. */
class Arrival implements SimEvent {
  atUs = 0
  order = 0
  private readonly network: Network
  private readonly connection: Connection
  private readonly frame: PeerFrame
  private readonly bytes: number

  constructor(network: Network, connection: Connection, frame: PeerFrame, bytes: number) {
    this.network = network
    this.connection = connection
    this.frame = frame
    this.bytes = bytes
  }

  fire(): void {
    this.connection.queuedBytes -= this.bytes
    this.network.arrived(this.connection, this.frame)
  }
}

export class Network {
  /** Loss, duplicates and reordering of Raft frames, spikes, latency: may change at run time. */
  options: NetworkOptions
  /** Bytes per millisecond and link; 0: no limit. */
  capacity = 0
  frames = 0
  /** From → to. */
  private readonly links: ReadonlyArray<ReadonlyArray<Link>>
  /** To → from: the connection whose frames are taken. */
  private readonly inbound: ReadonlyArray<Array<Connection | undefined>>
  private readonly engine: Engine
  private readonly hosts: Hosts
  private readonly recoding: Recoding
  private readonly sightings: Sightings

  constructor(engine: Engine, hosts: Hosts, options: NetworkOptions, recoding: Recoding) {
    this.engine = engine
    this.hosts = hosts
    this.options = options
    this.recoding = recoding
    this.sightings = new Sightings(engine)
    const ids = Array.from({ length: hosts.size }, (_, id) => id)
    this.links = ids.map((from) =>
      ids.map((to) => new Link(from, to, engine.stream(`link ${from}>${to}`))),
    )
    this.inbound = ids.map(() => ids.map(() => undefined))
  }

  link(from: number, to: number): Link {
    const link = this.links[from]?.[to]
    if (link === undefined) throw new Error(`no link from ${from} to ${to}`)
    return link
  }

  *all(): Generator<Link> {
    for (const row of this.links) for (const link of row) if (link.from !== link.to) yield link
  }

  // ---- frames

  send(process: SimProcess, to: number, frame: PeerFrame): boolean {
    const link = this.link(process.id, to)
    const { connection } = link
    if (link.state !== "up" || connection === undefined) return false
    if (connection.queuedBytes > queueBytesMax) return false
    if (process.broker.isDoomed) return true
    const { engine } = this
    this.frames++
    engine.hash.number(process.id * 16 + to)
    hashFrame(engine.hash, frame)
    if (frame._tag === "Raft") this.sightings.raft(frame.group, frame.message)
    for (const observer of engine.observers) observer.sent?.(process.broker, to, frame)
    process.broker.reached("send")
    if (connection.waitingSinceUs === 0) connection.waitingSinceUs = engine.nowUs
    if (link.cut !== undefined || !connection.alive) {
      engine.met("linkPartitioned")
      if (link.cut === "hold") connection.held.push(frame)
      else connection.broken = true
      return true
    }
    const carried =
      this.frames % this.recoding.frameEvery === 0 ? recoded(frame, connection) : frame
    if (carried._tag === "Raft") this.carryLoosely(link, connection, carried)
    else this.carry(link, connection, carried)
    return true
  }

  private carryLoosely(link: Link, connection: Connection, frame: PeerFrame): void {
    const { lossPer10k, duplicatePer10k, reorderPer10k } = this.options
    const { prng } = link
    if (chance(prng, lossPer10k)) {
      this.engine.met("frameLost")
      return
    }
    const copies = chance(prng, duplicatePer10k) ? 2 : 1
    if (copies === 2) this.engine.met("frameDuplicated")
    for (let copy = 0; copy < copies; copy++) {
      if (copy === 0 && !chance(prng, reorderPer10k)) this.carry(link, connection, frame)
      else this.overtake(link, connection, frame)
    }
  }

  private latencyUs(link: Link): number {
    const { latencyMs, spikePer10k, spikeMs } = this.options
    const us = withinMs(link.prng, chance(link.prng, spikePer10k) ? spikeMs : latencyMs)
    const { nowUs } = this.engine
    return us + (nowUs < link.slowUntilUs ? link.slowByUs : 0)
  }

  private carry(link: Link, connection: Connection, frame: PeerFrame): void {
    const { nowUs } = this.engine
    const bytes = frameBytes(frame)
    let leavesUs = nowUs
    if (this.capacity > 0) {
      leavesUs = Math.max(nowUs, link.freeAtUs) + Math.ceil((bytes * 1000) / this.capacity)
      link.freeAtUs = leavesUs
    }
    const arrivesUs = Math.max(
      leavesUs + this.latencyUs(link),
      connection.lastArrivalUs,
      link.cloggedUntilUs,
    )
    connection.lastArrivalUs = arrivesUs
    connection.queuedBytes += bytes
    this.engine.plan(arrivesUs - nowUs, new Arrival(this, connection, frame, bytes))
  }

  /** On its own way: whatever was sent before or after it may come first. */
  private overtake(link: Link, connection: Connection, frame: PeerFrame): void {
    const { engine } = this
    const bytes = frameBytes(frame)
    connection.queuedBytes += bytes
    const afterUs = this.latencyUs(link) + this.latencyUs(link)
    if (engine.nowUs + afterUs < connection.lastArrivalUs) engine.met("frameReordered")
    engine.plan(afterUs, new Arrival(this, connection, frame, bytes))
  }

  arrived(connection: Connection, frame: PeerFrame): void {
    if (!connection.alive) return
    const { from, to } = connection
    if (to.paused) {
      to.holdFrame(() => this.arrived(connection, frame))
      return
    }
    connection.waitingSinceUs = 0
    for (const observer of this.engine.observers) observer.received?.(to.broker, from.id, frame)
    to.enter((node, nowMs) => node.peerFrame(from.id, frame, nowMs))
  }

  // ---- dialling

  /** A process that starts dials everybody; links to its predecessor are reset when they speak. */
  started(id: number): void {
    for (const link of this.all()) {
      if (link.from === id) {
        link.backOffUs = 0
        this.dial(link, 0)
      } else if (link.to === id && link.state === "up") {
        // It was dead without a sign; now somebody answers who knows nothing of the connection.
        this.engine.act(this.latencyUs(link), () => this.close(link, false))
      }
    }
  }

  dial(link: Link, afterUs: number): void {
    const process = this.hosts.process(link.from)
    if (process === undefined || link.state !== "down") return
    const attempt = ++link.attempt
    this.engine.act(afterUs, () => {
      if (process.dead || link.attempt !== attempt || link.state !== "down") return
      link.state = "dialling"
      link.dialledUs = this.engine.nowUs
      this.engine.act(this.latencyUs(link) + this.latencyUs(link), () => {
        if (this.isCurrent(link, process, attempt)) this.opened(link, process, attempt)
      })
    })
  }

  private isCurrent(link: Link, process: SimProcess, attempt: number): boolean {
    return !process.dead && link.attempt === attempt && link.state === "dialling"
  }

  private opened(link: Link, process: SimProcess, attempt: number): void {
    if (link.cut !== undefined || !this.hosts.hasPower(link.to)) return
    const target = this.hosts.process(link.to)
    if (target === undefined) return this.close(link, true)
    const hello = process.hello(link.to)
    this.engine.act(this.latencyUs(link), () => {
      if (link.cut === undefined) this.greeted(link, process, target, hello, attempt)
    })
  }

  private greeted(
    link: Link,
    process: SimProcess,
    target: SimProcess,
    hello: Hello,
    attempt: number,
  ): void {
    if (target.dead) {
      if (this.isCurrent(link, process, attempt)) this.close(link, false)
      return
    }
    if (target.paused) {
      target.holdFrame(() => this.greeted(link, process, target, hello, attempt))
      return
    }
    hashFrame(this.engine.hash, hello)
    const admission = target.enter((node, nowMs) => node.peerHello(process.id, hello, nowMs))
    if (admission?._tag !== "ok") {
      const reason = admission?.reason ?? "stopped"
      this.engine.line(target.name, `warn peer link from ${process.id} refused: ${reason}`)
      if (this.isCurrent(link, process, attempt)) this.close(link, false)
      return
    }
    for (const observer of this.engine.observers) observer.greeted?.(target.broker, process.name)
    const connection = new Connection(process, target)
    const older = this.inbound[target.id]?.[process.id]
    if (older !== undefined) older.alive = false
    this.inbound[target.id]![process.id] = connection
    const answer = target.hello(process.id)
    this.engine.act(this.latencyUs(link), () => {
      if (link.cut === undefined) this.connected(link, connection, answer, attempt)
    })
  }

  private connected(link: Link, connection: Connection, hello: Hello, attempt: number): void {
    const { from } = connection
    if (!this.isCurrent(link, from, attempt)) {
      connection.alive = false
      return
    }
    if (from.paused) {
      from.holdFrame(() => this.connected(link, connection, hello, attempt))
      return
    }
    if (!connection.alive) return this.close(link, false)
    link.state = "up"
    link.connection = connection
    const admission = from.enter((node, nowMs) => node.peerConnected(link.to, hello, nowMs))
    if (admission?._tag !== "ok") {
      if (link.state === "up") link.state = "dialling"
      return this.close(link, false)
    }
    for (const observer of this.engine.observers) {
      observer.greeted?.(from.broker, connection.to.name)
    }
    link.backOffUs = 0
  }

  /** The dialler's end is gone: it is told, and dials again. */
  close(link: Link, refused: boolean): void {
    const process = this.hosts.process(link.from)
    if (link.state === "down" || process === undefined) return
    if (process.paused) {
      process.holdFrame(() => this.close(link, refused))
      return
    }
    const wasUp = link.state === "up"
    if (link.connection !== undefined) link.connection.alive = false
    link.connection = undefined
    link.state = "down"
    link.attempt++
    process.enter((node, nowMs) => node.peerClosed(link.to, refused, nowMs))
    let waitUs = 0
    if (!wasUp) {
      const backOffUs = Math.max(link.backOffUs, backOffFirstUs)
      waitUs = Math.floor((backOffUs * (768 + link.prng.below(512))) / 1024)
      link.backOffUs = Math.min(backOffMaxUs, Math.floor(backOffUs * 1.6))
    }
    this.dial(link, waitUs)
  }

  /** Every tick of that process: links on which nothing comes back are given up. */
  sweep(from: number): void {
    const row = this.links[from] ?? []
    for (const link of row) {
      if (link.state === "down") continue
      const { nowUs } = this.engine
      if (link.state === "dialling") {
        if (nowUs - link.dialledUs >= silenceUs) this.close(link, false)
        continue
      }
      const sinceUs = link.connection?.waitingSinceUs ?? 0
      if (sinceUs > 0 && nowUs - sinceUs >= silenceUs) this.close(link, false)
    }
  }

  /**
   * A process is gone. `silent`: with its machine, so that nobody is told; else its ends of the
   * connections are closed by the kernel, behind what was sent or at once.
   */
  stopped(process: SimProcess, silent: boolean): void {
    // Also those that their diallers do not know of yet.
    for (const connection of this.inbound[process.id] ?? []) {
      if (connection !== undefined) connection.alive = false
    }
    for (const link of this.all()) {
      if (link.from === process.id) {
        const { connection } = link
        // What it sent before may still arrive; nothing follows it.
        if (connection !== undefined && link.prng.below(2) === 0) connection.alive = false
        link.connection = undefined
        link.state = "down"
        link.attempt++
      } else if (link.to === process.id) {
        const { connection } = link
        if (connection !== undefined) connection.alive = false
        if (link.state === "up" && !silent) {
          this.engine.act(this.latencyUs(link), () => {
            if (link.connection === connection) this.close(link, false)
          })
        }
      }
    }
  }

  // ---- faults

  /** What is on the way is lost, and the sender is told. */
  reset(from: number, to: number): void {
    const link = this.link(from, to)
    if (link.connection !== undefined) link.connection.alive = false
    this.close(link, false)
  }

  /** `by`: whose cut it is; it ends with `healCutsOf`, unless somebody else has cut since. */
  cut(from: number, to: number, mode: CutMode, by?: object): void {
    if (from === to) return
    const link = this.link(from, to)
    link.cut = mode
    link.cutBy = by
  }

  healCutsOf(by: object): void {
    for (const link of this.all()) if (link.cutBy === by) this.heal(link.from, link.to)
  }

  heal(from: number, to: number): void {
    const link = this.link(from, to)
    if (link.cut === undefined) return
    link.cut = undefined
    link.cutBy = undefined
    const { connection } = link
    if (connection?.broken === true || link.state === "dialling") return this.reset(from, to)
    if (connection === undefined) return
    const { held } = connection
    connection.held = []
    for (const frame of held) this.carry(link, connection, frame)
  }

  healAll(): void {
    for (const link of this.all()) {
      link.cloggedUntilUs = 0
      link.slowUntilUs = 0
      this.heal(link.from, link.to)
    }
  }
}

function recoded(frame: PeerFrame, { from, to }: Connection): PeerFrame {
  const bytes = Buffer.concat(encodePeerFrame(frame)).subarray(4)
  return decodePeerFrame(bytes, { fromMember: from.member, toMember: to.member })
}
