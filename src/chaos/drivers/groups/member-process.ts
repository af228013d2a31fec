/**
 * A group member in a process of its own, asked by lines of JSON: one question at a time, each with
 * a number that its answer repeats (members/PROTOCOL.md).
 */
import type { Subprocess } from "bun"

/** What a member holds now; told when it has changed. */
export interface TellOwned {
  readonly member: string
  /** −1: the client does not tell. */
  readonly generation: number
  readonly partitions: ReadonlyArray<readonly [topic: string, partition: number]>
}

export interface PollAnswer {
  readonly records?: ReadonlyArray<
    readonly [
      topic: string,
      partition: number,
      records: ReadonlyArray<readonly [offset: number, base64: string | null]>,
    ]
  >
  readonly owned?: TellOwned
  readonly error?: string
}

export interface CommitAnswer {
  /** "" or absent: done. */
  readonly error?: string
  /** In whose name it was sent, where the client tells. */
  readonly member?: string
  readonly generation?: number
}

type Question =
  | { readonly ask: "poll"; readonly waitMs: number }
  | {
      readonly ask: "commit"
      readonly offsets: ReadonlyArray<
        readonly [topic: string, partition: number, offset: number, tag: string]
      >
    }
  | { readonly ask: "leave" }

const tailMax = 10
const lineBytesMax = 16 << 20

export class MemberProcess {
  readonly #child: Subprocess<"pipe", "pipe", "pipe">
  #asked = 0
  #waiting: ((answer: unknown) => void) | undefined
  readonly #tail: Array<string> = []
  readonly exited: Promise<void>

  constructor(command: ReadonlyArray<string>) {
    this.#child = Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "pipe" })
    void readLines(this.#child.stdout, (line) => this.#heard(line))
    void readLines(this.#child.stderr, (line) => this.#said(line))
    this.exited = this.#child.exited.then(() => this.#answer(undefined))
  }

  get pid(): number {
    return this.#child.pid
  }

  get hasExited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** The last that it said on its standard error. */
  get tail(): string {
    return this.#tail.join(" | ")
  }

  /** Undefined when it ended instead. One question at a time. */
  async poll(waitMs: number): Promise<PollAnswer | undefined> {
    const answer = await this.#ask({ ask: "poll", waitMs })
    return isObject(answer) ? answer : undefined
  }

  async commit(
    offsets: ReadonlyArray<readonly [string, number, number, string]>,
  ): Promise<CommitAnswer | undefined> {
    const answer = await this.#ask({ ask: "commit", offsets })
    return isObject(answer) ? answer : undefined
  }

  /** Resolves when it has left its group and ended, or `timeoutMs` later, when it is killed. */
  async leave(timeoutMs: number): Promise<void> {
    const timer = setTimeout(() => this.kill(), timeoutMs)
    this.#write({ n: ++this.#asked, ask: "leave" })
    await this.exited
    clearTimeout(timer)
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    if (!this.hasExited) this.#child.kill(name)
  }

  kill(): void {
    this.#child.kill("SIGKILL")
  }

  #ask(question: Question): Promise<unknown> {
    if (this.hasExited) return Promise.resolve(undefined)
    const { promise, resolve } = Promise.withResolvers<unknown>()
    this.#waiting = resolve
    this.#write({ n: ++this.#asked, ...question })
    return promise
  }

  #write(line: object): void {
    try {
      void this.#child.stdin.write(`${JSON.stringify(line)}\n`)
      void this.#child.stdin.flush()
    } catch {
      // It has ended: whoever waits hears of that.
    }
  }

  #heard(line: string): void {
    let answer: unknown
    try {
      answer = JSON.parse(line)
    } catch {
      return this.#said(line)
    }
    if (isObject(answer) && "n" in answer && answer.n === this.#asked) this.#answer(answer)
  }

  #answer(answer: unknown): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.(answer)
  }

  #said(line: string): void {
    if (line.trim() === "") return
    this.#tail.push(line.slice(0, 200))
    if (this.#tail.length > tailMax) this.#tail.shift()
  }
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

async function readLines(
  stream: ReadableStream<Uint8Array>,
  heard: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = (lines.pop() ?? "").slice(0, lineBytesMax)
    for (const line of lines) heard(line)
  }
}
