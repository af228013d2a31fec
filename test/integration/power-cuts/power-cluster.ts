/**
 * Brokers in processes of their own under the shim, each with a record of what its log did to its
 * folder. A cut kills all of them at the same moment and puts in the place of each folder what a
 * disk that lost its power might have of it.
 */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Subprocess } from "bun"
import type { Prng } from "../../../raft/prng.ts"
import { freePortBlock } from "../../../scripts/harness/ports.ts"
import { root } from "../../../scripts/harness/target.ts"
import { until } from "../../../scripts/harness/until.ts"
import { prepareCluster, type BrokerFolder } from "../../../src/cli/cluster-folder.ts"
import { PowerDisk, powerPreload, type Cut } from "../../../src/chaos/disk/power/power-disk.ts"

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
  readonly writes: Cut["writes"]
}

type Process = Subprocess<"pipe", "pipe", "ignore">

const program = join(root, "src", "cli", "start.ts")
const plantPreload = join(root, "src", "chaos", "plants", "preload.ts")

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

  async dispose(): Promise<void> {
    await this.kill()
    for (const broker of this.brokers) broker.forget()
  }
}

class PowerBroker {
  readonly folder: BrokerFolder
  readyMs = 0
  private readonly options: PowerClusterOptions
  private readonly disk: PowerDisk
  private process: Process | undefined
  private ready: Promise<boolean> = Promise.resolve(false)
  private linesSeen = 0

  constructor(folder: BrokerFolder, options: PowerClusterOptions) {
    this.folder = folder
    this.options = options
    this.disk = new PowerDisk({
      dir: folder.dir,
      record: join(options.dir, `record-${folder.nodeId}`),
      library: options.library,
      slowUs: 4000,
    })
  }

  spawn(losses: "refused" | "accepted"): void {
    const { plant, segmentBytes } = this.options
    const env = this.disk.begin()
    const plantPreloads = plant === undefined ? [] : ["--preload", plantPreload]
    const startedMs = performance.now()
    const flags = losses === "accepted" ? ["--accept-data-loss"] : []
    const child = Bun.spawn(
      [process.execPath, ...plantPreloads, "--preload", powerPreload, program].concat(
        "--config",
        this.folder.config,
        "--supervised",
        flags,
      ),
      {
        env: {
          ...process.env,
          ...env,
          ...(plant === undefined ? {} : { CHAOS_PLANT: plant }),
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
    return this.disk.cut(prng, inOrder).unsynced
  }

  forget(): void {
    this.disk.end()
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
