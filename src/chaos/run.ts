/**
 * One run, from an empty folder to a verdict: form a cluster, put clients to work, strike, heal,
 * let it recover, read everything back, judge. See DESIGN.md for the picture.
 */
import { appendFileSync } from "node:fs"
import { startRunClock } from "./clock.ts"
import type { RunClock } from "./clock.ts"
import type { ChaosCluster } from "./cluster.ts"
import type { FaultPlan, FaultRecord } from "./fault.ts"
import { runNemesis } from "./faults/nemesis.ts"
import { planText } from "./faults/plan-file.ts"
import { allFaults } from "./faults/registry.ts"
import { planFaults, windowNeededMs } from "./faults/schedule.ts"
import type { Schedule } from "./faults/schedule.ts"
import { createRecorder } from "./history/file-recorder.ts"
import type { FileRecorder } from "./history/file-recorder.ts"
import { LeaderWatch } from "./leader-watch.ts"
import { expectedMs, limitsOf } from "./limits.ts"
import type { Limits } from "./limits.ts"
import { ProgressTicker } from "./progress-ticker.ts"
import { awaitRecovery } from "./recovery.ts"
import type { ProgressState } from "./report/progress.ts"
import type { Phases, RunOptions, RunResult } from "./result.ts"
import { concludeRun } from "./conclude.ts"
import { RunFolder } from "./run-folder.ts"
import { startCluster } from "./start-cluster.ts"
import { driversHere, makeWorkloads } from "./start-workloads.ts"
import type { BrokerEnd } from "./verdict.ts"
import type { Workload } from "./workload.ts"
import { ReplicasUnreadable } from "./workloads/drain.ts"

export interface RunRequest {
  readonly options: RunOptions
  /** Made if it is not there; must be empty. */
  readonly dir: string
  /** What starts and stops Apache Kafka's brokers; needed when the product is kafka. */
  readonly kafka?: string
  /** Faults of an earlier run, in the place of those that the seed would give. */
  readonly plans?: ReadonlyArray<FaultPlan>
  readonly signal: AbortSignal
  /** A few times a second. */
  readonly onProgress?: (state: ProgressState) => void
  /** Lines of the run's log, as they are written. */
  readonly onLog?: (line: string) => void
  /** Between the faults and the cluster: for tests of chaos itself. */
  readonly wrapCluster?: (cluster: ChaosCluster) => ChaosCluster
}

export interface FinishedRun {
  readonly result: RunResult
  /** Path of report.html. */
  readonly report: string
}

/** How often a window that has no more faults looks whether it is over. */
const windowPollMs = 250

/** All that happened, before anybody judges it. */
export interface Happened {
  readonly request: RunRequest
  readonly folder: RunFolder
  readonly cluster: ChaosCluster
  readonly recorder: FileRecorder
  readonly workloads: ReadonlyArray<Workload>
  /** Wall clock at the run clock's zero. */
  readonly startedAt: Date
  readonly phases: Omit<Phases, "endMs">
  readonly faults: ReadonlyArray<FaultRecord>
  readonly skipped: Schedule["skipped"]
  readonly leaders: LeaderWatch["seen"]
  readonly brokerEnds: ReadonlyArray<BrokerEnd>
  readonly noProgress: ReadonlyArray<string>
  readonly gaps: ReadonlyArray<string>
  readonly clock: RunClock
}

/**
 * Rejects with the signal's reason when the run is interrupted, with an `OptionError` for what
 * cannot be, and with an error when the cluster cannot be formed. Whatever happens, no process is
 * left.
 */
export async function runChaos(request: RunRequest): Promise<FinishedRun> {
  await using run = new Run(request)
  const happened = await run.live()
  await run.end()
  return await concludeRun(happened)
}

/** Everything that lives while a run does; ended in the reverse order of its beginning. */
class Run implements AsyncDisposable {
  readonly #request: RunRequest
  readonly #folder: RunFolder
  readonly #startedAt = new Date()
  readonly #clock = startRunClock()
  readonly #recorder: FileRecorder
  readonly #stack = new AsyncDisposableStack()
  readonly #limits: Limits
  readonly #noProgress: Array<string> = []
  readonly #gaps: Array<string> = []
  readonly #unreadable: Array<string> = []
  readonly #brokerEnds: Array<BrokerEnd> = []
  readonly #ticker: ProgressTicker

  constructor(request: RunRequest) {
    const { options, dir } = request
    this.#request = request
    this.#folder = new RunFolder(dir)
    this.#folder.writeJson("options.json", options)
    this.#limits = limitsOf(options)
    this.#recorder = createRecorder({ clock: this.#clock, path: this.#folder.history })
    this.#stack.defer(() => this.#recorder.close())
    const totalMs = expectedMs(options)
    this.#ticker = new ProgressTicker(this.#clock, totalMs, (state) => request.onProgress?.(state))
  }

  async live(): Promise<Happened> {
    const { options, signal } = this.#request
    const cluster = await this.#form()
    const { plans, skipped } = this.#plan(cluster)
    const workloads = await this.#employ(cluster)
    const leaders = new LeaderWatch(cluster, this.#clock)
    this.#stack.defer(() => leaders.stop())

    const leadInMs = this.#phase("lead-in")
    const isWell = await this.#leadIn(cluster, workloads)
    const faultsMs = this.#phase("faults")
    const faults = isWell ? await this.#strike(cluster, workloads, plans) : []
    const healMs = this.#phase("heal")
    await this.#healAll(cluster)
    const { recoveryMs } = this.#limits
    const hasRecovered = await this.#recover("no recovery", cluster, workloads, recoveryMs)
    await this.#stopAll(workloads, hasRecovered)
    const drainMs = this.#phase("drain")
    await this.#drainAll(cluster, workloads, hasRecovered)
    signal.throwIfAborted()
    const checkMs = this.#phase("check")
    this.#log(`lived for ${seconds(checkMs)}; ${options.product} ${cluster.version}`)
    return {
      request: this.#request,
      folder: this.#folder,
      cluster,
      recorder: this.#recorder,
      workloads,
      startedAt: this.#startedAt,
      phases: { leadInMs, faultsMs, healMs, drainMs, checkMs },
      faults,
      skipped,
      leaders: leaders.seen,
      brokerEnds: this.#brokerEnds,
      noProgress: this.#noProgress,
      gaps: this.#gaps,
      clock: this.#clock,
    }
  }

  /** Ends every process; may be called twice. */
  async end(): Promise<void> {
    if (!this.#stack.disposed) await this.#stack.disposeAsync()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ticker.stop()
    await this.end()
  }

  async #form(): Promise<ChaosCluster> {
    const { options, kafka } = this.#request
    const { cluster, plantIsLoaded } = await startCluster({
      options,
      dir: this.#folder.cluster,
      kafka,
      log: (line) => this.#log(line),
      onEnd: (node, how) => {
        this.#brokerEnds.push({ node, how, atMs: this.#clock.nowMs() })
        this.#log(`broker ${node} ended by itself: ${how}`)
      },
    })
    this.#stack.defer(() => cluster.dispose())
    this.#stack.defer(() => this.#folder.keepLogs(cluster.nodes))
    this.#stack.defer(() => {
      if (!plantIsLoaded()) this.#gaps.push(`the plant ${options.plant} was never loaded`)
    })
    return cluster
  }

  #plan({ capabilities }: ChaosCluster): Schedule {
    const { options, plans } = this.#request
    const { seed, nodes, profile, faults: kinds } = options
    const faultWindowMs = options.seconds * 1000
    const drawn = planFaults({ seed, faultWindowMs, kinds, nodes, profile, capabilities })
    const schedule = plans === undefined ? drawn : { plans, skipped: drawn.skipped }
    this.#folder.write("plan.json", planText(schedule.plans))
    for (const { kind, why } of schedule.skipped) this.#log(`${kind} is left out: ${why}`)
    this.#ticker.planned = schedule.plans.length
    return schedule
  }

  async #employ(cluster: ChaosCluster): Promise<ReadonlyArray<Workload>> {
    const { options, signal } = this.#request
    const workloads = makeWorkloads(options, {
      drivers: await driversHere(options.drivers, (line) => this.#log(line)),
      cluster,
      clock: this.#clock,
      recorder: this.#recorder,
      runId: `${options.seed}-${this.#startedAt.getTime().toString(36)}`,
      signal,
      log: (line) => this.#log(line),
    })
    for (const workload of workloads) {
      this.#stack.defer(() => workload.dispose())
      await workload.prepare()
      signal.throwIfAborted()
    }
    this.#ticker.workloads = workloads
    return workloads
  }

  async #leadIn(cluster: ChaosCluster, workloads: ReadonlyArray<Workload>): Promise<boolean> {
    for (const workload of workloads) workload.start()
    await this.#clock.sleep(this.#limits.leadInMs, this.#request.signal)
    const what = "no progress before any fault"
    return await this.#recover(what, cluster, workloads, this.#limits.formationMs)
  }

  /** What did not bite has a second turn: a slow machine alone makes no run worthless. */
  async #strike(
    cluster: ChaosCluster,
    workloads: ReadonlyArray<Workload>,
    plans: ReadonlyArray<FaultPlan>,
  ): Promise<ReadonlyArray<FaultRecord>> {
    const { options, signal } = this.#request
    const windowStartMs = this.#clock.nowMs()
    const windowMs = options.seconds * 1000
    const isOverAt = (endMs: number) => () =>
      this.#clock.nowMs() >= endMs || this.#recorder.isNearlyFull
    // Recovery takes its time there; every kind is to have its turn.
    const records = await this.#nemesis(
      cluster,
      workloads,
      plans,
      isOverAt(windowStartMs + 2 * windowMs),
    )
    const again = this.#plansAgain(cluster, plans, records)
    if (again.length > 0) {
      this.#log(`once more: ${again.map(({ kind }) => kind).join(", ")}`)
      this.#folder.write("plan-again.json", planText(again))
      this.#ticker.planned = plans.length + again.length
      const isOver = isOverAt(this.#clock.nowMs() + windowMs)
      records.push(...(await this.#nemesis(cluster, workloads, again, isOver)))
    }
    const isOver = isOverAt(windowStartMs + windowMs)
    while (!isOver()) await this.#clock.sleep(windowPollMs, signal)
    if (this.#recorder.isNearlyFull) {
      this.#log(`the faults end early: the history has ${this.#recorder.size} operations`)
    }
    return records
  }

  #plansAgain(
    { capabilities }: ChaosCluster,
    plans: ReadonlyArray<FaultPlan>,
    records: ReadonlyArray<FaultRecord>,
  ): ReadonlyArray<FaultPlan> {
    const { seed, nodes, profile } = this.#request.options
    const hasBitten = new Set(records.flatMap((one) => (one.effective ? [one.plan.kind] : [])))
    const kinds = [...new Set(plans.map(({ kind }) => kind))].filter((kind) => !hasBitten.has(kind))
    const faultWindowMs = windowNeededMs(kinds, profile)
    return planFaults({ seed: seed + 1, faultWindowMs, kinds, nodes, profile, capabilities }).plans
  }

  async #nemesis(
    cluster: ChaosCluster,
    workloads: ReadonlyArray<Workload>,
    plans: ReadonlyArray<FaultPlan>,
    isOver: () => boolean,
  ): Promise<Array<FaultRecord>> {
    const { records, failures } = await runNemesis({
      plans,
      faults: allFaults(),
      cluster: this.#request.wrapCluster?.(cluster) ?? cluster,
      clock: this.#clock,
      topics: workloads.flatMap(({ topics }) => topics),
      clients: () => workloads.flatMap(({ clients }) => clients),
      windowStartMs: this.#clock.nowMs(),
      isOver,
      signal: this.#request.signal,
      log: (line) => this.#log(line),
      onRecord: (record) => this.#ticker.noteFault(record),
      onCurrent: (current) => {
        this.#ticker.current = current
      },
    })
    // What was wrong on the way is broken only if it is still wrong at the end (`#recover`), or if
    // a broker has ended by itself.
    this.#gaps.push(...failures)
    return [...records]
  }

  /** Whatever the faults have left undone. */
  async #healAll(cluster: ChaosCluster): Promise<void> {
    cluster.network.healAll()
    await Promise.all(
      cluster.nodes.map(async ({ id }) => {
        try {
          if (cluster.pidOf(id) === undefined) await cluster.start(id)
          else await cluster.signal(id, "SIGCONT")
        } catch (error) {
          this.#noProgress.push(`broker ${id} does not come back: ${lineOf(error)}`)
        }
      }),
    )
  }

  async #recover(
    what: string,
    cluster: ChaosCluster,
    workloads: ReadonlyArray<Workload>,
    deadlineMs: number,
  ): Promise<boolean> {
    const { signal } = this.#request
    const clock = this.#clock
    const recovery = await awaitRecovery({ cluster, clock, workloads, deadlineMs, signal })
    if (recovery._tag === "well") return true
    const missing = recovery.missing.join("; ")
    this.#noProgress.push(`${what} within ${seconds(deadlineMs)}: ${missing}`)
    return false
  }

  async #stopAll(workloads: ReadonlyArray<Workload>, hasRecovered: boolean): Promise<void> {
    const { stopMs, illStopMs } = this.#limits
    const timeoutMs = hasRecovered ? stopMs : illStopMs
    await this.#each("stop", workloads, timeoutMs * 2, (workload) => workload.stop(timeoutMs))
  }

  async #drainAll(
    cluster: ChaosCluster,
    workloads: ReadonlyArray<Workload>,
    hasRecovered: boolean,
  ): Promise<void> {
    const { drainMs, illDrainMs } = this.#limits
    const timeoutMs = hasRecovered ? drainMs : illDrainMs
    await this.#each("drain", workloads, timeoutMs * 1.5, (workload) => workload.drain(timeoutMs))
    if (this.#unreadable.length === 0) return
    // Brokers that say that every replica is in sync, and give less than is committed, are wrong;
    // where they do not say so, nothing is known.
    const { signal } = this.#request
    const patience = { clock: this.#clock, workloads: [], deadlineMs: 0, signal }
    const { _tag } = await awaitRecovery({ cluster, ...patience })
    const list = _tag === "well" ? this.#noProgress : this.#gaps
    list.push(...this.#unreadable)
  }

  /** What fails or takes too long is a gap: the others go on. */
  async #each(
    what: string,
    workloads: ReadonlyArray<Workload>,
    limitMs: number,
    act: (workload: Workload) => Promise<void>,
  ): Promise<void> {
    const done = new AbortController()
    const either = AbortSignal.any([done.signal, this.#request.signal])
    const late = this.#clock.sleep(limitMs, either).then(() => {
      throw new Error(`it took longer than ${seconds(limitMs)}`)
    })
    // Nobody may be waiting for it any more.
    late.catch(() => undefined)
    await Promise.all(
      workloads.map(async (workload) => {
        try {
          await Promise.race([act(workload), late])
        } catch (error) {
          const line = `${what} of workload ${workload.name}: ${lineOf(error)}`
          const kept = error instanceof ReplicasUnreadable ? this.#unreadable : this.#gaps
          kept.push(line)
        }
      }),
    )
    done.abort()
  }

  #phase(name: string): number {
    this.#request.signal.throwIfAborted()
    this.#ticker.phase(name)
    this.#log(`phase: ${name}`)
    return this.#clock.nowMs()
  }

  #log(line: string): void {
    const text = `${seconds(this.#clock.nowMs())} ${line}`
    appendFileSync(this.#folder.log, `${text}\n`)
    this.#request.onLog?.(text)
  }
}

const lineOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n", 1).join("")

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
