/**
 * A client that somebody else wrote, as a child process: begun again whenever it ends by itself,
 * paused by SIGSTOP, gone with this process whatever becomes of it.
 */
import type { Subprocess } from "bun"

export interface Wards {
  /** Kills them when this process is gone, however it went. */
  add(pid: number): void
  remove(pid: number): void
}

export interface ProcessHooks {
  /** What it wrote to its standard output, as it comes. */
  onOutput(chunk: Uint8Array): void
  /** It is there and takes input. */
  onStart(): void
  /** It has ended; what it was asked and did not answer has an unknown outcome. */
  onEnd(how: string): void
}

type Child = Subprocess<"pipe", "pipe", "pipe">

const againAfterMs = 1000
const errorBytesMax = 2000

export class ForeignProcess {
  readonly #command: ReadonlyArray<string>
  readonly #hooks: ProcessHooks
  readonly #wards: Wards
  #child: Child | undefined
  #again: ReturnType<typeof setTimeout> | undefined
  #isRetired = false
  #isPaused = false

  constructor(command: ReadonlyArray<string>, wards: Wards, hooks: ProcessHooks) {
    this.#command = command
    this.#wards = wards
    this.#hooks = hooks
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  start(): void {
    if (this.#isRetired) return
    const child = Bun.spawn([...this.#command], { stdin: "pipe", stdout: "pipe", stderr: "pipe" })
    this.#child = child
    this.#wards.add(child.pid)
    void this.#watch(child)
    this.#hooks.onStart()
  }

  /** False: it is not there. */
  write(line: string): boolean {
    const child = this.#child
    if (child === undefined) return false
    try {
      // What it does not take because it ends, it does not answer either.
      void Promise.resolve(child.stdin.write(`${line}\n`)).catch(() => undefined)
      void Promise.resolve(child.stdin.flush()).catch(() => undefined)
      return true
    } catch {
      return false
    }
  }

  pause(): void {
    this.#isPaused = true
    this.#signal("SIGSTOP")
  }

  resume(): void {
    this.#isPaused = false
    this.#signal("SIGCONT")
  }

  /** It is not begun again when it ends. */
  retire(): void {
    this.#isRetired = true
  }

  async dispose(): Promise<void> {
    this.#isRetired = true
    clearTimeout(this.#again)
    const child = this.#child
    this.#signal("SIGKILL")
    await child?.exited
  }

  #signal(name: "SIGSTOP" | "SIGCONT" | "SIGKILL"): void {
    if (this.#child?.exitCode === null) this.#child.kill(name)
  }

  async #watch(child: Child): Promise<void> {
    const errors = lastBytes(child.stderr)
    try {
      for await (const chunk of child.stdout) this.#hooks.onOutput(chunk)
    } catch (error) {
      // What it says cannot be read: it is not to go on.
      child.kill("SIGKILL")
      this.#hooks.onEnd(String(error))
    }
    await child.exited
    this.#wards.remove(child.pid)
    this.#child = undefined
    const how = child.signalCode === null ? `exit code ${child.exitCode}` : `${child.signalCode}`
    const said = (await errors).trim()
    this.#hooks.onEnd(said === "" ? how : `${how}: ${said}`)
    if (this.#isRetired) return
    this.#again = setTimeout(() => {
      this.start()
      if (this.#isPaused) this.#signal("SIGSTOP")
    }, againAfterMs)
  }
}

async function lastBytes(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of stream) {
    text = (text + decoder.decode(chunk, { stream: true })).slice(-errorBytesMax)
  }
  return text
}

/** Chunks into lines. */
export class Lines {
  readonly #decoder = new TextDecoder()
  #rest = ""

  /** What is to come is of another process. */
  clear(): void {
    this.#rest = ""
  }

  *push(chunk: Uint8Array): Generator<string> {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n")
    this.#rest = lines.pop() ?? ""
    yield* lines
  }
}
