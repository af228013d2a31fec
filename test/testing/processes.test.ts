import { afterEach, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { produceRecords } from "../../src/client/index.ts"
import { expectValid, TestCluster, TestHistory } from "../../src/testing/index.ts"

/** Brokers as processes: the same methods, and those that need a process. */

afterEach(() => TestCluster.disposeAll())

test("a leader that stands still, then is killed: the others go on", async () => {
  await using cluster = await TestCluster.start({ mode: "processes" })
  await cluster.createTopic("orders")
  const history = new TestHistory()
  const client = cluster.client()
  const send = (value: string) => {
    const place = { topic: "orders", partition: 0 }
    const records = [{ key: null, value: Buffer.from(value), timestamp: -1 }]
    return history
      .sent("p", { ...place, value }, () =>
        produceRecords(client, records, { ...place, timeoutMs: 2000 }),
      )
      .catch(() => undefined)
  }
  await send("a")
  const paused = await cluster.pauseLeader("orders")
  expect(cluster.up).not.toContain(paused)
  expect(await cluster.leaderOf("orders")).not.toBe(paused)
  client.forgetLeader("orders", 0)
  await send("b")
  await cluster.kill(paused)
  await send("c")
  await cluster.heal()
  await send("d")
  await history.drain(cluster)
  const verdict = history.check()
  expectValid(verdict)
  expect(verdict.acknowledged).toBeGreaterThanOrEqual(2)
  const pids = cluster.nodes.map(({ id }) => cluster.chaos.pidOf(id) ?? -1)
  await cluster.dispose()
  expect(existsSync(cluster.dir)).toBe(false)
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow()
}, 120_000)
