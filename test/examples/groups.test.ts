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

describe("examples of groups", () => {
  const cluster = useCluster({ "group.initial.rebalance.delay.ms": "300" })

  /** What a group has committed, partition by partition, and where the partitions end. */
  const progress = async (groupId: string, topic: string) => {
    const admin = kafkaFor(cluster.bootstrapList).admin()
    await admin.connect()
    const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] })
    const ends = await admin.fetchTopicOffsets(topic)
    await admin.disconnect()
    const byPartition = (all: Array<{ partition: number; offset: string }>) =>
      Object.fromEntries(all.map(({ partition, offset }) => [partition, Math.max(0, +offset)]))
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
    const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id)
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
})
