/** One broker of the world: a machine with a disk and a clock, and the process on it, if any. */
import type { Prng } from "../../raft/prng.ts"
import type { Wal } from "../../storage/wal.ts"
import type { ProcessClock } from "../broker/clock.ts"
import type { BrokerNode } from "../node/broker-node.ts"
import type {
  DiskIdentity,
  LogLevel,
  NodePorts,
  NodeSettings,
  RequestAnswer,
} from "../node/node.ts"
import { MachineClock } from "./clock.ts"
import { SimDisk } from "./disk.ts"
import type { Engine } from "./engine.ts"
import type { Network } from "./network.ts"
import type { DiskOptions } from "./options.ts"
import { SimProcess } from "./process.ts"
import { hexId } from "./random.ts"
import type { Waiting } from "./requests.ts"
import type { SubjectBroker } from "./subject.ts"

/** Where a process may be crashed exactly: behind its next commit, fsync or frame. */
export type CrashPoint = "commit" | "sync" | "send"

export interface BrokerParts {
  readonly engine: Engine
  readonly clusterId: string
  readonly settings: NodeSettings
  readonly disk: DiskOptions
  readonly driftPpm: number
  readonly turnUs: number
  readonly founders: () => ReadonlyArray<DiskIdentity>
  readonly network: () => Network
  readonly anybodyRuns: () => boolean
  /** A process is about to begin: nobody has looked at its disk yet. */
  readonly starting: (broker: SimBroker) => void
  /** A process is about to end: the last look at what it knows. */
  readonly leaving: () => void
  readonly answered: (broker: SimBroker, token: number, answer: RequestAnswer) => void
  /** Its process is gone, and with it every connection to it. */
  readonly disconnected: (broker: SimBroker) => void
}

export class SimBroker implements SubjectBroker {
  readonly id: number
  readonly disk: SimDisk
  readonly clock: MachineClock
  /** Of the machine: ids, moments. */
  readonly prng: Prng
  /** Requests that wait for their answers. */
  readonly answers = new Map<number, Waiting>()
  diskUuid: string
  starts = 0
  process: SimProcess | undefined
  /** False from a power cut to the next start: nobody even refuses. */
  hasPower = true
  stoppedUs = 0
  /** Once, when the process is gone for whatever reason. */
  whenStopped: (() => void) | undefined
  private doomed = false
  private armed: { readonly at: CrashPoint; skip: number; readonly crash: () => void } | undefined
  private readonly parts: BrokerParts

  constructor(id: number, parts: BrokerParts) {
    const { engine } = parts
    this.id = id
    this.parts = parts
    this.prng = engine.stream(`broker ${id}`)
    this.diskUuid = hexId(this.prng)
    this.clock = new MachineClock(() => engine.nowUs, parts.driftPpm)
    this.disk = new SimDisk(engine, parts.disk, String(id), {
      wrote: (commit, writes) => {
        for (const observer of engine.observers) observer.wrote?.(this, commit, writes)
        this.reached("commit")
      },
      compacted: (group) => {
        for (const observer of engine.observers) observer.compacted?.(this, group)
      },
      rewrote: (group) => {
        for (const observer of engine.observers) observer.rewrote?.(this, group)
      },
    })
  }

  get node(): BrokerNode | undefined {
    return this.process?.node
  }

  get wal(): Wal {
    return this.disk
  }

  get paused(): boolean {
    return this.process?.paused ?? false
  }

  // ---- birth

  start(): void {
    if (this.process !== undefined) throw new Error(`broker ${this.id} runs`)
    const { engine, settings, turnUs } = this.parts
    this.starts++
    this.hasPower = true
    if (this.starts > 1 && engine.nowUs - this.stoppedUs < settings.suspectMs * 1000) {
      engine.met("backBeforeSuspected")
    }
    const name = `${this.id}.${this.starts}`
    this.parts.starting(this)
    for (const line of this.disk.open()) this.log("error", line, name)
    const own = engine.stream(`process ${name}`)
    const clock = this.clock.newProcess()
    const process = new SimProcess({
      engine,
      broker: this,
      options: this.nodeOptions(settings, own),
      ports: this.ports(() => process, clock, name),
      nowMs: () => clock.nowMs(),
      turnUs,
      onTick: () => this.parts.network().sweep(this.id),
    })
    const { refusal } = process.node
    if (refusal !== null) {
      engine.met("refusedToRun")
      this.log("error", refusal, name)
      return
    }
    this.process = process
    for (const observer of engine.observers) observer.started?.(this)
    process.start()
    this.parts.network().started(this.id)
  }

  private nodeOptions(settings: NodeSettings, own: Prng) {
    const founders = this.parts.founders()
    return {
      nodeId: this.id,
      diskUuid: this.diskUuid,
      clusterId: this.parts.clusterId,
      incarnation: hexId(own),
      founders,
      peers: founders
        .filter(({ nodeId }) => nodeId !== this.id)
        .map(({ nodeId, diskUuid }) => ({ nodeId, diskUuids: [diskUuid] })),
      advertised: { host: "127.0.0.1", port: 9092 + this.id, rack: null },
      settings,
      seed: own.nextUint32(),
    }
  }

  private ports(process: () => SimProcess, clock: ProcessClock, name: string): NodePorts {
    return {
      wal: this.disk,
      logDir: () => ({ path: "/simulated", totalBytes: 2 ** 40, usableBytes: 2 ** 39 }),
      sendPeer: (to, frame) => this.parts.network().send(process(), to, frame),
      answer: (token, answer) => {
        if (!this.doomed) this.parts.answered(this, token, answer)
      },
      log: (level, line) => this.log(level, line, name),
      wallMs: () => clock.wallMs(),
    }
  }

  private log(level: LogLevel, line: string, name: string): void {
    this.parts.engine.line(name, `${level} ${line}`)
  }

  // ---- death

  /** SIGKILL, or a power cut (`silent`): `keep` as SimDisk.crash has it. */
  crash(silent: boolean, keep?: number): void {
    const { process } = this
    if (process === undefined) return
    this.parts.engine.hash.text(`crash ${process.name}`)
    this.hasPower = !silent
    this.disk.crash(keep)
    this.gone(process, silent)
  }

  /** An fsync failed: the rim stops the process at once, and nothing it said since leaves. */
  failStop(): void {
    this.parts.engine.line(`${this.id}.${this.starts}`, "error the log failed: fsync")
    this.crash(false)
  }

  /** Ended in order, after the machine said it is done. */
  close(): void {
    const { process } = this
    if (process === undefined) return
    this.parts.engine.hash.text(`close ${process.name}`)
    this.disk.close()
    this.gone(process, false)
  }

  private gone(process: SimProcess, silent: boolean): void {
    const { engine } = this.parts
    this.parts.leaving()
    process.dead = true
    this.process = undefined
    this.armed = undefined
    this.stoppedUs = engine.nowUs
    engine.touch(this.id)
    this.parts.network().stopped(process, silent)
    if (!this.parts.anybodyRuns()) engine.met("allDown")
    for (const observer of engine.observers) observer.stopped?.(this)
    this.parts.disconnected(this)
    const { whenStopped } = this
    this.whenStopped = undefined
    whenStopped?.()
  }

  /** Crash exactly behind the next of these, or behind a later one: so many are let pass. */
  arm(at: CrashPoint, crash: () => void, skip = 0): void {
    this.armed = { at, skip, crash }
  }

  disarm(): void {
    this.armed = undefined
  }

  /**
   * An armed crash has been reached: the process says nothing more, and is gone after this event.
   */
  get isDoomed(): boolean {
    return this.doomed
  }

  reached(point: CrashPoint): void {
    if (this.armed?.at !== point || this.armed.skip-- > 0) return
    const { crash } = this.armed
    const { process } = this
    this.armed = undefined
    this.doomed = true
    this.parts.engine.met(`crashBehind.${point}`)
    this.parts.engine.act(0, () => {
      this.doomed = false
      if (this.process === process) crash()
    })
  }

  /** Another disk under the same broker id. */
  replaceDisk(): void {
    this.diskUuid = hexId(this.prng)
    this.disk.wipe()
    this.parts.engine.met("diskReplaced")
    this.wasDamaged()
  }

  wasDamaged(): void {
    for (const observer of this.parts.engine.observers) observer.damaged?.(this)
  }
}
