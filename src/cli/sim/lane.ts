/**
 * A child process that runs seeds one after the other. All cores are used by several lanes, and a
 * seed that crashes or hangs its process is an alarm like any other: the lane starts another.
 */
import type { Job, Reply } from "./job.ts"
import { lines } from "./serve.ts"

export interface LaneOptions {
  readonly command: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** A job that runs longer has hung. */
  readonly jobTimeoutMs: number
}

export type Ended =
  | { readonly _tag: "replied"; readonly reply: Reply }
  /** `why`: exit code or signal, and the last lines it said. */
  | { readonly _tag: "crashed"; readonly why: string }
  | { readonly _tag: "hung" }

/** The children cannot run at all: no seed is to blame. */
export class CannotRun extends Error {
  override readonly name = "CannotRun"
}

/** Of `src/chaos/plants/preload.ts`: the bug was not planted. */
const notPlantedExit = 4
const closeTimeoutMs = 3_000

export class Lane {
  readonly #options: LaneOptions
  #child: Child | undefined

  constructor(options: LaneOptions) {
    this.#options = options
  }

  async run(job: Job): Promise<Ended> {
    const child = this.#child ?? new Child(this.#options)
    this.#child = undefined
    const ended = await child.run(job, this.#options.jobTimeoutMs)
    if (ended._tag === "replied") this.#child = child
    return ended
  }

  /** Between two jobs. What runs next runs in a new process. */
  async close(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    await child?.close()
  }
}

class Child {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "pipe">
  readonly #replies: AsyncGenerator<string>
  readonly #stderr: LastWords

  constructor({ command, env }: LaneOptions) {
    this.#process = Bun.spawn([...command], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...env },
    })
    this.#replies = lines(this.#process.stdout)
    this.#stderr = new LastWords(this.#process.stderr)
  }

  async run(job: Job, timeoutMs: number): Promise<Ended> {
    let hung = false
    const timer = setTimeout(() => {
      hung = true
      this.#kill()
    }, timeoutMs)
    try {
      void this.#process.stdin.write(`${JSON.stringify(job)}\n`)
      await this.#process.stdin.flush()
      const line = await this.#replies.next()
      if (line.done !== true) return { _tag: "replied", reply: JSON.parse(line.value) }
    } catch {
      // A broken pipe: the child ended, which is told below.
    } finally {
      clearTimeout(timer)
    }
    return hung ? { _tag: "hung" } : { _tag: "crashed", why: await this.#whyEnded() }
  }

  #kill(): void {
    this.#process.kill("SIGKILL")
  }

  async close(): Promise<void> {
    await this.#process.stdin.end()
    const timer = setTimeout(() => this.#kill(), closeTimeoutMs)
    await this.#whyEnded()
    clearTimeout(timer)
  }

  async #whyEnded(): Promise<string> {
    const code = await this.#process.exited
    const said = (await this.#stderr.all()).trim()
    if (code === notPlantedExit) throw new CannotRun(said)
    return `${this.#process.signalCode ?? `exit code ${code}`}${said === "" ? "" : `: ${said}`}`
  }
}

/** The end of what a child says on its standard error. */
class LastWords {
  static readonly keptChars = 4_000
  #text = ""
  readonly #read: Promise<void>

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#read = this.#keep(stream)
  }

  async all(): Promise<string> {
    await this.#read
    return this.#text
  }

  async #keep(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    for await (const chunk of stream) {
      this.#text = (this.#text + decoder.decode(chunk)).slice(-LastWords.keptChars)
    }
  }
}
