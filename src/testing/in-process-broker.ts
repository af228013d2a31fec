/**
 * One broker in this process: everything of it hangs in one scope, which is closed when it ends.
 */
import { Cause, Effect, Exit, Fiber, Scope } from "effect"
import { readBrokerJson } from "../broker/broker-json.ts"
import { startBroker } from "../broker/broker.ts"
import type { RunningBroker } from "../broker/broker.ts"
import { loadConfig } from "../broker/config.ts"
import { BrokerLog } from "./broker-log.ts"

export interface InProcessBrokerOptions {
  readonly id: number
  /** Its broker.json. */
  readonly config: string
  readonly logFile: string
  /** It has ended, by itself or because it was told to. */
  readonly ended: (how: string, expected: boolean) => void
}

interface Running {
  readonly broker: RunningBroker
  readonly scope: Scope.Closeable
  readonly log: BrokerLog
  readonly watch: Fiber.Fiber<unknown, unknown>
  isAbandoned: boolean
}

export class InProcessBroker {
  readonly #options: InProcessBrokerOptions
  #running: Running | undefined
  #isToldToEnd = false
  /** Of what starts or ends just now: a folder has one broker at a time. */
  #busy: Promise<unknown> = Promise.resolve()

  constructor(options: InProcessBrokerOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return this.#running !== undefined
  }

  /** Resolves when it takes connections. Rejects, with one line, when it cannot be started. */
  start(): Promise<void> {
    return this.#next(async () => {
      const { id } = this.#options
      if (this.#running !== undefined) throw new Error(`broker ${id} runs already`)
      this.#isToldToEnd = false
      this.#running = await this.#open()
    })
  }

  /** Until it serves as a part of the cluster. */
  async untilReady(): Promise<void> {
    const running = this.#running
    if (running === undefined) throw new Error(`broker ${this.#options.id} is down`)
    await Effect.runPromise(running.broker.ready)
  }

  /** Hands over what it leads, answers what it has been asked, and ends. */
  stop(): Promise<void> {
    this.#isToldToEnd = true
    return this.#next(() => this.#end("stopped"))
  }

  /** As SIGKILL does: no word to anybody, and what is on disk is all that is left. */
  kill(): Promise<void> {
    this.#isToldToEnd = true
    this.#abandon()
    return this.#next(() => {
      // One that was only starting then.
      this.#abandon()
      return this.#end("killed")
    })
  }

  #abandon(): void {
    const running = this.#running
    if (running === undefined || running.isAbandoned) return
    running.isAbandoned = true
    running.broker.abandon("killed")
  }

  #next<A>(action: () => Promise<A>): Promise<A> {
    const next = this.#busy.then(action)
    this.#busy = next.catch(() => undefined)
    return next
  }

  async #open(): Promise<Running> {
    const { config, logFile, id } = this.#options
    const scope = Scope.makeUnsafe()
    const log = new BrokerLog(id, logFile)
    const started = await Effect.runPromiseExit(
      Effect.gen(function* () {
        const file = readBrokerJson(config)
        const sources = { set: {}, environment: {}, file, filePath: config, insecure: false }
        return yield* startBroker(yield* loadConfig(sources), log.write)
      }).pipe(Scope.provide(scope)),
    )
    if (Exit.isFailure(started)) {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      log.close()
      const error = Cause.squash(started.cause)
      throw new Error(`broker ${id}: ${error instanceof Error ? error.message : String(error)}`)
    }
    const broker = started.value
    return { broker, scope, log, watch: Effect.runFork(this.#watch(broker)), isAbandoned: false }
  }

  /** A broker that fails by itself is ended like one that was killed. */
  #watch(broker: RunningBroker): Effect.Effect<void> {
    return broker.failure.pipe(
      Effect.catch(({ problem }) =>
        Effect.sync(() => {
          void this.#next(() => this.#end(problem))
        }),
      ),
    )
  }

  async #end(how: string): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    this.#running = undefined
    await Effect.runPromise(Fiber.interrupt(running.watch))
    // Not the failure itself: the next broker on the folder needs a log that is really closed.
    await Effect.runPromise(Scope.close(running.scope, Exit.void))
    running.log.close()
    this.#options.ended(how, this.#isToldToEnd)
  }
}
