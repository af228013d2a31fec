import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { kafkaFor } from "../../scripts/harness/layout.ts"
import { readAll } from "../../scripts/harness/records.ts"
import { useCluster } from "../support/compat-cluster.ts"
import { runExample } from "./example.ts"

/** The examples in which groups share work: what came out of them, not only that they ended. */

const byPartition = (all: ReadonlyArray<{ partition: number; offset: string }>) =>
  Object.fromEntries(all.map(({ partition, offset }) => [partition, Math.max(0, +offset)]))

const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id)

describe("examples of groups", () => {
  const cluster = useCluster({ "group.initial.rebalance.delay.ms": "300" })

  /** What a group has committed, partition by partition, and where the partitions end. */
  const progress = async (groupId: string, topic: string) => {
    const admin = kafkaFor(cluster.bootstrapList).admin()
    await admin.connect()
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
    const ends = await admin.fetchTopicOffsets(topic)
    await admin.disconnect()
    return { committed: byPartition(committed?.partitions ?? []), ends: byPartition(ends) }
  }

  test("order processing: both groups hear of every order, the warehouse's lie in SQLite", async () => {
    const folder = mkdtempSync(join(tmpdir(), "varve-orders-"))
    const file = join(folder, "orders.db")
    const lines = await runExample("order-processing", cluster.bootstrap, 30, file)
    expect(lines.at(-1)).toContain("email: 30 mails")

    // One consumer of the two owns two of the three partitions.
    const shares = lines.flatMap((line) => /has partitions (.+)$/.exec(line)?.[1]?.split(" and "))
    expect(shares.filter((one) => one !== undefined).toSorted()).toEqual(["0", "1", "2"])
    expect(lines.filter((line) => line.startsWith("warehouse "))).toHaveLength(2)

    const placed = await readAll(cluster, "orders-placed")
    const database = new Database(file, { readonly: true })
    const stored = database.query<{ id: string }, []>("select id, customer, cents from orders")
    expect(stored.all().toSorted(byId)).toEqual(
      placed.map(({ value }) => JSON.parse(String(value))).toSorted(byId),
    )
    database.close()
    rmSync(folder, { recursive: true })
    for (const group of ["warehouse", "email"]) {
      const { committed, ends } = await progress(group, "orders-placed")
      expect(committed).toEqual(ends)
    }
  }, 60_000)

  test("sensor averages are those of the readings in the topic", async () => {
    const lines = await runExample("sensor-average", cluster.bootstrap, 130)
    expect(lines.map((line) => line.split(":")[0])).toEqual([
      "after 100 readings",
      "after 130 readings",
    ])
    const sums = new Map<string, { count: number; celsius: number }>()
    for (const { key, value } of await readAll(cluster, "test-topic")) {
      const { count, celsius } = sums.get(String(key)) ?? { count: 0, celsius: 0 }
      const reading: { celsius: number } = JSON.parse(String(value))
      sums.set(String(key), { count: count + 1, celsius: celsius + reading.celsius })
    }
    const averages = [...sums].map(([sensor, { count, celsius }]) => {
      return `${sensor} ${(celsius / count).toFixed(2)} °C`
    })
    expect(averages).toHaveLength(3)
    expect(lines.at(-1)).toBe(`after 130 readings: ${averages.toSorted().join(", ")}`)
    const { committed, ends } = await progress("averages", "test-topic")
    expect(committed).toEqual(ends)
  }, 60_000)

  test("game order: three servers, and every player's actions in their order", async () => {
    const lines = await runExample("game-order", cluster.bootstrap, 8)
    expect(lines.at(-1)).toBe("9 players, 8 actions each, 0 out of order")
    const servers = lines.map((line) => /^server \d, partition (\d): (\d+) actions$/.exec(line))
    expect(
      servers
        .slice(0, 3)
        .map((one) => one?.[1] ?? "")
        .toSorted(),
    ).toEqual(["0", "1", "2"])
    const handled = servers.slice(0, 3).reduce((sum, one) => sum + Number(one?.[2]), 0)
    expect(handled).toBe(9 * 8)

    const numbers = new Map<string, Array<number>>()
    const partitions = new Map<string, Set<number>>()
    for (const { key, value, partition } of await readAll(cluster, "game-actions")) {
      const { number }: { number: number } = JSON.parse(String(value))
      const player = String(key)
      numbers.set(player, [...(numbers.get(player) ?? []), number])
      partitions.set(player, (partitions.get(player) ?? new Set()).add(partition))
    }
    const inOrder = Array.from({ length: 8 }, (_, i) => i + 1)
    expect([...numbers.values()]).toEqual(Array.from({ length: 9 }, () => inOrder))
    expect([...partitions.values()].map(({ size }) => size)).toEqual(Array(9).fill(1))
  }, 60_000)

  test("a task queue: each task by exactly one of three workers", async () => {
    const lines = await runExample("task-queue", cluster.bootstrap, 60)
    expect(lines).toEqual([
      "worker 1: 20 tasks",
      "worker 2: 20 tasks",
      "worker 3: 20 tasks",
      "60 of 60 tasks were done by exactly one worker",
    ])
    const { committed, ends } = await progress("workers", "tasks")
    expect(committed).toEqual(ends)
  }, 60_000)

  test("click analytics: SQL says what the topic holds, and the other group has it all too", async () => {
    const lines = await runExample("click-analytics", cluster.bootstrap, 2_000)
    const counts = new Map<string, { clicks: number; minutes: Set<number> }>()
    let signups = 0
    for (const { value } of await readAll(cluster, "user-events")) {
      const event: { kind: string; page: string; atMs: number } = JSON.parse(String(value))
      if (event.kind === "signup") signups += 1
      else {
        const { clicks, minutes } = counts.get(event.page) ?? { clicks: 0, minutes: new Set() }
        const minute = Math.floor(event.atMs / 60_000)
        counts.set(event.page, { clicks: clicks + 1, minutes: minutes.add(minute) })
      }
    }
    const rows = [...counts].map(([page, { clicks, minutes }]) => ({
      page,
      clicks,
      minutes: minutes.size,
    }))
    expect(rows.reduce((sum, { clicks }) => sum + clicks, signups)).toBe(2_000)
    const expected = rows.toSorted((a, b) => b.clicks - a.clicks).map((row) => JSON.stringify(row))
    expect(lines.filter((line) => line.startsWith("{"))).toEqual(expected)
    expect(lines.at(-1)).toBe(`notifications: ${signups} greeted`)
    for (const group of ["analytics", "notifications"]) {
      const shares = lines.find((line) => line.startsWith(`${group}: members had partitions`))
      expect(shares?.match(/\d/g)?.toSorted()).toEqual(["0", "1"])
      expect(lines).toContain(`${group}: 0 events behind`)
      const { committed, ends } = await progress(group, "user-events")
      expect(committed).toEqual(ends)
    }
  }, 60_000)
})
