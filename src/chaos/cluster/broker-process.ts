/** One broker as a process that is started, hurt and started again. */
import { closeSync } from "node:fs"
import { connect } from "node:net"
import type { Subprocess } from "bun"
import type { Endpoint, SignalName } from "../cluster.ts"
import { OutputFile } from "./output-file.ts"
import type { ProcessGuard } from "./process-guard.ts"
import { processState, sendSignal } from "./process-state.ts"

export interface BrokerCommand {
  readonly words: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
}

export interface BrokerProcessOptions {
  readonly id: number
  readonly guard: ProcessGuard
  /** Where it takes connections. */
  readonly probe: Endpoint
  /** What it says on standard output and error, of all its starts. */
  readonly outputFile: string
  /** It has ended; `expected`: by a signal of ours. */
  readonly ended: (how: string, expected: boolean) => void
}

const pollMs = 5
const readyPollMs = 20
/** Until a signal has had its effect. */
const signalTimeoutMs = 30_000
const tailLines = 15

export class BrokerProcess {
  private readonly options: BrokerProcessOptions
  private readonly output: OutputFile
  private child: Subprocess<"pipe"> | undefined
  private isExpectedToEnd = false
  private exit: string | undefined
  private starts = 0

  constructor(options: BrokerProcessOptions) {
    this.options = options
    this.output = new OutputFile(options.outputFile)
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Of the last that ended: "SIGKILL", "exit code 1". */
  get lastExit(): string | undefined {
    return this.exit
  }

  /** Throws when there is one already. */
  spawn({ words, env }: BrokerCommand): void {
    const { id, guard, ended } = this.options
    if (this.child !== undefined) throw new Error(`broker ${id} runs already`)
    const output = this.output.open(`start ${++this.starts}: ${words.join(" ")}`)
    this.isExpectedToEnd = false
    const child = Bun.spawn([...words], {
      env: { ...process.env, ...env },
      // Its end is ours: a broker that is told so stops when it is gone.
      stdin: "pipe",
      stdout: output,
      stderr: output,
      detached: true,
      onExit: (over, code) => {
        if (this.child !== over) return
        this.child = undefined
        guard.remove(over.pid)
        const how = code === null ? String(over.signalCode) : `exit code ${code}`
        this.exit = how
        ended(how, this.isExpectedToEnd)
      },
    })
    closeSync(output)
    this.child = child
    guard.add(child.pid)
  }

  /**
   * Until it takes connections. Rejects with its last lines when it ends before, or after
   * `timeoutMs`.
   */
  async untilListening(timeoutMs: number): Promise<void> {
    const { child } = this
    const { id, probe } = this.options
    const deadlineMs = performance.now() + timeoutMs
    while (!(await takesConnections(probe))) {
      this.mustBeThere(child, "before it took connections")
      if (performance.now() > deadlineMs) {
        throw this.failure(`broker ${id} took no connections within ${timeoutMs} ms`)
      }
      await Bun.sleep(pollMs)
    }
    this.mustBeThere(child, "as soon as it took connections")
  }

  /** Until it has said so on its output; rejects as `untilListening` does. */
  async untilSaid(line: RegExp, deadlineMs: number): Promise<void> {
    const { child } = this
    while (!this.output.has(line)) {
      this.mustBeThere(child, "before it was ready")
      if (performance.now() > deadlineMs) {
        throw this.failure(`broker ${this.options.id} did not become ready in time`)
      }
      await Bun.sleep(readyPollMs)
    }
  }

  /** Resolves when the signal has had its effect. Rejects when there is no process. */
  async signal(name: SignalName): Promise<void> {
    const { child } = this
    const { id } = this.options
    if (child === undefined) throw new Error(`${name}: broker ${id} is down`)
    const ends = name === "SIGKILL" || name === "SIGTERM"
    if (ends) this.isExpectedToEnd = true
    sendSignal(child.pid, name)
    const reached = (): boolean => {
      if (ends) return this.child !== child
      const state = processState(child.pid)
      return state === "gone" || (state === "stopped") === (name === "SIGSTOP")
    }
    const deadlineMs = performance.now() + signalTimeoutMs
    while (!reached()) {
      if (performance.now() > deadlineMs) {
        throw new Error(`${name} had no effect on broker ${id} within ${signalTimeoutMs} ms`)
      }
      await Bun.sleep(pollMs)
    }
    if (!ends && this.child !== child) throw new Error(`${name}: broker ${id} has ended`)
  }

  /** Kills it, if it is there, and waits. */
  async dispose(): Promise<void> {
    const { child } = this
    if (child === undefined) return
    this.isExpectedToEnd = true
    child.kill("SIGKILL")
    await child.exited
  }

  private mustBeThere(child: Subprocess<"pipe"> | undefined, when: string): void {
    if (child !== undefined && this.child === child) return
    throw this.failure(`broker ${this.options.id} ended (${this.exit ?? "?"}) ${when}`)
  }

  private failure(what: string): Error {
    return new Error(`${what}; its last lines:\n${this.output.lastLines(tailLines)}`)
  }
}

/** Whether somebody listens there. */
function takesConnections({ host, port }: Endpoint): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })
}
