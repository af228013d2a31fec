import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createTopic } from "../../scripts/harness/layout.ts"
import { readAll } from "../../scripts/harness/records.ts"
import { until } from "../../scripts/harness/until.ts"
import { useCluster } from "../support/compat-cluster.ts"
import { runExample } from "./example.ts"

/** The examples of patterns: a log as the source of tables, views, ledgers and one another. */

const keys = (records: ReadonlyArray<{ key: Buffer | null }>) =>
  new Set(records.map(({ key }) => String(key)))

describe("examples of patterns", () => {
  const cluster = useCluster({
    "group.initial.rebalance.delay.ms": "0",
    // Compaction looks for work that often.
    "log.cleaner.backoff.ms": "200",
  })

  test("change data capture: the copy of the table is equal, deleted rows included", async () => {
    const lines = await runExample("change-data-capture", cluster.bootstrap, 60)
    expect(lines.at(-1)).toBe("the copy is equal")
    const captured = Number(/^(\d+) changes captured/.exec(lines[0] ?? "")?.[1])
    expect(captured).toBeGreaterThan(40)
    const rows = new Map<string, string | null>()
    for (const { key, value } of await readAll(cluster, "customers-changes")) {
      rows.set(String(key), value === null ? null : String(value))
    }
    const there = [...rows.values()].filter((row) => row !== null)
    expect(lines[0]).toEndWith(`, ${there.length} rows in the copy`)
  }, 60_000)

  test("event sourcing: a replay and the snapshots agree, before and after compaction", async () => {
    // As the example makes it, but compacted at once.
    const configs = { "cleanup.policy": "compact", "max.compaction.lag.ms": "100" }
    await createTopic(cluster.bootstrapList, { topic: "account-snapshots", partitions: 1, configs })
    const first = await runExample("event-sourcing", cluster.bootstrap, 30)
    expect(first.at(-1)).toBe("both replays give the same balances")
    const kept = () => readAll(cluster, "account-snapshots")
    expect(keys(await kept()).size).toBe(3)
    // Five snapshots of each of three partitions were written; only the last ones are to stay.
    await until("compaction of the snapshots", async () => (await kept()).length < 15, {
      timeoutMs: 20_000,
    })
    expect(keys(await kept()).size).toBe(3)

    const second = await runExample("event-sourcing", cluster.bootstrap, 30)
    expect(second.at(-1)).toBe("both replays give the same balances")
    const [, all, short] =
      /^replayed (\d+) events from the beginning, (\d+) after snapshots$/.exec(second[1] ?? "") ??
      []
    const events = await readAll(cluster, "account-events")
    expect(Number(all)).toBe(events.length)
    expect(Number(short)).toBeLessThan(10)

    const balances: Record<string, number> = {}
    for (const { key, value } of events) {
      const { kind, cents }: { kind: string; cents: number } = JSON.parse(String(value))
      const change = kind === "deposited" ? cents : -cents
      balances[String(key)] = (balances[String(key)] ?? 0) + change
    }
    expect(Object.values(balances).every((cents) => cents >= 0)).toBe(true)
    const told: ReadonlyArray<Record<string, number>> = JSON.parse(
      second[0]?.replace(/^.*?: /, "") ?? "",
    )
    expect(Object.assign({}, ...told)).toEqual(balances)
  }, 90_000)

  test("CQRS: queries see the write before them, and the view goes on where it stopped", async () => {
    const folder = mkdtempSync(join(tmpdir(), "varve-view-"))
    const file = join(folder, "view.db")
    for (const _ of [1, 2]) {
      const lines = await runExample("cqrs", cluster.bootstrap, 30, file)
      const words = /^30 commands, (\d+) refused; (\d+) queries saw the write before them$/
      const [, refused, right] = words.exec(lines[0] ?? "") ?? []
      expect(Number(refused) + Number(right)).toBe(30)
    }
    const moved = new Map<string, { item: string; count: number; moves: number }>()
    for (const { value } of await readAll(cluster, "stock-moved")) {
      const { item, count }: { item: string; count: number } = JSON.parse(String(value))
      const before = moved.get(item) ?? { item, count: 0, moves: 0 }
      moved.set(item, { item, count: before.count + count, moves: before.moves + 1 })
    }
    const view = new Database(file, { readonly: true })
    expect(view.query("select * from stock order by item").all()).toEqual(
      [...moved.values()].toSorted((a, b) => a.item.localeCompare(b.item)),
    )
    view.close()
    rmSync(folder, { recursive: true })
  }, 60_000)

  test("log aggregation: three services in one topic, read in the order of time", async () => {
    const lines = await runExample("log-aggregation", cluster.bootstrap, 30)
    expect(lines.at(-1)).toBe(
      "90 lines, 0 against the order of time; errors: billing 4, search 1, web 3",
    )
    const times = lines.slice(0, -1).map((line) => line.split(" ")[0] ?? "")
    expect(times).toHaveLength(5)
    expect(times).toEqual(times.toSorted())
    const records = await readAll(cluster, "application-logs")
    const latest = Math.max(...records.map(({ timestamp }) => timestamp))
    expect(times.at(-1)).toBe(new Date(latest).toISOString())
  }, 60_000)

  test("delivery: a crash loses some, repeats some, or does neither", async () => {
    const [metrics, shipments, transfers] = await runExample("delivery", cluster.bootstrap, 40)
    const words = /: (\d+) of 40 lost, (\d+) handled again$/
    const [, metricsLost, metricsAgain] = words.exec(metrics ?? "") ?? []
    expect(Number(metricsLost)).toBeGreaterThan(0)
    expect(metricsAgain).toBe("0")
    const [, shipmentsLost, shipmentsAgain] = words.exec(shipments ?? "") ?? []
    expect(shipmentsLost).toBe("0")
    expect(Number(shipmentsAgain)).toBeGreaterThan(0)
    expect(transfers).toBe(
      "transfers, exactly once: 820 cents moved: 0 of 40 lost, 0 handled again",
    )
  }, 60_000)
})
