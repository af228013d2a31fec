import { afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Producer, produceRecords, readAll } from "../../src/client/index.ts"
import type { Client } from "../../src/client/index.ts"
import { acquireLock } from "../../storage/lock.ts"
import { expectValid, TestCluster, TestHistory } from "../../src/testing/index.ts"
import { Views } from "../../src/testing/views.ts"

/** Brokers in this process: what a test can do to them, and that nothing of them stays. */

// A busy machine takes its time.
setDefaultTimeout(120_000)
afterEach(() => TestCluster.disposeAll())

/** As many as there are of this process; Linux alone. */
const openFiles = (): number =>
  existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0

const none = "(not refused)"

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => none,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

/** Sends `count` records one after the other, through whatever happens. */
async function sendThrough(
  client: Client,
  history: TestHistory,
  topic: string,
  count: number,
  at: (sent: number) => Promise<unknown> | undefined = () => undefined,
): Promise<void> {
  const producer = new Producer(client, topic)
  const struck: Array<Promise<unknown>> = []
  for (let n = 0; n < count; n++) {
    struck.push(Promise.resolve(at(n)))
    const value = `${topic}-${n}`
    const record = { topic, key: `key-${n % 5}`, value }
    const bytes = { key: Buffer.from(record.key), value: Buffer.from(value) }
    const send = async () => (await producer.send(bytes)).receipt
    await history.sent("producer", record, send, { idempotent: true })
  }
  await Promise.all(struck)
}

test("a leader killed under a producer: nothing acknowledged is lost, nothing is doubled", async () => {
  await using cluster = await TestCluster.start()
  await cluster.createTopic({ name: "orders", partitions: 2 })
  const history = new TestHistory()
  let killed = -1
  await sendThrough(cluster.client(), history, "orders", 60, (n) =>
    n === 20 ? cluster.killLeader("orders").then((node) => (killed = node)) : undefined,
  )
  expect(cluster.up).not.toContain(killed)
  const last = readFileSync(cluster.nodes[killed]?.logFile ?? "", "utf8")
    .trimEnd()
    .split("\n")
    .at(-1)
  expect(last).toEndWith(`broker ${killed}: killed`)
  expect(await cluster.leaderOf("orders")).not.toBe(killed)
  await cluster.heal()
  expect(cluster.up).toHaveLength(3)
  await history.drain(cluster)
  const verdict = history.check()
  expectValid(verdict)
  expect(verdict).toMatchObject({ verdict: "VALID", acknowledged: 60, drained: 2, gaps: [] })
})

test("a leader cut off from the others: they elect another, and what it had is kept", async () => {
  await using cluster = await TestCluster.start()
  await cluster.createTopic("payments")
  const history = new TestHistory()
  const leader = await cluster.leaderOf("payments")
  await sendThrough(cluster.client(), history, "payments", 40, (n) => {
    if (n === 10) {
      cluster.isolate(leader)
      cluster.cutClients(leader)
    }
    return undefined
  })
  expect(await cluster.leaderOf("payments")).not.toBe(leader)
  const dropped = cluster.network.links
    .filter(({ from }) => from === leader)
    .map((link) => cluster.network.counters(link).droppedBytes)
  expect(Math.max(...dropped)).toBeGreaterThan(0)
  await cluster.heal()
  await history.drain(cluster)
  expectValid(history.check())
})

test("without a majority nobody acknowledges; after the heal everybody does", async () => {
  await using cluster = await TestCluster.start()
  await cluster.createTopic("votes")
  cluster.partition([[0], [1], [2]])
  const client = cluster.client()
  const records = [{ key: null, value: Buffer.from("one"), timestamp: -1 }]
  const where = { topic: "votes", partition: 0 }
  expect(await refusal(produceRecords(client, records, { ...where, timeoutMs: 700 }))).not.toBe(
    none,
  )
  await cluster.heal()
  expect(await produceRecords(client, records, where)).toHaveProperty("baseOffset")
})

test("slow links and reset connections are felt", async () => {
  await using cluster = await TestCluster.start({ nodes: 1 })
  await cluster.createTopic("slow")
  const client = cluster.client()
  const history = new TestHistory()
  await sendThrough(client, history, "slow", 1)
  cluster.slow({ latencyMs: 60 }, { links: "clients" })
  const beganMs = performance.now()
  await client.metadata(["slow"])
  expect(performance.now() - beganMs).toBeGreaterThan(110)
  expect(cluster.resetConnections(0)).toBeGreaterThan(0)
  await cluster.heal()
  await client.metadata(["slow"])
  await history.drain(cluster)
  expectValid(history.check())
})

test("a broker that is stopped hands over, and comes back with its data", async () => {
  await using cluster = await TestCluster.start()
  await cluster.createTopic("notes")
  const history = new TestHistory()
  const client = cluster.client()
  await sendThrough(client, history, "notes", 5)
  const leader = await cluster.leaderOf("notes")
  await cluster.stop(leader)
  expect(readFileSync(cluster.nodes[leader]?.logFile ?? "", "utf8")).toEndWith(": stopped\n")
  expect(await refusal(cluster.stop(leader))).toContain(`SIGTERM: broker ${leader} is down`)
  expect(await cluster.leaderOf("notes")).not.toBe(leader)
  await cluster.start(leader)
  expect(await refusal(cluster.start(leader))).toContain(`broker ${leader} runs already`)
  await cluster.heal()
  await history.drain(cluster)
  expect(history.check()).toMatchObject({ verdict: "VALID", drained: 1 })
})

test("a cluster in a given folder is there again with its data", async () => {
  const dir = mkdtempSync(join(tmpdir(), "varve-testing-again-"))
  try {
    const first = await TestCluster.start({ nodes: 2, dir })
    await first.createTopic("kept")
    await sendThrough(first.client(), new TestHistory(), "kept", 3)
    await first.dispose()
    await using second = await TestCluster.start({ nodes: 2, dir })
    await second.leaderOf("kept")
    const records = await readAll(second.client(), { topic: "kept", partition: 0 })
    expect(records.map(({ value }) => String(value))).toEqual(["kept-0", "kept-1", "kept-2"])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test("nothing is left: no folder, no socket, no file, no broker", async () => {
  // Whatever the first one loads for good.
  await (await TestCluster.start()).dispose()
  const before = openFiles()
  const cluster = await TestCluster.start()
  await cluster.createTopic("gone")
  await cluster.kill(1)
  const { dir, nodes } = cluster
  expect(existsSync(dir)).toBe(true)
  await cluster.dispose()
  await cluster.dispose()
  expect(existsSync(dir)).toBe(false)
  for (const { address, direct } of nodes) {
    for (const { host: hostname, port } of [address, direct]) {
      const dialled = Bun.connect({ hostname, port, socket: { data: () => undefined } })
      expect(await refusal(dialled)).not.toBe(none)
    }
  }
  const deadlineMs = performance.now() + 5000
  while (openFiles() > before && performance.now() < deadlineMs) await Bun.sleep(20)
  expect(openFiles()).toBeLessThanOrEqual(before)
})

test("a test that never ended is cleaned up after", async () => {
  const cluster = await TestCluster.start({ nodes: 1 })
  await TestCluster.disposeAll()
  expect(existsSync(cluster.dir)).toBe(false)
})

test("a runner that is killed leaves no folder behind", async () => {
  const cluster = join(import.meta.dir, "..", "..", "src", "testing", "index.ts")
  const source = `const { TestCluster } = await import(${JSON.stringify(cluster)})
    for (const keep of [false, true]) {
      const { dir } = await TestCluster.start({ nodes: 1, keep })
      console.log(dir)
    }
    setInterval(() => undefined, 1000)`
  const child = Bun.spawn([process.execPath, "-e", source], { stdout: "pipe" })
  let said = ""
  for await (const chunk of child.stdout) {
    said += Buffer.from(chunk).toString()
    if (said.split("\n").length === 3) child.kill("SIGKILL")
  }
  const [removed = "", kept = ""] = said.split("\n")
  const deadlineMs = performance.now() + 10_000
  while (existsSync(removed) && performance.now() < deadlineMs) await Bun.sleep(10)
  expect([existsSync(removed), existsSync(kept)]).toEqual([false, true])
  rmSync(kept, { recursive: true })
})

test("what cannot be done is one clear line", async () => {
  await using cluster = await TestCluster.start({ nodes: 1 })
  expect(await refusal(cluster.pause(0))).toContain(
    "brokers of one process cannot be paused: start the cluster with mode processes",
  )
  expect(await refusal(cluster.kill(7))).toContain("there is no broker 7")
  expect(await refusal(cluster.leaderOf("nowhere", 0, { timeoutMs: 50 }))).toContain(
    "nowhere/0 is not known after 50 ms (up: 0)",
  )
  expect(await refusal(cluster.createTopic({ name: "no such name" }))).toContain(
    "topic no such name: INVALID_TOPIC_EXCEPTION",
  )
  expect(await refusal(TestCluster.start({ settings: { "no.such": "1" } }))).toContain(
    "unknown setting no.such",
  )
  expect(await refusal(TestCluster.start({ nodes: 0 }))).toContain(
    "nodes: expected a whole number from 1 to 15, got 0",
  )
})

test("a heal that cannot be says why", async () => {
  await using cluster = await TestCluster.start()
  await cluster.kill(2)
  const lock = acquireLock(cluster.nodes[2]?.dir ?? "")
  try {
    expect(await refusal(cluster.heal())).toContain("broker 2: ")
    expect(cluster.up).toEqual([0, 1])
  } finally {
    lock.release()
  }
  await cluster.heal()
  expect(cluster.up).toEqual([0, 1, 2])
})

test("a cluster that does not become well: what is missing, at most a few lines of it", async () => {
  const nodes = Array.from({ length: 7 }, (_, id) => {
    const address = { host: "127.0.0.1", port: 1 }
    return { id, address, direct: address, dir: "", logFile: "" }
  })
  const views = new Views({ nodes })
  const ids = nodes.map(({ id }) => id)
  const said = await refusal(views.untilWell(ids, undefined, 20))
  expect(said.split("\n")).toEqual([
    "the cluster is not well after 20 ms:",
    ...[0, 1, 2, 3, 4].map((id) => `  broker ${id} does not answer`),
    "  and 2 more",
  ])
})

test("what is read back is what is there: a lost record, a late one, names of any bytes", async () => {
  await using cluster = await TestCluster.start({ nodes: 1 })
  await cluster.createTopic("bytes")
  const client = cluster.client()
  const place = { topic: "bytes", partition: 0 }
  const history = new TestHistory()
  const send = (key: Uint8Array | null, value: Uint8Array | null) =>
    history.sent("p", { ...place, key, value }, () =>
      produceRecords(client, [{ key, value, timestamp: -1 }], place),
    )
  await send(null, Buffer.from("a|b"))
  await send(null, Buffer.from([0xff, 0x00, 0x7c]))
  await send(Buffer.from("k"), null)
  await history.drain(cluster)
  expectValid(history.check())
  const values = history.operations.flatMap((one) => (one.f === "append" ? one.values : []))
  expect(values).toEqual(["a|b", "0xff007c", "deletion of k"])

  await send(null, Buffer.from("late"))
  expect(history.check().gaps).toEqual([
    "records were sent after, or were under way during, the drain",
  ])
  await history.sent("p", { ...place, value: "never" }, () => Promise.resolve({ offset: 4 }))
  await history.drain(cluster)
  const verdict = history.check()
  expect(verdict.kinds).toEqual(["lost-write"])
  expect(verdict.anomalies[0]?.detail).toContain("never")
})
