/**
 * Brokers in processes of their own under the shim, each with a record of what its log did to its
 * folder. A cut kills all of them at the same moment and puts in the place of each folder what a
 * disk that lost its power might have of it.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs"
import { writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Subprocess } from "bun"
import type { Prng } from "../../../raft/prng.ts"
import { freePortBlock } from "../../../scripts/harness/ports.ts"
import { root } from "../../../scripts/harness/target.ts"
import { until } from "../../../scripts/harness/until.ts"
import { prepareCluster, type BrokerFolder } from "../../../src/cli/cluster-folder.ts"
import { DiskImage, readRecord } from "../../storage/shim/image.ts"

export interface PowerClusterOptions {
  /** Of the shim. */
  readonly library: string
  /** Where the folders and records are; emptied by nobody but its owner. */
  readonly dir: string
  readonly nodes?: number
  /** A file of the log is left for the next one at this size. */
  readonly segmentBytes?: number
  /** A bug of the project's list. */
  readonly plant?: string
  readonly readyTimeoutMs?: number
}

/** What a cut left of all brokers' disks. */
export interface CutReport {
  /** Changes that no fsync had covered, of all brokers. */
  readonly unsynced: number
  /** "in order": of each file the first few; else any sectors. */
  readonly writes: "in order" | "torn"
}

type Process = Subprocess<"pipe", "pipe", "ignore">

/**
 * Not part of a disk image: what a process leaves for people, and what is there only to take room.
 */
const isOutside = (name: string) =>
  name.endsWith("-shm") || /^(broker\.(log(\.1)?|pid)|lock\.pid|reserve)$/.test(name)

const program = join(root, "src", "cli", "start.ts")
const preload = join(root, "test", "storage", "shim", "preload.ts")

export class PowerCluster {
  readonly bootstrapList: Array<string>
  private readonly options: PowerClusterOptions
  private readonly brokers: ReadonlyArray<PowerBroker>

  private constructor(options: PowerClusterOptions, port: number) {
    const nodes = options.nodes ?? 3
    this.options = options
    const sets = { "varve.disk.reserve.bytes": "1048576" }
    const plan = { dir: options.dir, nodes, port, httpPort: port + nodes, sets }
    this.brokers = prepareCluster(plan).map((folder) => new PowerBroker(folder, options))
    this.bootstrapList = this.brokers.map((_, id) => `127.0.0.1:${port + id}`)
  }

  static async prepare(options: PowerClusterOptions): Promise<PowerCluster> {
    return new PowerCluster(options, await freePortBlock(2 * (options.nodes ?? 3)))
  }

  /** Spawns all; does not wait. "accepted": they are told to go on without what is lost. */
  spawn(losses: "refused" | "accepted" = "refused"): void {
    for (const broker of this.brokers) broker.spawn(losses)
  }

  /** Kills all and leaves their folders as they are. */
  async kill(): Promise<void> {
    // The signals first, all of them: nothing runs between them.
    for (const broker of this.brokers) broker.kill()
    await Promise.all(this.brokers.map((broker) => broker.ended()))
  }

  /** Until every broker has said so; the time since the first was spawned. */
  async untilReady(timeoutMs = this.options.readyTimeoutMs ?? 30_000): Promise<number> {
    const ready = await Promise.all(this.brokers.map((broker) => broker.isReady(timeoutMs)))
    if (!ready.every(Boolean)) {
      const lines = this.newLines().join("\n")
      throw new Error(`ready after ${timeoutMs} ms: ${ready.join(", ")}; they say:\n${lines}`)
    }
    return Math.max(...this.brokers.map((broker) => broker.readyMs))
  }

  async cut(prng: Prng): Promise<CutReport> {
    await this.kill()
    const inOrder = prng.below(3) === 0
    let unsynced = 0
    for (const broker of this.brokers) unsynced += broker.cut(prng, inOrder)
    return { unsynced, writes: inOrder ? "in order" : "torn" }
  }

  /** Lines that the logs of all brokers have since this was called last. */
  newLines(): ReadonlyArray<string> {
    return this.brokers.flatMap((broker) => broker.newLines())
  }

  dispose(): Promise<void> {
    return this.kill()
  }
}

class PowerBroker {
  readonly folder: BrokerFolder
  readyMs = 0
  private readonly options: PowerClusterOptions
  private readonly record: string
  /** As they were when it was spawned. */
  private files: ReadonlyMap<string, Buffer> = new Map()
  /** What the last cut left; undefined: whatever there is now. */
  private left: ReadonlyMap<string, Buffer> | undefined
  private image = new DiskImage()
  private process: Process | undefined
  private ready: Promise<boolean> = Promise.resolve(false)
  private linesSeen = 0

  constructor(folder: BrokerFolder, options: PowerClusterOptions) {
    this.folder = folder
    this.options = options
    this.record = join(options.dir, `record-${folder.nodeId}`)
  }

  spawn(losses: "refused" | "accepted"): void {
    const { library, plant, segmentBytes } = this.options
    rmSync(this.record, { force: true })
    this.image = new DiskImage()
    this.files = this.left ?? filesIn(this.folder.dir)
    this.left = undefined
    for (const [path, bytes] of this.files) this.image.present(path, statSync(path).ino, bytes)
    const startedMs = performance.now()
    const flags = losses === "accepted" ? ["--accept-data-loss"] : []
    const child = Bun.spawn(
      [process.execPath, "--preload", preload, program].concat(
        "--config",
        this.folder.config,
        "--supervised",
        flags,
      ),
      {
        env: {
          ...process.env,
          LD_PRELOAD: library,
          POWER_LIBRARY: library,
          POWER_DIR: this.folder.dir,
          POWER_LOG: this.record,
          // Else hardly a cut comes between a write and its fsync.
          POWER_SLOW: "4000",
          ...(plant === undefined ? {} : { POWER_PLANT: plant }),
          ...(segmentBytes === undefined ? {} : { POWER_SEGMENT_BYTES: String(segmentBytes) }),
        },
        stdin: "pipe",
        stdout: "pipe",
        stderr: "ignore",
      },
    )
    this.process = child
    this.ready = saysReady(child).then((ready) => {
      this.readyMs = performance.now() - startedMs
      return ready
    })
  }

  isReady(timeoutMs: number): Promise<boolean> {
    return Promise.race([this.ready, Bun.sleep(timeoutMs).then(() => false)])
  }

  kill(): void {
    this.process?.kill("SIGKILL")
  }

  async ended(): Promise<void> {
    await this.process?.exited
    this.process = undefined
  }

  /** Puts what the cut leaves in place; how many changes were not fsynced. */
  cut(prng: Prng, inOrder: boolean): number {
    for (const event of readRecord(this.record)) this.image.apply(event)
    const unsynced = this.image.pending
    const left = inOrder ? this.image.cutInOrder(prng) : this.image.cut(prng)
    const { dir } = this.folder
    for (const name of namesIn(dir)) {
      const path = join(dir, name)
      if (!left.has(path) || left.get(path) !== this.files.get(path)) rmSync(path)
    }
    for (const name of readdirSync(dir).filter((other) => other.endsWith("-shm"))) {
      rmSync(join(dir, name))
    }
    for (const [path, bytes] of left) {
      if (existsSync(path)) continue
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, bytes)
    }
    this.left = left
    return unsynced
  }

  newLines(): ReadonlyArray<string> {
    const lines = this.lines()
    const fresh = lines.slice(this.linesSeen)
    this.linesSeen = lines.length
    return fresh
  }

  private lines(): ReadonlyArray<string> {
    const path = join(this.folder.dir, "broker.log")
    return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : []
  }
}

function filesIn(dir: string): ReadonlyMap<string, Buffer> {
  const paths = namesIn(dir).map((name) => join(dir, name))
  return new Map(paths.map((path) => [path, readFileSync(path)]))
}

const namesIn = (dir: string) => readdirSync(dir).filter((name) => !isOutside(name))

async function saysReady(child: Process): Promise<boolean> {
  let text = ""
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString()
    if (/^ready/m.test(text)) return true
  }
  return false
}

/** Loads that write on must have been heard after a cut before the next one is worth anything. */
export const untilHeard = (what: string, condition: () => boolean) =>
  until(what, condition, { timeoutMs: 60_000, everyMs: 5 })
