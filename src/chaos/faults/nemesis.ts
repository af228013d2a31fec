/**
 * Runs a schedule against a cluster. Whatever happens, everything is healed before it resolves, and
 * every broker that can run does.
 */
import type { RunClock } from "../clock.ts"
import type { ChaosCluster } from "../cluster.ts"
import type { Fault, FaultKind, FaultPlan, FaultRecord } from "../fault.ts"
import type { ClientControl } from "../workload.ts"
import { boutsOf } from "./bouts.ts"
import type { Bout } from "./bouts.ts"
import { healCluster, within } from "./heal.ts"
import { isWell } from "./settled.ts"
import { Strike } from "./strike.ts"
import { realTools } from "./tools.ts"
import type { FaultTools } from "./tools.ts"
import { traits } from "./traits.ts"

export interface NemesisOptions {
  readonly plans: ReadonlyArray<FaultPlan>
  readonly faults: ReadonlyMap<FaultKind, Fault>
  readonly cluster: ChaosCluster
  readonly clock: RunClock
  readonly topics: ReadonlyArray<string>
  /** Of the workloads, as they are when a fault strikes. */
  readonly clients: () => ReadonlyArray<ClientControl>
  /** Run clock; the plans count from here. */
  readonly windowStartMs: number
  /** No fault begins once it says so; default: all have their turn. */
  readonly isOver?: () => boolean
  readonly signal: AbortSignal
  log(line: string): void
  onRecord?(record: FaultRecord): void
  /** What lasts now, for the line of progress; undefined: nothing. */
  onCurrent?(text: string | undefined): void
  readonly tools?: FaultTools
}

export interface NemesisResult {
  /** In the order in which they were healed. */
  readonly records: ReadonlyArray<FaultRecord>
  /** Heals that did not succeed, brokers that would not start: findings, a line each. */
  readonly failures: ReadonlyArray<string>
  /** Planned, and it was over before: recovery took longer than the schedule assumed. */
  readonly unreached: ReadonlyArray<FaultPlan>
}

/** How long a bout waits for the cluster to have recovered from the one before; a JVM is slow. */
const settleMs = { varve: 15_000, kafka: 60_000 }
const settleEveryMs = 150

/** Never rejects for what a fault did; an abort of `signal` ends it early, healed. */
export async function runNemesis(options: NemesisOptions): Promise<NemesisResult> {
  const nemesis = new Nemesis(options)
  return await nemesis.run()
}

class Nemesis {
  private readonly options: NemesisOptions
  private readonly tools: FaultTools
  private readonly records: Array<FaultRecord> = []
  private readonly failures: Array<string> = []
  private readonly unreached: Array<FaultPlan> = []
  private readonly current = new Map<Strike, string>()

  constructor(options: NemesisOptions) {
    this.options = options
    this.tools = options.tools ?? realTools
  }

  async run(): Promise<NemesisResult> {
    const { signal, plans } = this.options
    try {
      for (const bout of boutsOf(plans)) await this.bout(bout)
    } catch (error) {
      if (!signal.aborted) this.fail(`the nemesis broke: ${textOf(error)}`)
      else this.options.log("nemesis: interrupted")
    } finally {
      await this.healEverything()
    }
    const { records, failures, unreached } = this
    return { records, failures, unreached }
  }

  private async bout(bout: Bout): Promise<void> {
    const { clock, windowStartMs, isOver, signal } = this.options
    const dueMs = windowStartMs + bout.atMs
    await clock.sleep(Math.max(0, dueMs - clock.nowMs()), signal)
    const illness = await this.settle()
    if (isOver?.() === true) {
      this.unreached.push(...bout.plans)
      return
    }
    const beganMs = clock.nowMs()
    const struck = new Set<number>()
    let turn: Promise<void> = Promise.resolve()
    const strikes = bout.plans.map(async (plan) => {
      await clock.sleep(Math.max(0, beganMs + plan.atMs - bout.atMs - clock.nowMs()), signal)
      const strike = this.strikeOf(plan, illness, struck)
      // One after the other, so that each knows whom the others have struck.
      turn = turn.then(() => this.inject(strike, struck))
      await turn
      this.keep(await strike.finish())
    })
    for (const result of await Promise.allSettled(strikes)) {
      if (result.status === "rejected") throw result.reason
    }
  }

  private strikeOf(
    plan: FaultPlan,
    illness: string | undefined,
    struck: ReadonlySet<number>,
  ): Strike {
    const isRefused = illness !== undefined && traits[plan.kind].alone && harmsFiles.has(plan.kind)
    return new Strike({
      plan,
      fault: this.options.faults.get(plan.kind),
      refusal: isRefused ? `the cluster had not recovered: ${illness}` : undefined,
      troubled: new Set(struck),
      cluster: this.options.cluster,
      clock: this.options.clock,
      topics: this.options.topics,
      clients: this.options.clients(),
      signal: this.options.signal,
      log: (line) => this.options.log(line),
      onFailure: (line) => this.fail(line),
    })
  }

  private async inject(strike: Strike, struck: Set<number>): Promise<void> {
    this.show(strike, strike.kind)
    await strike.inject()
    this.show(strike, `${strike.kind} ${strike.target}`.trim())
    if (traits[strike.kind].strikes === "none") return
    for (const id of strike.nodes) struck.add(id)
  }

  private keep({ strike, record }: { readonly strike: Strike; readonly record: FaultRecord }) {
    this.records.push(record)
    this.options.onRecord?.(record)
    this.show(strike, undefined)
  }

  private show(strike: Strike, text: string | undefined): void {
    if (text === undefined) this.current.delete(strike)
    else this.current.set(strike, text)
    const all = [...this.current.values()].join("; ")
    this.options.onCurrent?.(all === "" ? undefined : all)
  }

  /** Undefined when it is well; else, after `settleMs`, what it lacks. */
  private async settle(): Promise<string | undefined> {
    const { clock, cluster, topics, signal } = this.options
    const patienceMs = settleMs[cluster.product]
    const deadlineMs = clock.nowMs() + patienceMs
    await this.startDead()
    for (;;) {
      const illness = await isWell(cluster, topics, this.tools)
      if (illness === undefined) return undefined
      if (clock.nowMs() >= deadlineMs) {
        this.options.log(`nemesis: not well after ${patienceMs} ms: ${illness}`)
        await healCluster(cluster, this.tools, (line) => this.fail(line))
        return illness
      }
      await clock.sleep(settleEveryMs, signal)
    }
  }

  /** Whoever is down now was not taken down by a fault, or not brought back by its heal. */
  private async startDead(): Promise<void> {
    const { cluster } = this.options
    const dead = cluster.nodes.filter(({ id }) => cluster.pidOf(id) === undefined)
    if (dead.length === 0) return
    for (const { id } of dead) {
      this.fail(`broker ${id} is down between faults: ${cluster.lastExit(id) ?? "unknown why"}`)
    }
    await healCluster(cluster, this.tools, (line) => this.fail(line))
  }

  private async healEverything(): Promise<void> {
    const { cluster } = this.options
    await within(120_000, "the last heal", () =>
      healCluster(cluster, this.tools, (line) => this.fail(line)),
    ).catch((error: unknown) => this.fail(textOf(error)))
    this.options.log("nemesis: everything is healed")
  }

  private fail(line: string): void {
    this.failures.push(line)
    this.options.log(`nemesis: ${line}`)
  }
}

/** A minority's files may be harmed, so all other copies have to be good before. */
const harmsFiles: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "bit-flips",
  "truncation",
  "old-copy",
  "wiped-disk",
  "wiped-then-cut",
])

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
