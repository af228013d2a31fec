/**
 * A run that might have been: clients write and read while faults strike, leaders change, some
 * answers are lost; made from a seed, without any cluster. What is spoiled on purpose is found by
 * the checkers themselves, so that its words are theirs.
 */
import { checkHistory } from "../../../src/chaos/checkers/index.ts"
import type { FaultKind, FaultRecord } from "../../../src/chaos/fault.ts"
import type {
  Call,
  Operation,
  OutcomeKind,
  SeenRecord,
  Span,
} from "../../../src/chaos/history/history.ts"
import { partitionKey } from "../../../src/chaos/history/history.ts"
import { statisticsOf } from "../../../src/chaos/report/statistics/index.ts"
import type {
  LeaderSeen,
  LogLine,
  Phases,
  RunResult,
  UnseenSample,
  Verdict,
} from "../../../src/chaos/result.ts"
import { stream } from "../../../raft/prng.ts"
import type { Prng } from "../../../raft/prng.ts"

export interface FixtureOptions {
  readonly seed: number
  readonly seconds: number
  readonly nodes: number
  readonly partitions: number
  /** Writes per second, of all partitions. */
  readonly rate: number
  readonly kinds: ReadonlyArray<FaultKind>
  /** Loses an acknowledged record, shows one twice, takes a reader past one. */
  readonly spoiled: boolean
  /** Put where a broker or a user has the say: topics, values, errors, log lines. */
  readonly hostile?: string
}

export interface Fixture {
  readonly result: RunResult
  readonly operations: ReadonlyArray<Operation>
}

export const usualFaults: ReadonlyArray<FaultKind> = [
  "kill-leader",
  "pause",
  "partition-one-way",
  "partition-halves",
  "latency",
  "fsync-error",
  "transfers",
  "kill-all",
  "zombie-producer",
]

const defaults: FixtureOptions = {
  seed: 7,
  seconds: 60,
  nodes: 3,
  partitions: 4,
  rate: 60,
  kinds: usualFaults,
  spoiled: true,
}

const drivers = ["raw", "kafkajs", "platformatic"]

interface Log {
  readonly key: string
  readonly name: string
  readonly records: Array<SeenRecord>
  leader: number
  epoch: number
  /** Nothing is acknowledged before. */
  backMs: number
}

export function makeFixture(changed: Partial<FixtureOptions> = {}): Fixture {
  const options = { ...defaults, ...changed }
  const run = new Run(options)
  run.live()
  run.drain()
  return run.fixture()
}

const stepMs = 10

class Run {
  readonly #options: FixtureOptions
  readonly #chance: Prng
  readonly #phases: Phases
  readonly #faults: ReadonlyArray<FaultRecord>
  readonly #logs: ReadonlyArray<Log>
  readonly #operations: Array<Operation> = []
  readonly #leaders: Array<LeaderSeen> = []
  readonly #lines: Array<LogLine> = []
  readonly #unseen: Array<UnseenSample> = []
  readonly #seenTo = new Map<string, number>()
  #written = 0

  constructor(options: FixtureOptions) {
    this.#options = options
    this.#chance = stream(options.seed, "fixture")
    this.#phases = phasesFor(options.seconds)
    this.#faults = faultsFor(options, this.#phases, this.#chance)
    const topic = `chaos-log${options.hostile ?? ""}`
    this.#logs = Array.from({ length: options.partitions }, (_, i) => ({
      key: partitionKey(topic, "f3a9c1d2e4", i),
      name: `${topic}/${i}`,
      records: [],
      leader: i % options.nodes,
      epoch: 1,
      backMs: 0,
    }))
    for (const log of this.#logs) this.#see(log, 0)
  }

  #see({ name: partition, leader, epoch }: Log, atMs: number): void {
    this.#leaders.push({ atMs, partition, leader, epoch })
  }

  #say(atMs: number, node: number, text: string): void {
    this.#lines.push({ atMs, node, text: text + (this.#options.hostile ?? "") })
  }

  live(): void {
    const { rate } = this.#options
    let due = 0
    let struck = 0
    const faults = this.#faults.toSorted((a, b) => a.injectedMs - b.injectedMs)
    for (let nowMs = 0; nowMs < this.#phases.drainMs - 1000; nowMs += stepMs) {
      for (let fault = faults[struck]; fault !== undefined; fault = faults[struck]) {
        if (fault.injectedMs > nowMs) break
        this.#strike(fault)
        struck++
      }
      for (due += (rate * stepMs) / 1000; due >= 1; due--) this.#write(nowMs)
      if (nowMs % 500 === 0) this.#read(nowMs)
    }
  }

  #strike(fault: FaultRecord): void {
    const { injectedMs, nodes, plan } = fault
    for (const log of this.#logs) {
      if (!fault.effective || !nodes.includes(log.leader)) continue
      const gapMs = 700 + this.#chance.below(1800)
      log.backMs = injectedMs + gapMs
      const old = log.leader
      log.leader = -1
      this.#see(log, injectedMs + 300)
      log.leader = (old + 1) % this.#options.nodes
      log.epoch += 1 + this.#chance.below(2)
      this.#see(log, injectedMs + gapMs)
      this.#say(injectedMs + gapMs - 40, log.leader, `${log.name} election won, epoch ${log.epoch}`)
    }
    for (const node of nodes) this.#say(injectedMs + 20, node, `link lost (${plan.kind})`)
  }

  #add(
    process: string,
    call: Call,
    [invokedMs, returnedMs]: readonly [number, number],
    told: Partial<Span>,
  ): void {
    const id = this.#operations.length
    const span: Span = {
      id,
      process,
      // Times order the events; a return comes after all that was invoked at its time.
      invoked: invokedMs * 1e6 + id,
      returned: returnedMs * 1e6 + id + 0.5,
      invokedMs,
      returnedMs,
      outcome: "ok",
      node: -1,
      connection: 1,
      attempts: 1,
      error: "",
      ...told,
    }
    this.#operations.push({ ...span, ...call })
  }

  #write(nowMs: number): void {
    const chance = this.#chance
    const log = this.#logs[chance.below(this.#logs.length)]
    if (log === undefined) return
    const driver = drivers[chance.below(drivers.length)] ?? "raw"
    const value = `p${chance.below(4)}.${this.#written++}${this.#options.hostile ?? ""}`
    const tookMs = 2 + chance.below(6) + (chance.below(50) === 0 ? chance.below(300) : 0)
    const isBlocked = nowMs < log.backMs
    const endMs = (isBlocked ? log.backMs : nowMs) + tookMs
    const outcome = outcomeOf(chance, isBlocked)
    const isKept = outcome === "ok" || (outcome === "info" && chance.below(2) === 0)
    const offset = log.records.length
    if (isKept) log.records.push([offset, value, log.epoch])
    const call: Call = {
      f: "append",
      partition: log.key,
      values: [value],
      acks: -1,
      producer: null,
      timestampMs: nowMs,
      offset: outcome === "ok" ? offset : -1,
    }
    const error =
      outcome === "fail" ? "NOT_LEADER_OR_FOLLOWER" : outcome === "info" ? "timeout" : ""
    const span = [nowMs, outcome === "info" ? nowMs + 3000 : endMs] as const
    const told = {
      outcome,
      node: log.leader,
      error: error && error + (this.#options.hostile ?? ""),
    }
    this.#add(`${driver}-producer-${chance.below(2)}.0`, call, span, told)
  }

  #read(nowMs: number): void {
    let unseen = 0
    for (const [i, log] of this.#logs.entries()) {
      const from = this.#seenTo.get(log.key) ?? 0
      const isBlocked = nowMs < log.backMs
      if (isBlocked) unseen += log.records.length - from
      if (isBlocked || from === log.records.length) continue
      const records = log.records.slice(from)
      this.#seenTo.set(log.key, from + records.length)
      const call: Call = {
        f: "poll",
        partition: log.key,
        from,
        records,
        highWatermark: log.records.length,
        logStartOffset: 0,
      }
      const span = [nowMs, nowMs + 4 + this.#chance.below(20)] as const
      this.#add(`${drivers[i % 2] ?? "raw"}-consumer-${i}.0`, call, span, { node: log.leader })
    }
    this.#unseen.push({ atMs: nowMs, unseen })
  }

  drain(): void {
    const { drainMs } = this.#phases
    const spoiled = this.#options.spoiled ? this.#spoil() : undefined
    for (const log of this.#logs) {
      for (let node = 0; node < this.#options.nodes; node++) {
        const records = spoiled !== undefined && log === this.#logs[0] ? spoiled : log.records
        const call: Call = {
          f: "drain",
          partition: log.key,
          records,
          highWatermark: log.records.length,
          logStartOffset: 0,
        }
        this.#add(`harness-drain-${node}`, call, [drainMs + node * 50, drainMs + 300], { node })
      }
    }
  }

  /** What the log of the first partition holds at the end, three records lost. */
  #spoil(): ReadonlyArray<SeenRecord> {
    const records = this.#logs[0]?.records ?? []
    const middle = Math.floor(records.length / 2)
    const twice = records[middle - 4]?.[1] ?? ""
    return records
      .filter((_, i) => i !== middle && i !== middle + 1 && i !== records.length - 1)
      .map(([offset, value, epoch]) => [offset, offset === middle + 9 ? twice : value, epoch])
  }

  fixture(): Fixture {
    const { options, operations, faults, phases } = this.#parts()
    const { anomalies, counts } = checkHistory(operations)
    const verdict: Verdict = anomalies.length > 0 ? "INVALID" : "VALID"
    const result: RunResult = {
      verdict,
      reasons: [...counts].map(([kind, count]) => `${kind}: ${count} found`),
      promises: [
        "acks=all, idempotent: what was acknowledged is never lost and never stored twice",
        "Every record lies at one offset for ever, the same on every replica",
        "Consumers see records in order, without gaps, and none before it is safe",
      ],
      options: {
        product: "varve",
        seed: options.seed,
        nodes: options.nodes,
        seconds: options.seconds,
        profile: "smoke",
        faults: options.kinds,
        workloads: ["log"],
        drivers: ["raw", "kafkajs", "platformatic"],
        partitions: options.partitions,
        rate: options.rate,
        plant: undefined,
      },
      command: `varve chaos --seed ${options.seed} --nodes ${options.nodes} --seconds ${options.seconds}${options.hostile ?? ""}`,
      versions: { varve: "0.1.0", bun: "1.4.5", os: "Linux 6.1", kafkajs: "2.2.4" },
      startedAt: "2026-11-21T20:15:00.000Z",
      phases,
      faults,
      skipped: [{ kind: "power", why: `no C compiler here${options.hostile ?? ""}` }],
      ...statisticsOf({ operations, faults, phases }),
      anomalies,
      anomalyCounts: Object.fromEntries(counts),
      leaders: this.#leaders,
      unseen: this.#unseen,
      logLines: this.#lines,
    }
    return { result, operations }
  }

  #parts() {
    const operations = this.#operations
    return { options: this.#options, operations, faults: this.#faults, phases: this.#phases }
  }
}

function outcomeOf(chance: Prng, isBlocked: boolean): OutcomeKind {
  const draw = chance.below(isBlocked ? 10 : 4000)
  if (draw === 0) return "info"
  return draw === 1 ? "fail" : "ok"
}

const phasesFor = (seconds: number): Phases => ({
  leadInMs: 0,
  faultsMs: 5000,
  healMs: 5000 + seconds * 1000,
  drainMs: 15_000 + seconds * 1000,
  checkMs: 18_000 + seconds * 1000,
  endMs: 19_000 + seconds * 1000,
})

const everyMs = 6000

function faultsFor(
  { kinds, seconds, nodes, seed, hostile = "" }: FixtureOptions,
  { faultsMs, healMs }: Phases,
  chance: Prng,
): ReadonlyArray<FaultRecord> {
  const brokers = Array.from({ length: nodes }, (_, i) => i)
  return Array.from({ length: Math.floor((seconds * 1000) / everyMs) }, (_, i): FaultRecord => {
    const kind = kinds[i % kinds.length] ?? "kill"
    const atMs = i * everyMs + chance.below(1500)
    const durationMs = 1500 + chance.below(5500)
    const one = chance.below(nodes)
    const isClients = kind === "zombie-producer" || kind === "partition-clients"
    const struck = isClients ? [] : kind === "kill-all" ? brokers : [one]
    const effective = chance.below(9) > 0
    return {
      plan: { kind, atMs, durationMs, seed: seed + i },
      target: (isClients ? "raw-producer-0" : `broker ${struck.join(", ")}`) + hostile,
      nodes: kind === "partition-halves" ? [one, (one + 1) % nodes] : struck,
      injectedMs: faultsMs + atMs + chance.below(40),
      healedMs: Math.min(faultsMs + atMs + durationMs, healMs),
      effective,
      evidence: effective ? `probe failed as it should${hostile}` : "the probe got through",
    }
  })
}
