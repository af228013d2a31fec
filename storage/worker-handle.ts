/** The storage worker as the main thread sees it: requests in order, failures once. */
import type { HousekeepingJob } from "./housekeeping-jobs.ts"
import type { Pragmas, WriterSettings } from "./schema.ts"
import type { Transaction } from "./segment-writer.ts"
import type { GroupSentinel } from "./sentinel-record.ts"
import type { GroupId } from "./wal.ts"
import type { FromWorker, ToWorker } from "./worker-protocol.ts"

export interface WorkerEvents {
  readonly onCommitted: (number: number, elapsedMs: number) => void
  /** Once, and nothing after it. */
  readonly onFailure: (error: Error) => void
}

type Opened = Extract<FromWorker, { readonly _tag: "opened" }>

interface Waiting {
  readonly tag: FromWorker["_tag"]
  readonly resolve: (message: FromWorker) => void
  readonly reject: (error: Error) => void
}

export class WorkerHandle {
  private readonly worker: Worker
  private readonly events: WorkerEvents
  /** The thread is gone, and with it its connection and the locks it held. */
  private readonly ended: Promise<void>
  private waiting: Array<Waiting> = []
  private failure: Error | undefined
  private closed = false

  constructor(url: URL, events: WorkerEvents) {
    this.events = events
    this.worker = new Worker(url, { name: "storage" })
    this.worker.addEventListener("message", (event: MessageEvent<FromWorker>) =>
      this.receive(event.data),
    )
    this.worker.addEventListener("messageerror", () => this.fail("a message could not be read"))
    this.worker.addEventListener("error", (event) => this.fail(event.message))
    this.ended = new Promise((resolve) => {
      this.worker.addEventListener("close", () => {
        this.fail("it ended by itself")
        resolve()
      })
    })
  }

  async open(dir: string, settings: WriterSettings): Promise<Opened> {
    const answer = await this.ask({ _tag: "open", dir, settings }, "opened")
    if (answer._tag !== "opened") throw new Error(`unexpected answer ${answer._tag}`)
    return answer
  }

  /** Rejects when the job failed. */
  async perform(job: HousekeepingJob, settings: WriterSettings): Promise<void> {
    const answer = await this.ask({ _tag: "perform", job, settings }, "performed")
    if (answer._tag !== "performed") throw new Error(`unexpected answer ${answer._tag}`)
    if (answer.error !== undefined) throw new Error(answer.error)
  }

  /** The sentinel is durable with these contents when this resolves. */
  async guard(
    dir: string,
    groups: ReadonlyMap<GroupId, GroupSentinel>,
    forgetful: boolean,
  ): Promise<void> {
    await this.ask({ _tag: "guard", dir, groups, forgetful }, "guarded")
  }

  remembered(): void {
    this.worker.postMessage({ _tag: "remembered" } satisfies ToWorker, [])
  }

  commit(transaction: Transaction): void {
    const directories = transaction.rows.map((row) => row.directory.buffer)
    this.worker.postMessage({ _tag: "commit", transaction } satisfies ToWorker, directories)
  }

  async pragmas(): Promise<Pragmas> {
    const answer = await this.ask({ _tag: "pragmas" }, "pragmas")
    if (answer._tag !== "pragmas") throw new Error(`unexpected answer ${answer._tag}`)
    return answer.pragmas
  }

  /**
   * After a failure the worker is ended as it is: closing the file would write once more. When this
   * resolves, the log may be opened again.
   */
  async close(): Promise<void> {
    if (this.failure === undefined) await this.ask({ _tag: "close" }, "closed")
    this.closed = true
    this.worker.terminate()
    await this.ended
  }

  private ask(message: ToWorker, tag: FromWorker["_tag"]): Promise<FromWorker> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    return new Promise((resolve, reject) => {
      this.waiting.push({ tag, resolve, reject })
      this.worker.postMessage(message, [])
    })
  }

  private receive(message: FromWorker): void {
    if (this.failure !== undefined) return
    if (message._tag === "failed") return this.fail(message.message)
    if (message._tag === "committed") {
      this.events.onCommitted(message.number, message.elapsedMs)
      return
    }
    const at = this.waiting.findIndex(({ tag }) => tag === message._tag)
    if (at < 0) return this.fail(`unexpected answer ${message._tag}`)
    for (const { resolve } of this.waiting.splice(at, 1)) resolve(message)
  }

  private fail(what: string): void {
    if (this.failure !== undefined || this.closed) return
    this.failure = new Error(`storage worker: ${what}`)
    for (const { reject } of this.waiting.splice(0)) reject(this.failure)
    this.events.onFailure(this.failure)
  }
}
