/**
 * Enumerated crash points: the same short story over and over, each time with one broker crashed
 * exactly behind its k-th write, its k-th fsync or its k-th frame. Chance alone rarely hits the few
 * microseconds between a vote's write and its answer; here each step is hit once (VERIFICATION §4).
 *
 * A point is a plan like any other: what fails is replayed, shrunk and kept in the same way.
 */
import type { CrashPoint } from "../../src/sim/broker.ts"
import type { SimCase } from "../../src/sim/case.ts"
import type { Fault, FaultKind } from "../../src/sim/faults.ts"
import { drawOptions } from "../../src/sim/options.ts"
import type { SimOptions } from "../../src/sim/options.ts"

export interface CrashScenario {
  readonly name: string
  /** Steps are counted from then on, in every broker. */
  readonly fromMs: number
  /** What happens anyway. */
  readonly plan: ReadonlyArray<Fault>
  readonly options?: Partial<SimOptions>
}

/** What a crash leaves of what was not fsynced, and where in the turn it comes. */
export const crashMoments = [
  /** Written, and lost. */
  { name: "before persist", behind: "commit", keep: 0 },
  /** Written and kept, but nobody was told. */
  { name: "after persist", behind: "commit", keep: 1_000 },
  /** Fsynced, but the process never heard of it. */
  { name: "after sync", behind: "sync", keep: 0 },
  /** In the middle of a turn's frames: this one left, the next does not. */
  { name: "after send", behind: "send", keep: 0 },
] as const satisfies ReadonlyArray<{ name: string; behind: CrashPoint; keep: number }>

const at = (atMs: number, kind: FaultKind): Fault => ({ atMs, ...kind })

export const crashScenarios: ReadonlyArray<CrashScenario> = [
  { name: "a cluster forms and makes a topic", fromMs: 0, plan: [] },
  { name: "replication", fromMs: 1_500, plan: [] },
  {
    name: "election",
    fromMs: 1_500,
    plan: [at(1_499, { _tag: "crash", node: { leaderOfPick: 0 }, power: true, downMs: 2_500 })],
  },
  {
    name: "leader change with produce in flight",
    fromMs: 1_500,
    plan: [at(1_499, { _tag: "transfer", pick: 0 })],
  },
  {
    name: "a leader that was cut off comes back",
    fromMs: 3_400,
    plan: [
      at(1_499, {
        _tag: "isolate",
        node: { leaderOfPick: 0 },
        ways: "both",
        mode: "drop",
        forMs: 2_000,
      }),
    ],
  },
  {
    name: "snapshot install",
    fromMs: 2_500,
    plan: [
      at(1_200, { _tag: "crash", node: 2, power: false, downMs: 1_300 }),
      at(2_300, { _tag: "cutLog", node: { leaderOfPick: 0 }, pick: 9_999 }),
      at(2_400, { _tag: "cutLog", node: { leaderOfPick: 0 }, pick: 9_999 }),
    ],
  },
  {
    name: "a log is cut",
    fromMs: 1_500,
    plan: [
      at(1_600, { _tag: "cutLog", node: { leaderOfPick: 0 }, pick: 5 }),
      at(1_700, { _tag: "cutLog", node: 0, pick: 7 }),
    ],
  },
  {
    name: "membership change",
    fromMs: 1_600,
    plan: [at(1_500, { _tag: "replaceDisk", node: 2, downMs: 100 })],
  },
  {
    name: "recovering",
    fromMs: 1_700,
    plan: [at(1_500, { _tag: "loseTail", node: 1, commits: 5, downMs: 200 })],
  },
  {
    name: "amnesiac",
    fromMs: 1_700,
    plan: [at(1_500, { _tag: "loseSentinel", node: 1, downMs: 200 })],
  },
]

/** Three brokers, one partition, nothing wrong but the plan. */
const calm: Partial<SimOptions> = {
  brokers: 3,
  topics: [{ partitions: 1, replicationFactor: 3 }],
  durationMs: 5_000,
  network: {
    latencyMs: [1, 3],
    spikePer10k: 0,
    spikeMs: [0, 0],
    lossPer10k: 0,
    duplicatePer10k: 0,
    reorderPer10k: 0,
  },
  disk: { fsyncMs: [1, 4], torn: false },
  clockDriftPerMille: 0,
  faults: {},
  workload: {
    producers: 2,
    consumers: 1,
    idempotentPercent: 100,
    operations: 120,
    thinkMs: 50,
    recordsPerBatch: [1, 3],
    valueBytes: [16, 32],
    mix: { produce: 10, fetch: 3, listOffsets: 0, admin: 0 },
  },
  metadataSnapshotEntries: 10,
}

export interface CrashPointCase {
  readonly name: string
  readonly case: SimCase
}

/** Every point of a scenario's first `steps` steps, in the order of the steps. */
export function* crashPoints(
  scenario: CrashScenario,
  steps: number,
  seed = 1,
): Generator<CrashPointCase> {
  const options = { ...drawOptions(seed), ...calm, ...scenario.options }
  for (let step = 0; step < steps; step++) {
    for (let node = 0; node < options.brokers; node++) {
      for (const { name, behind, keep } of crashMoments) {
        const crash = at(scenario.fromMs, {
          _tag: "crash",
          node,
          power: keep === 0,
          behind,
          skip: step,
          keep,
          downMs: 400,
        })
        const plan = [...scenario.plan, crash].toSorted((a, b) => a.atMs - b.atMs)
        yield {
          name: `${scenario.name}: broker ${node} ${name} of step ${step}`,
          case: { options, plan },
        }
      }
    }
  }
}
