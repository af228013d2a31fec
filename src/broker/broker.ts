/**
 * One broker from its configuration: lock → identity → log → node → peer links → listener → ticks,
 * each released in the reverse order when the scope closes. The lock comes first: two processes on
 * one folder would be one voter voting twice.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { Cause, Context, Deferred, Effect, Exit, Layer } from "effect"
import type { Scope } from "effect"
import { acquireLock, openSqliteWal } from "../../storage/index.ts"
import type { SqliteWal } from "../../storage/index.ts"
import { BrokerNode } from "../node/broker-node.ts"
import type { NodeStatus } from "../node/node.ts"
import { formatEndpoint } from "./broker-json.ts"
import { ProcessClock } from "./clock.ts"
import type { BrokerConfig } from "./config.ts"
import { BrokerFailed, StartFailed, reasonOf } from "./errors.ts"
import type { BrokerError } from "./errors.ts"
import { serveHttp } from "./http.ts"
import type { Log } from "./log.ts"
import { NodeLoop } from "./loop.ts"
import { ownDisk } from "./own-disk.ts"
import { Rim } from "./rim.ts"

export interface RunningBroker {
  readonly config: BrokerConfig
  /**
   * Completes when the broker serves: registered, its metadata led, every partition it should lead
   * led.
   */
  readonly ready: Effect.Effect<void, BrokerFailed>
  /** Never completes unless the broker fails; then everything of it is to be let go at once. */
  readonly failure: Effect.Effect<never, BrokerFailed>
  /** Nothing of it leaves any more from now on, as if its process were gone; `failure` says why. */
  readonly abandon: (why: string) => void
  readonly status: () => NodeStatus
}

/** How long a stopping broker hands leaderships over, and then waits for answers under way. */
const handOverMs = 2000
const drainMs = 500
const walCloseMs = 5000
/** A log that failed may never say that it is closed. */
const brokenCloseMs = 50
const pollMs = 5
const tickMs = 25

export const startBroker = Effect.fn("startBroker")(function* (
  config: BrokerConfig,
  log: Log,
  options: { readonly pidFile?: string } = {},
): Effect.fn.Return<RunningBroker, BrokerError, Scope.Scope> {
  const failed = yield* Deferred.make<never, BrokerFailed>()
  const fail = (problem: string, cause: unknown): void => {
    log("error", problem)
    Deferred.doneUnsafe(failed, Effect.fail(new BrokerFailed({ problem, cause })))
  }
  yield* attempt(() => mkdirSync(config.dir, { recursive: true }))
  yield* Effect.acquireRelease(
    attempt(() => acquireLock(config.dir)),
    (lock) => Effect.sync(() => lock.release()),
  )
  if (options.pidFile !== undefined) yield* writePid(options.pidFile)
  const diskUuid = yield* attempt(() => ownDisk(config, log))
  const loop = new NodeLoop({
    clock: new ProcessClock(),
    tickMs,
    onFatal: (error) => fail(`stopped: an invariant is broken: ${describe(error)}`, error),
  })
  const wal = yield* openLog(config, loop, log, (error) =>
    fail(`stopped: the log cannot be written: ${error.message}`, error),
  )
  const rim = yield* attempt(
    () =>
      new Rim({
        config,
        diskUuid,
        incarnation: crypto.randomUUID().replaceAll("-", ""),
        seed: crypto.getRandomValues(new Uint32Array(1))[0] ?? 1,
        machine: BrokerNode,
        wal,
        loop,
        log,
      }),
  )
  const { refusal } = rim.machine
  if (refusal !== null) return yield* new StartFailed({ problem: refusal })
  yield* listen(config, rim)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      loop.start()
      rim.transport.start()
    }),
    () => stopGracefully(rim, loop, failed, log),
  )
  return {
    config,
    ready: Effect.raceFirst(untilReady(rim), Deferred.await(failed)),
    failure: Deferred.await(failed),
    abandon: (why) => {
      loop.stop()
      rim.listener.close(true)
      rim.transport.stop(true)
      fail(why, new Error(why))
    },
    status: () => rim.machine.status(),
  }
})

export class Broker extends Context.Service<Broker, RunningBroker>()("varve/Broker") {
  static readonly layer = (config: BrokerConfig, log: Log): Layer.Layer<Broker, BrokerError> =>
    Layer.effect(Broker, startBroker(config, log))
}

function attempt<A>(action: () => A): Effect.Effect<A, StartFailed> {
  return Effect.try({
    try: action,
    catch: (error) => new StartFailed({ problem: reasonOf(error) }),
  })
}

/** Who has the folder, for whoever must stop or kill it; only ever the pid of the lock's holder. */
const writePid = (path: string) =>
  Effect.acquireRelease(
    attempt(() => writeFileSync(path, `${process.pid}\n`)),
    () => Effect.sync(() => rmSync(path, { force: true })),
  )

const openLog = (
  config: BrokerConfig,
  loop: NodeLoop,
  log: Log,
  onFailure: (error: Error) => void,
): Effect.Effect<SqliteWal, StartFailed, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        openSqliteWal({
          dir: config.dir,
          expected: true,
          reserveBytes: config.settings["varve.disk.reserve.bytes"],
          limits: { segmentBytes: config.settings["varve.segment.bytes"] },
          scrubBytesPerSecond: config.settings["varve.scrub.bytes.per.second"],
          onDurable: (through) => {
            loop.enter((machine, nowMs) => machine.durable(through, nowMs))
          },
          onDamage: ({ group, index, what }) => {
            loop.enter((machine, nowMs) => machine.damaged(group, index, what, nowMs))
          },
          onFailure: (error) => {
            loop.stop()
            onFailure(error)
          },
          log: (line) => log("info", line),
        }),
      catch: (error) => new StartFailed({ problem: `${config.dir}: ${reasonOf(error)}` }),
    }),
    (wal, exit) =>
      Effect.timeoutOption(
        Effect.promise(() => wal.close()),
        Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause) ? brokenCloseMs : walCloseMs,
      ),
  )

const listen = Effect.fnUntraced(function* (config: BrokerConfig, rim: Rim) {
  yield* Effect.acquireRelease(
    attemptBind(formatEndpoint(config.listen), () => rim.listener.listen()),
    () => Effect.sync(() => rim.listener.close(rim.broken)),
  )
  const { http } = config
  if (http === null) return
  yield* Effect.acquireRelease(
    attemptBind(formatEndpoint(http), () => serveHttp(http, rim)),
    (server) => Effect.sync(() => server.stop()),
  )
})

function attemptBind<A>(address: string, bind: () => A): Effect.Effect<A, StartFailed> {
  return Effect.try({
    try: bind,
    catch: (error) =>
      new StartFailed({ problem: `cannot listen on ${address}: ${reasonOf(error)}` }),
  })
}

const untilReady = (rim: Rim): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (!rim.machine.ready) yield* Effect.sleep(pollMs)
  })

/**
 * Leaderships first, while everything still runs; then the requests under way; a failed broker says
 * nothing more.
 */
const stopGracefully = Effect.fnUntraced(function* (
  rim: Rim,
  loop: NodeLoop,
  failed: Deferred.Deferred<never, BrokerFailed>,
  log: Log,
) {
  rim.beginStop(yield* Deferred.isDone(failed))
  if (!rim.broken) {
    const handOver = Effect.gen(function* () {
      while (loop.enter((machine, nowMs) => machine.shutdown(nowMs)) === "moving") {
        yield* Effect.sleep(tickMs)
      }
    })
    yield* Effect.timeoutOption(handOver, handOverMs)
    rim.listener.stopAccepting()
    const drain = Effect.gen(function* () {
      while (!rim.listener.idle) yield* Effect.sleep(pollMs)
    })
    yield* Effect.timeoutOption(drain, drainMs)
    log("info", "stopped")
  }
  loop.stop()
  rim.transport.stop(rim.broken)
})

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
