/**
 * Chaos' clients against a real cluster, a leader killed under them: the history they write is
 * without fault, and one that was tampered with is not.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "../../scripts/harness/until.ts"
import { checkHistory } from "../../src/chaos/checkers/index.ts"
import { startRunClock } from "../../src/chaos/clock.ts"
import { startVarveCluster } from "../../src/chaos/cluster/varve-cluster.ts"
import type { VarveCluster } from "../../src/chaos/cluster/varve-cluster.ts"
import { availableDrivers } from "../../src/chaos/drivers/available.ts"
import { createRecorder } from "../../src/chaos/history/file-recorder.ts"
import { operationsOf } from "../../src/chaos/history/history.ts"
import type { Drain, Operation } from "../../src/chaos/history/history.ts"
import { MetadataProbe } from "../../src/chaos/metadata-probe.ts"
import type { DriverName, Workload, WorkloadContext } from "../../src/chaos/workload.ts"
import { makeIdempotenceWorkload } from "../../src/chaos/workloads/idempotence.ts"
import { makeLogWorkload } from "../../src/chaos/workloads/log.ts"

const minute = 60_000
const dir = mkdtempSync(join(tmpdir(), "varve-chaos-workloads-"))
const clock = startRunClock()
const recorder = createRecorder({ clock, path: join(dir, "history.jsonl") })
let cluster: VarveCluster
let drivers: ReadonlyArray<DriverName> = []
const workloads: Array<Workload> = []

beforeAll(async () => {
  cluster = await startVarveCluster({ dir: join(dir, "cluster"), nodes: 3, seed: 1 })
  const found = await availableDrivers()
  drivers = found.there
  for (const { name, why } of found.missing) console.warn(`${name} is left out: ${why}`)
}, 2 * minute)

afterAll(async () => {
  await Promise.all(workloads.map((workload) => workload.dispose()))
  await cluster?.dispose()
  await recorder.close()
  rmSync(dir, { recursive: true, force: true })
}, minute)

const context = (more: Partial<WorkloadContext>): WorkloadContext => ({
  cluster,
  clock,
  recorder,
  seed: 2,
  runId: "test",
  partitions: 6,
  rate: 200,
  drivers,
  signal: new AbortController().signal,
  log: () => undefined,
  ...more,
})

const operations = (): ReadonlyArray<Operation> => recorder.operations()

/** Which drivers have done something since that moment. */
function busySince(sinceMs: number, f: "append" | "poll"): ReadonlySet<string> {
  const done = operations().filter(
    (one) => one.f === f && one.outcome === "ok" && one.invokedMs > sinceMs,
  )
  return new Set(done.map(({ process }) => process.replace(/-(producer|consumer).*/, "")))
}

async function leaderOf(topic: string): Promise<number> {
  const probe = new MetadataProbe(cluster.nodes)
  const found = await until(`a leader of ${topic}`, async () => {
    const seen = await probe.ask(0)
    const first = seen?.partitions.find(({ partition }) => partition === `${topic}/0`)
    return first !== undefined && first.leader >= 0 ? first : undefined
  })
  return found.leader
}

async function killALeader(): Promise<void> {
  const leader = await leaderOf(workloads[0]?.topics[0] ?? "")
  await cluster.signal(leader, "SIGKILL")
  const killedMs = clock.nowMs()
  for (const f of ["append", "poll"] as const) {
    // kcat only reads.
    const wanted = drivers.filter((driver) => f === "poll" || driver !== "kcat")
    const left = () => wanted.filter((driver) => !busySince(killedMs, f).has(driver))
    await until(`every driver to ${f} again`, () => left().length === 0, {
      timeoutMs: minute,
      everyMs: 200,
    }).catch((error: unknown) => {
      throw new Error(`${left().join(", ")} did not`, { cause: error })
    })
  }
  await cluster.start(leader)
}

/** The same history with another drain of every replica of the partition. */
const withDrains = (partition: string, change: (drain: Operation<Drain>) => Operation<Drain>) =>
  operations().map((one) => (one.f === "drain" && one.partition === partition ? change(one) : one))

const kinds = (history: ReadonlyArray<Operation>) =>
  new Set(checkHistory(history).anomalies.map(({ kind }) => kind))

describe("chaos' clients", () => {
  test(
    "go through the death of a leader, every one of them, without an anomaly",
    async () => {
      workloads.push(
        makeLogWorkload(context({})),
        makeIdempotenceWorkload(context({ partitions: 2, rate: 100 })),
      )
      for (const workload of workloads) await workload.prepare()
      for (const workload of workloads) workload.start()
      await killALeader()
      const zombies = workloads[1]?.clients.filter(({ beget }) => beget !== undefined) ?? []
      await zombies[0]?.beget?.()
      await until("zombies to be refused", () =>
        operations().some(({ error }) => error === "INVALID_PRODUCER_EPOCH"),
      )
      for (const workload of workloads) await workload.stop(30_000)
      for (const workload of workloads) await workload.drain()
      const verdict = checkHistory(operations())
      expect(verdict.anomalies).toEqual([])
      expect(verdict.drained).toBe(8)
      expect(verdict.acknowledged).toBeGreaterThan(100)
      expect(operationsOf(operations(), "drain").map(({ outcome }) => outcome)).toEqual(
        Array.from({ length: 24 }, () => "ok"),
      )
    },
    4 * minute,
  )

  test("leave nothing pending, and retries under one sequence number", () => {
    const appends = operationsOf(operations(), "append")
    expect(appends.filter(({ outcome }) => outcome === "pending")).toEqual([])
    const again = appends.filter(({ outcome, attempts }) => outcome === "ok" && attempts > 1)
    expect(again.length).toBeGreaterThan(0)
  })

  test("write what a tampered history is caught by", () => {
    const acknowledged = operationsOf(operations(), "append").find(
      ({ outcome, acks, partition }) =>
        outcome === "ok" && acks === -1 && partition.startsWith("log-a-"),
    )
    if (acknowledged === undefined) throw new Error("nothing was acknowledged")
    const { partition, values, offset } = acknowledged
    const without = withDrains(partition, (drain) => ({
      ...drain,
      records: drain.records.filter(([, value]) => !values.includes(value)),
    }))
    expect(kinds(without)).toContain("lost-write")
    const other = withDrains(partition, (drain) => ({
      ...drain,
      records: drain.records.map(([at, value, epoch]) =>
        at === offset && drain.node === 1 ? [at, "?damaged", epoch] : [at, value, epoch],
      ),
    }))
    expect(kinds(other)).toContain("inconsistent-offsets")
  })
})
