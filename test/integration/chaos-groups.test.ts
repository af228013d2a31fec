/**
 * Chaos' groups and administrators against a real cluster, a coordinator killed under them: the
 * history they write is without fault, and one that was tampered with is not.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "../../scripts/harness/until.ts"
import { checkHistory } from "../../src/chaos/checkers/index.ts"
import type { AnomalyKind } from "../../src/chaos/checkers/index.ts"
import { startRunClock } from "../../src/chaos/clock.ts"
import { startVarveCluster } from "../../src/chaos/cluster/varve-cluster.ts"
import type { VarveCluster } from "../../src/chaos/cluster/varve-cluster.ts"
import { availableDrivers } from "../../src/chaos/drivers/available.ts"
import { createRecorder } from "../../src/chaos/history/file-recorder.ts"
import { operationsOf } from "../../src/chaos/history/history.ts"
import type { Operation } from "../../src/chaos/history/history.ts"
import type { Workload, WorkloadContext } from "../../src/chaos/workload.ts"
import { makeGroupsWorkload } from "../../src/chaos/workloads/groups.ts"
import { makeMetadataWorkload } from "../../src/chaos/workloads/metadata.ts"
import { Client, findGroupCoordinator } from "../../src/client/index.ts"

const minute = 60_000
const dir = mkdtempSync(join(tmpdir(), "varve-chaos-groups-"))
const clock = startRunClock()
const recorder = createRecorder({ clock, path: join(dir, "history.jsonl") })
const runId = "test"
const group = `raw-classic-${runId}`
let cluster: VarveCluster
let workloads: ReadonlyArray<Workload> = []
let killedMs = 0

const settings = {
  "group.consumer.session.timeout.ms": "6000",
  "group.consumer.min.session.timeout.ms": "6000",
  "group.consumer.heartbeat.interval.ms": "500",
  "group.consumer.min.heartbeat.interval.ms": "500",
}

const operations = (): ReadonlyArray<Operation> => recorder.operations()

/** `<driver>` of everybody who has committed since that moment and heard so. */
function committedSince(sinceMs: number): ReadonlySet<string> {
  const done = operationsOf(operations(), "commit").filter(
    ({ outcome, invokedMs }) => outcome === "ok" && invokedMs > sinceMs,
  )
  return new Set(done.map(({ group: name }) => name))
}

function areAllCommitting(): boolean {
  const joined = new Set(operationsOf(operations(), "assign").map((one) => one.group))
  return joined.size >= 3 && committedSince(0).size >= joined.size
}

const silent = () => undefined

beforeAll(async () => {
  cluster = await startVarveCluster({ dir: join(dir, "cluster"), nodes: 3, seed: 1, settings })
  const { there: drivers, missing } = await availableDrivers()
  for (const { name, why } of missing) console.warn(`${name} is left out: ${why}`)
  const { signal } = new AbortController()
  const about = { partitions: 4, rate: 100, drivers, signal, log: silent, seed: 2, runId }
  const context: WorkloadContext = { cluster, clock, recorder, ...about }
  workloads = [makeGroupsWorkload(context), makeMetadataWorkload(context)]
  for (const workload of workloads) await workload.prepare()
}, 2 * minute)

afterAll(async () => {
  await Promise.all(workloads.map((workload) => workload.dispose()))
  await cluster?.dispose()
  await recorder.close()
  rmSync(dir, { recursive: true, force: true })
}, minute)

async function coordinator(): Promise<number> {
  const client = new Client({ bootstrap: cluster.nodes.map(({ address }) => address) })
  try {
    return (await findGroupCoordinator(client, group)).nodeId
  } finally {
    client.close()
  }
}

/** The verdict on a history in which one thing is changed. */
function tampered(change: (operation: Operation) => Operation): ReadonlyArray<AnomalyKind> {
  return checkHistory(operations().map(change)).anomalies.map(({ kind }) => kind)
}

/** `change` for the last that fits, everything else as it is. */
function withLast<F extends Operation["f"]>(
  f: F,
  fits: (operation: Operation & { readonly f: F }) => boolean,
  change: (operation: Operation & { readonly f: F }) => Partial<Operation>,
): (operation: Operation) => Operation {
  const is = (one: Operation): one is Operation & { readonly f: F } => one.f === f
  const chosen = operations().findLast((one) => is(one) && fits(one))
  if (chosen === undefined || !is(chosen)) throw new Error(`there is no such ${f}`)
  return (one) => (one.id === chosen.id ? Object.assign({}, one, change(chosen)) : one)
}

/** Nobody of the raw group was given the first record of a partition. */
const withoutFirst = (one: Operation): Operation =>
  one.f === "poll" && one.process.startsWith(`${group}.`) && one.records.some(([at]) => at === 0)
    ? Object.assign({}, one, { records: one.records.filter(([at]) => at !== 0) })
    : one

describe("groups and administrators while a coordinator is killed", () => {
  test(
    "work before and after, and read to the end",
    async () => {
      for (const workload of workloads) workload.start()
      await until("every group to commit", () => areAllCommitting(), { timeoutMs: minute })
      const node = await coordinator()
      await cluster.signal(node, "SIGKILL")
      killedMs = clock.nowMs()
      await until("a commit without it", () => committedSince(killedMs).has(group), {
        timeoutMs: minute,
      })
      await cluster.start(node)
      const backMs = clock.nowMs()
      const groups = committedSince(0)
      await until(
        "every group to commit again",
        () => [...groups].every((name) => committedSince(backMs).has(name)),
        { timeoutMs: minute },
      )
      await Promise.all(workloads.map((workload) => workload.stop(minute)))
      await Promise.all(workloads.map((workload) => workload.drain()))
    },
    5 * minute,
  )

  test("write a history that is without fault", () => {
    const { anomalies, acknowledged, read, drained } = checkHistory(operations())
    expect(anomalies).toEqual([])
    expect(acknowledged).toBeGreaterThan(50)
    expect(read).toBeGreaterThan(acknowledged)
    expect(drained).toBe(4)
  })

  test("every record was given to every group", () => {
    const ends = new Map(
      operationsOf(operations(), "drain").map(({ partition, highWatermark }) => [
        partition,
        highWatermark,
      ]),
    )
    const last = new Map(
      operationsOf(operations(), "committed")
        .filter(
          ({ outcome, process }) => outcome === "ok" && process.startsWith("raw-group-observer"),
        )
        .map((one) => [`${one.group} ${one.partition}`, one.offset]),
    )
    for (const name of committedSince(0)) {
      for (const [partition, end] of ends) expect(last.get(`${name} ${partition}`)).toBe(end)
    }
  })

  test("administrators' reads see what they made, and brokers agree at the end", () => {
    const made = operationsOf(operations(), "create").filter(({ outcome }) => outcome === "ok")
    expect(new Set(made.map(({ topicId }) => topicId)).size).toBe(made.length)
    const reads = operationsOf(operations(), "describe").filter(({ outcome }) => outcome === "ok")
    expect(reads.some(({ exists }) => exists)).toBe(true)
    expect(made.length).toBeGreaterThan(3)
  })

  test("a committed offset that is told too old is found", () => {
    const first = operationsOf(operations(), "commit").find(
      (one) => one.group === group && one.outcome === "ok",
    )
    const change = withLast(
      "committed",
      (one) => one.partition === first?.partition && one.group === group && one.outcome === "ok",
      () => ({ offset: first?.offset ?? 0, tag: first?.tag ?? "" }),
    )
    expect(tampered(change)).toContain("stale-commit")
  })

  test("a commit of an earlier generation that is taken is found", () => {
    const change = withLast(
      "commit",
      (one) => one.group === group && one.outcome === "ok",
      () => ({ generation: 1 }),
    )
    expect(tampered(change)).toContain("fenced-commit")
  })

  test("records that nobody was given are found", () => {
    expect(tampered(withoutFirst)).toContain("skipped-record")
  })

  test("a topic that comes back is found", () => {
    const seen = operationsOf(operations(), "metadata").filter(
      ({ outcome, process }) => outcome === "ok" && process.startsWith("raw-metadata-watch"),
    )
    const byConnection = Map.groupBy(seen, (one) => `${one.process} ${one.connection}`)
    const told = [...byConnection.values()].toSorted((a, b) => b.length - a.length)[0] ?? []
    const last = told.at(-1)
    const gone = told
      .flatMap(({ topics }) => topics)
      .find(({ id }) => last?.topics.every((topic) => topic.id !== id))
    expect(gone).toBeDefined()
    const change = withLast(
      "metadata",
      ({ id }) => id === last?.id,
      ({ topics }) => ({ topics: [...topics, ...(gone === undefined ? [] : [gone])] }),
    )
    expect(tampered(change)).toContain("resurrected-topic")
  })
})
