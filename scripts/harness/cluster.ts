import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connect } from "node:net"
import type { Subprocess } from "bun"
import { freePortBlock } from "./ports.ts"
import { flags } from "./run.ts"
import { target as defaultTarget, type Target } from "./target.ts"
import { until } from "./until.ts"

/**
 * A whole cluster in child processes, as a user starts it: driven by its command line, signals and
 * files alone.
 */

export interface ClusterOptions {
  readonly nodes?: number
  /** Left where it is when given; otherwise a temporary folder that `dispose` removes. */
  readonly dir?: string
  readonly port?: number
  readonly settings?: Readonly<Record<string, string>>
  readonly target?: Target
}

export interface Broker {
  readonly id: number
  readonly port: number
  readonly dir: string
}

type Child = Subprocess<"ignore", "pipe", "pipe">

/** What a stop that nobody awaited would leave behind. */
const alive = new Set<Cluster>()
process.on("exit", () => {
  for (const cluster of alive) cluster.killEverything()
})

/** False for a process that has ended, also before its parent has taken note. */
export function isRunning(pid: number): boolean {
  try {
    // A process that ended but was not reaped yet still answers signal 0; its state is Z.
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    try {
      process.kill(pid, 0)
      return process.platform !== "linux"
    } catch {
      return false
    }
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" })
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}

/**
 * Keeps the last lines of a child for the error message, and tells when one starts with `ready`.
 */
class Output {
  readonly lines: Array<string> = []
  readonly ready: Promise<boolean>

  constructor(child: Child) {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    this.ready = promise
    void this.read(child.stdout, (line) => {
      if (line.startsWith("ready")) resolve(true)
    }).finally(() => resolve(false))
    void this.read(child.stderr, () => {})
  }

  private async read(stream: ReadableStream<Uint8Array>, onLine: (line: string) => void) {
    const decoder = new TextDecoder()
    let rest = ""
    for await (const chunk of stream) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n")
      rest = parts.pop() ?? ""
      for (const line of parts) {
        this.lines.push(line)
        if (this.lines.length > 200) this.lines.shift()
        onLine(line)
      }
    }
  }

  get tail(): string {
    return this.lines.slice(-25).join("\n")
  }
}

export class Cluster {
  readonly brokers: ReadonlyArray<Broker>
  readonly target: Target
  readonly dir: string
  private readonly ownsDir: boolean
  private readonly options: ClusterOptions
  private readonly port: number
  private supervisor: Child | undefined
  private supervisorOutput: Output | undefined
  /**
   * Brokers that `startBroker` brought back: they are children of this process, not of the
   * supervisor.
   */
  private readonly restarted = new Map<number, Child>()

  private constructor(options: ClusterOptions, port: number) {
    this.options = options
    this.target = options.target ?? defaultTarget
    this.port = port
    this.ownsDir = options.dir === undefined
    this.dir = options.dir ?? mkdtempSync(join(tmpdir(), "varve-cluster-"))
    this.brokers = Array.from({ length: options.nodes ?? 3 }, (_, id) => ({
      id,
      port: port + id,
      dir: join(this.dir, `broker-${id}`),
    }))
  }

  /** Starts a cluster and waits for its `ready`. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const count = options.nodes ?? 3
    const cluster = new Cluster(options, options.port ?? (await freePortBlock(2 * count)))
    alive.add(cluster)
    try {
      await cluster.up()
    } catch (error) {
      await cluster.dispose()
      throw error
    }
    return cluster
  }

  get bootstrap(): string {
    return this.brokers.map((broker) => `127.0.0.1:${broker.port}`).join(",")
  }

  get bootstrapList(): Array<string> {
    return this.bootstrap.split(",")
  }

  broker(id: number): Broker {
    const broker = this.brokers[id]
    if (broker === undefined) throw new Error(`no broker ${id} in this cluster`)
    return broker
  }

  /**
   * Starts the cluster command on the folder; also again after `stop` or `killAll`. Gives the time
   * to `ready`.
   */
  async up(): Promise<number> {
    const settings = Object.entries(this.options.settings ?? {})
    const nodes = this.brokers.length
    const started = performance.now()
    const child = Bun.spawn(
      [
        ...this.target.cluster,
        ...flags({ nodes, dir: this.dir, port: this.port, "http-port": this.port + nodes }),
        ...settings.flatMap(([key, value]) => ["--set", `${key}=${value}`]),
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    )
    this.supervisor = child
    this.supervisorOutput = new Output(child)
    const ready = await Promise.race([
      this.supervisorOutput.ready,
      Bun.sleep(this.target.startTimeoutMs).then(() => false),
    ])
    if (!ready) {
      child.kill("SIGKILL")
      throw new Error(`the cluster did not become ready:\n${this.supervisorOutput.tail}`)
    }
    return performance.now() - started
  }

  pidOf(id: number): number {
    return Number(readFileSync(join(this.broker(id).dir, "broker.pid"), "utf8").trim())
  }

  isUp(id: number): boolean {
    try {
      return isRunning(this.pidOf(id))
    } catch {
      return false
    }
  }

  /** Sends a signal; for SIGKILL returns once the process is gone. */
  async signal(id: number, name: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): Promise<void> {
    const pid = this.pidOf(id)
    process.kill(pid, name)
    if (name === "SIGKILL" || name === "SIGTERM") {
      await until(`broker ${id} (pid ${pid}) to end`, () => !isRunning(pid), { everyMs: 5 })
    }
  }

  async kill(...ids: ReadonlyArray<number>): Promise<void> {
    await Promise.all(ids.map((id) => this.signal(id, "SIGKILL")))
  }

  /** Brings one broker back and waits until it takes connections. */
  async startBroker(id: number): Promise<void> {
    const child = Bun.spawn([...this.target.start(this.broker(id).dir)], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    })
    this.restarted.set(id, child)
    const output = new Output(child)
    const patience = { timeoutMs: this.target.startTimeoutMs }
    let ready = !this.target.startSaysReady
    void output.ready.then((value) => (ready = value))
    try {
      await until(
        `broker ${id} to come back`,
        async () => ready && (await answers(this.broker(id).port)),
        patience,
      )
    } catch (error) {
      throw new Error(`${String(error)}\n${output.tail}`, { cause: error })
    }
  }

  /**
   * SIGTERM to the cluster command, as a user's Ctrl-C would; gives its exit code. Nothing may be
   * left running.
   */
  async stop(): Promise<number> {
    const child = this.supervisor
    if (child === undefined) return 0
    const pids = this.runningPids()
    child.kill("SIGTERM")
    const code = await child.exited
    for (const own of this.restarted.values()) {
      if (own.exitCode === null && this.target.name === "kafka") own.kill("SIGTERM")
    }
    await until("every broker to end with its cluster", () => !pids.some(isRunning), {
      timeoutMs: 30_000,
    })
    this.supervisor = undefined
    this.restarted.clear()
    return code
  }

  /**
   * SIGKILL to every broker at once; then the supervisor, which has nothing left to supervise, is
   * stopped.
   */
  async killAll(): Promise<void> {
    await this.kill(...this.brokers.map((b) => b.id).filter((id) => this.isUp(id)))
    this.supervisor?.kill("SIGTERM")
    await this.supervisor?.exited
    this.supervisor = undefined
    this.restarted.clear()
  }

  /** Ends everything and removes the folder, if it was made here. */
  async dispose(): Promise<void> {
    this.killEverything()
    await this.supervisor?.exited
    await until("killed brokers to end", () => this.runningPids().length === 0).catch(() => {})
    alive.delete(this)
    if (this.ownsDir) rmSync(this.dir, { recursive: true, force: true })
  }

  killEverything(): void {
    this.supervisor?.kill("SIGKILL")
    for (const pid of this.runningPids()) {
      try {
        process.kill(pid, "SIGKILL")
      } catch {
        // It ended by itself in between.
      }
    }
  }

  /** The end of what the brokers and the supervisor said, for a failing test's message. */
  get tail(): string {
    return this.supervisorOutput?.tail ?? ""
  }

  private runningPids(): Array<number> {
    return this.brokers.filter((b) => this.isUp(b.id)).map((b) => this.pidOf(b.id))
  }
}
