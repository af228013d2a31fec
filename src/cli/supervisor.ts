/**
 * Starts the brokers of one cluster, says when all serve, and stops them. Each runs in a session of
 * its own, so that a Ctrl-C in the terminal reaches only the supervisor; each holds the reading end
 * of a pipe whose writing end is ours, so that it notices when the supervisor is gone, however it
 * went.
 */
import { readFileSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Subprocess } from "bun"
import type { BrokerFolder, ClusterPlan } from "./cluster-folder.ts"
import { programModule } from "./program.ts"
import { commandOf, isAlive } from "./processes.ts"

type BrokerProcess = Subprocess<"pipe", "pipe", "inherit">

/**
 * A signal so soon after the first is the same Ctrl-C, forwarded by npm as well as sent by the
 * terminal.
 */
const sameSignalMs = 2000
/** A broker that does not stop within this time is killed. */
const stopMs = 8000
const restartFirstMs = 200
const idleTimerMs = 60_000
const restartMaxMs = 5000

export class Supervisor {
  private readonly plan: ClusterPlan
  private readonly folders: ReadonlyArray<BrokerFolder>
  private readonly restart: boolean
  private readonly processes = new Map<number, BrokerProcess>()
  private readonly serving = new Set<number>()
  private readonly restartMs = new Map<number, number>()
  private announced = false
  private stopping = false
  private firstSignalMs = 0
  private ended: (code: number) => void = () => {}

  constructor(plan: ClusterPlan, folders: ReadonlyArray<BrokerFolder>, restart: boolean) {
    this.plan = plan
    this.folders = folders
    this.restart = restart
  }

  /**
   * Ends the process: 0 after a signal and a clean stop, 1 when a broker ended before all served.
   */
  async run(): Promise<never> {
    const code = new Promise<number>((resolve) => {
      this.ended = resolve
    })
    for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
    process.on("SIGINT", () => this.signalled())
    process.on("SIGTERM", () => this.signalled())
    process.on("SIGHUP", () => this.signalled())
    for (const folder of this.folders) this.spawn(folder)
    // With no broker left and nothing to wait for, Bun would poll without pause for the promise.
    setInterval(() => {}, idleTimerMs)
    process.exit(await code)
  }

  private spawn(folder: BrokerFolder): void {
    const sets = Object.entries(this.plan.sets).flatMap(([key, value]) => [
      "--set",
      `${key}=${value}`,
    ])
    const entry = programModule("start")
    const broker: BrokerProcess = Bun.spawn(
      [process.execPath, entry, "--config", folder.config, "--supervised", ...sets],
      { stdin: "pipe", stdout: "pipe", stderr: "inherit", detached: true },
    )
    this.processes.set(folder.nodeId, broker)
    writeFileSync(join(folder.dir, "broker.pid"), `${broker.pid}\n`)
    void this.watchReady(folder, broker)
    void broker.exited.then(() => this.exited(folder, broker))
  }

  private async watchReady(folder: BrokerFolder, broker: BrokerProcess): Promise<void> {
    let text = ""
    for await (const chunk of broker.stdout) {
      if (text.includes("ready")) continue
      text += Buffer.from(chunk).toString()
      if (!/^ready/m.test(text)) continue
      this.serving.add(folder.nodeId)
      this.restartMs.delete(folder.nodeId)
      this.announce()
    }
  }

  private announce(): void {
    if (this.announced || this.stopping || this.serving.size < this.folders.length) return
    this.announced = true
    const { port, httpPort, dir, nodes } = this.plan
    const kafka = this.folders.map((f) => `127.0.0.1:${port + f.nodeId}`).join(",")
    process.stdout.write(
      `ready: ${nodes} ${nodes === 1 ? "broker" : "brokers"} on ${kafka}, ` +
        `HTTP from 127.0.0.1:${httpPort}, data in ${dir}\n`,
    )
  }

  private exited(folder: BrokerFolder, broker: BrokerProcess): void {
    if (this.processes.get(folder.nodeId) !== broker) return
    this.processes.delete(folder.nodeId)
    if (this.stopping) return
    const how = broker.signalCode ?? `exit code ${broker.exitCode}`
    this.say(`broker ${folder.nodeId} ended (${how}); its log: ${join(folder.dir, "broker.log")}`)
    if (!this.announced) {
      void this.stop(broker.exitCode === 2 ? 2 : 1)
    } else if (this.restart) {
      const waitMs = this.restartMs.get(folder.nodeId) ?? restartFirstMs
      this.restartMs.set(folder.nodeId, Math.min(restartMaxMs, waitMs * 2))
      setTimeout(() => {
        if (!this.stopping) this.spawn(folder)
      }, waitMs)
    }
  }

  private signalled(): void {
    const nowMs = performance.now()
    if (!this.stopping) {
      this.firstSignalMs = nowMs
      void this.stop(0)
    } else if (this.firstSignalMs > 0 && nowMs - this.firstSignalMs > sameSignalMs) {
      for (const pid of this.livePids()) kill(pid, "SIGKILL")
      process.exit(137)
    }
  }

  /**
   * Every broker with a live pid in DIR, whoever started it; killed when it does not go in time.
   */
  private async stop(code: number): Promise<void> {
    if (this.stopping) return
    this.stopping = true
    const pids = this.livePids()
    for (const pid of pids) kill(pid, "SIGTERM")
    const killAtMs = performance.now() + stopMs
    let killed = false
    while (pids.some(isAlive)) {
      if (!killed && performance.now() > killAtMs) {
        killed = true
        for (const pid of pids.filter(isAlive)) {
          this.say(`process ${pid} did not stop within ${stopMs} ms and is killed`)
          kill(pid, "SIGKILL")
        }
      }
      await Bun.sleep(10)
    }
    this.ended(code)
  }

  private livePids(): ReadonlyArray<number> {
    const pids = new Set<number>()
    for (const broker of this.processes.values()) pids.add(broker.pid)
    for (const name of folderNames(this.plan.dir)) {
      if (!/^broker-\d+$/.test(name)) continue
      const pid = readPid(join(this.plan.dir, name, "broker.pid"))
      // Pids are used again: only what was started as this broker is stopped.
      if (pid !== undefined && /\bstart\b/.test(commandOf(pid))) pids.add(pid)
    }
    return [...pids]
  }

  private say(line: string): void {
    process.stderr.write(`varve cluster: ${line}\n`)
  }
}

/** None when the folder was removed under a running cluster: its brokers stop all the same. */
function folderNames(dir: string): ReadonlyArray<string> {
  try {
    return readdirSync(dir)
  } catch {
    return []
  }
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8").trim())
    return Number.isInteger(pid) && pid > 1 ? pid : undefined
  } catch {
    return undefined
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has gone already.
  }
}
