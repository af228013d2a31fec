/** The simulated clients against a real (simulated) cluster: they do what they are there for. */
import { expect, setDefaultTimeout, test } from "bun:test"
import { Invariants } from "../../src/sim/invariants.ts"
import { Liveness } from "../../src/sim/liveness.ts"
import { isTimely, livenessBoundMs } from "../../src/sim/liveness-bound.ts"
import { historyLines } from "../../src/chaos/history/lines.ts"
import type { Fault } from "../../src/sim/faults.ts"
import type { WorkloadShape } from "../../src/sim/options.ts"
import { Workload } from "../../src/sim/workload.ts"
import { SimWorld } from "../../src/sim/world.ts"
import { nameOf, valueOf } from "../../src/chaos/history/values.ts"

// Seconds of processor time; the machine may be busy with other tests.
setDefaultTimeout(60_000)

const shape: WorkloadShape = {
  producers: 3,
  consumers: 2,
  thinkMs: 20,
  idempotentPercent: 60,
  operations: 1500,
  recordsPerBatch: [1, 4],
  valueBytes: [8, 60],
  mix: { produce: 10, fetch: 10, listOffsets: 3, admin: 1 },
}

const bounds = {
  latencyMs: [1, 3],
  fsyncMs: [1, 4],
  clockDriftPerMille: 0,
  electionTimeoutMs: 300,
  dataElectionTimeoutMs: 1500,
  suspectMs: 600,
} as const

function run(seed: number, faults: ReadonlyArray<Fault>, ms = 6000) {
  const world = new SimWorld({ seed })
  const invariants = new Invariants(world)
  world.observe(invariants)
  world.startAll()
  const workload = new Workload(world, {
    seed,
    topics: [{ partitions: 2, replicationFactor: 3, configs: { "min.insync.replicas": "2" } }],
    shape,
    acknowledged: (topicId, partition, end) => invariants.acknowledged(topicId, partition, end),
  })
  workload.start()
  world.schedule(faults)
  world.run(ms)
  world.healNetwork()
  world.healMachines()
  workload.stop()
  const liveness = new Liveness(world, workload, bounds).run(() => world.step())
  return { world, workload, liveness, verdict: workload.check() }
}

const stormy: ReadonlyArray<Fault> = [
  { atMs: 2000, _tag: "crash", node: { leaderOfPick: 0 }, power: true, downMs: 900 },
  { atMs: 2800, _tag: "isolate", node: "metadataLeader", ways: "both", mode: "drop", forMs: 900 },
  { atMs: 4000, _tag: "pause", node: { leaderOfPick: 1 }, forMs: 1500 },
  { atMs: 4800, _tag: "crash", node: 2, power: false, downMs: 400 },
]

test("calm: everything works, nothing is wrong, every kind of operation is made", () => {
  const { workload, liveness, verdict } = run(1, [])
  expect(verdict.anomalies).toEqual([])
  expect(liveness).toMatchObject({ isLive: true, unmet: [] })
  expect(verdict.acknowledged).toBeGreaterThan(150)
  expect(verdict.drained).toBe(2)
  const made = new Set(workload.history.operations.map(({ f, outcome }) => `${f} ${outcome}`))
  for (const f of ["append", "poll", "list", "epochEnd", "metadata", "create", "delete", "drain"]) {
    expect(made).toContain(`${f} ok`)
  }
})

test.each([2, 3, 4])("stormy, seed %d: retries bite, and nothing is wrong", (seed) => {
  const { workload, liveness, verdict } = run(seed, stormy)
  expect(verdict.anomalies).toEqual([])
  expect(liveness).toMatchObject({ isLive: true, unmet: [] })
  const appends = workload.history.operations.filter(({ f }) => f === "append")
  expect(appends.some(({ attempts }) => attempts > 1)).toBe(true)
  expect(verdict.acknowledged).toBeGreaterThan(100)
})

test("the same seed makes the same history and the same events", () => {
  const once = run(5, stormy)
  const again = run(5, stormy)
  expect([...historyLines(again.workload.history.operations)]).toEqual([
    ...historyLines(once.workload.history.operations),
  ])
  expect(again.world.hash).toBe(once.world.hash)
})

test("progress is missed where there can be none", () => {
  const { world, workload } = run(6, [], 3000)
  world.inject({ atMs: 0, _tag: "crashAll", power: true })
  const verdict = new Liveness(world, workload, bounds).run(() => world.step())
  expect(verdict).toMatchObject({ isLive: false, unmet: ["no broker runs"] })
})

test("a broker that stays cut off is named", () => {
  const { world, workload } = run(7, [], 3000)
  const cut = { atMs: 0, _tag: "isolate", node: 1, ways: "both", mode: "drop" } as const
  world.inject(cut)
  const whole = new Liveness(world, workload, bounds).run(() => world.step())
  expect(whole.isLive).toBe(false)
  expect(whole.unmet.join("\n")).toContain("broker 1")
})

test("the bound grows with what slows a cluster down", () => {
  const small = { ...bounds, groups: 3, brokers: 3, entries: 100, payloadBytes: 10_000 }
  const bound = livenessBoundMs(small)
  const slower = [
    { latencyMs: [0, 200] as const },
    { fsyncMs: [5, 100] as const },
    { clockDriftPerMille: 200 },
    { groups: 64 },
    { entries: 100_000 },
    { payloadBytes: 1 << 30 },
    { dataElectionTimeoutMs: 10_000 },
  ]
  for (const change of slower) {
    expect(livenessBoundMs({ ...small, ...change })).toBeGreaterThan(bound)
  }
})

test("where a round takes longer than an election, progress is not promised", () => {
  expect(isTimely(bounds)).toBe(true)
  expect(isTimely({ ...bounds, latencyMs: [0, 200] })).toBe(false)
  expect(isTimely({ ...bounds, latencyMs: [1, 20], fsyncMs: [5, 150] })).toBe(false)
})

test("a value proves its own bytes", () => {
  const value = valueOf("p3.17", 40)
  expect(value.length).toBe(40)
  expect(nameOf(value)).toBe("p3.17")
  expect(nameOf(valueOf("p3.18", 3))).toBe("p3.18")
  expect(nameOf(null)).toBe("?null")
  for (let i = 0; i < value.length; i++) {
    const spoiled = value.slice()
    spoiled[i] = (spoiled[i] ?? 0) ^ 1
    expect(nameOf(spoiled)).not.toBe("p3.17")
  }
})
