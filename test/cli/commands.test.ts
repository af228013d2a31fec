import { afterAll, beforeAll, expect, test } from "bun:test"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { runCli } from "../support/run-cli.ts"

let cluster: Cluster
beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 1, settings: { "num.partitions": "2" } })
})
afterAll(async () => {
  await cluster.dispose()
})

const varve = (...args: ReadonlyArray<string>) =>
  runCli("main.ts", [...args, "--bootstrap", cluster.bootstrap])

const json = (text: string): unknown => JSON.parse(text)

test("topics: create, list, describe, delete, each as text and as JSON", async () => {
  const created = await varve(
    "topics",
    "create",
    "orders",
    "--partitions",
    "3",
    "--config",
    "retention.ms=5000",
  )
  expect([created.exit, created.stdout]).toEqual([
    0,
    "created orders: 3 partitions, 1 replicas each\n",
  ])
  const byDefault = await varve("topics", "create", "clicks", "--json")
  expect(json(byDefault.stdout)).toEqual({ topic: "clicks", partitions: 2, replicas: 1 })
  const listed = await varve("topics", "list")
  expect(listed.stdout).toBe(
    "TOPIC   PARTITIONS  REPLICAS\nclicks  2           1\norders  3           1\n",
  )
  const described = await varve("topics", "describe", "orders", "--json")
  expect(json(described.stdout)).toMatchObject({
    name: "orders",
    partitions: [0, 1, 2].map((partition) => ({ partition, leader: 0, replicas: [0], isr: [0] })),
  })
  expect((await varve("topics", "describe", "orders")).stdout).toContain(
    "PARTITION  LEADER  EPOCH  REPLICAS  ISR",
  )
  expect(json((await varve("topics", "delete", "clicks", "--json")).stdout)).toEqual({
    deleted: "clicks",
  })
  expect((await varve("topics", "alter", "orders", "--partitions", "4")).stdout).toBe(
    "orders has 4 partitions now\n",
  )
  expect(json((await varve("topics", "list", "--json")).stdout)).toMatchObject([{ name: "orders" }])
}, 60_000)

test("brokers", async () => {
  expect((await varve("brokers")).stdout).toMatch(
    /^cluster \S{22}\nID  ADDRESS +RACK  LEADS  REPLICAS  SIZE\n0   127\.0\.0\.1:\d+ +- +\d+ +\d+ +\S+ \S*B\n$/,
  )
  expect(json((await varve("brokers", "--json")).stdout)).toMatchObject({
    brokers: [{ id: 0, rack: null, replicas: expect.any(Number) }],
  })
})

test("records, groups and settings: written, read, shown, changed", async () => {
  const values = ["--key", "k", "one", "two"]
  expect((await varve("produce", "letters", ...values)).stdout).toMatch(
    /^produced 2 records to letters: 2 in partition \d from offset 0\n$/,
  )
  const read = await varve("consume", "letters", "--group", "readers", "--json")
  const lines = read.stdout.trimEnd().split("\n").map(json)
  expect(lines).toMatchObject(
    ["one", "two"].map((value, offset) => ({ topic: "letters", key: "k", value, offset })),
  )
  const described = json((await varve("groups", "describe", "readers", "--json")).stdout)
  expect(described).toMatchObject({ group: { groupId: "readers", state: "Empty" } })
  expect((await varve("groups", "describe", "readers")).stdout).toEndWith("lag in all: 0\n")
  const planned = await varve("groups", "reset", "readers", "--to", "earliest")
  expect(planned.stdout).toEndWith("nothing was changed: add --execute to do it\n")
  await varve("groups", "reset", "readers", "--to", "earliest", "--execute")
  expect((await varve("groups", "describe", "readers")).stdout).toEndWith("lag in all: 2\n")
  expect((await varve("groups", "delete", "readers")).stdout).toBe("deleted readers\n")
  await varve("configs", "set", "topic", "letters", "retention.ms=5000")
  expect((await varve("configs", "list", "topic", "letters")).stdout).toBe(
    "SETTING       VALUE  FROM\nretention.ms  5000   set for the topic\n",
  )
  await varve("configs", "unset", "topic", "letters", "retention.ms")
  expect((await varve("configs", "list", "topic", "letters")).stdout).toBe(
    "nothing is set: --all shows the defaults\n",
  )
}, 60_000)

test("a failed operation is exit 1 and one line; wrong usage is exit 2", async () => {
  await varve("topics", "create", "twice")
  const again = await varve("topics", "create", "twice")
  expect([again.exit, again.stderr]).toEqual([
    1,
    "varve: TOPIC_ALREADY_EXISTS: Topic 'twice' already exists; `varve topics describe` shows it\n",
  ])
  const missing = await varve("topics", "describe", "missing")
  expect([missing.exit, missing.stderr]).toEqual([
    1,
    "varve: UNKNOWN_TOPIC_OR_PARTITION: missing; `varve topics list` shows which there are\n",
  ])
  const nobody = await runCli("main.ts", ["brokers", "--bootstrap", "127.0.0.1:1"])
  expect([nobody.exit, nobody.stderr]).toEqual([
    1,
    expect.stringContaining("127.0.0.1:1 could not be made"),
  ])
  for (const args of [
    ["bogus"],
    ["topics", "list", "--bogus"],
    ["topics", "create"],
    ["topics", "list", "--bootstrap", "x"],
    ["configs", "set", "topic", "orders", "x", "--bootstrap", cluster.bootstrap],
    ["consume", "orders", "--from", "nonsense", "--bootstrap", cluster.bootstrap],
  ]) {
    expect([args, (await runCli("main.ts", args)).exit]).toEqual([args, 2])
  }
}, 30_000)

test("help, also of the commands that do not go through the command tree, and completions", async () => {
  for (const args of [
    [],
    ["--help"],
    ["cluster", "--help"],
    ["start", "--help"],
    ["topics", "--help"],
    ["consume", "--help"],
  ]) {
    const help = await runCli("main.ts", args)
    expect([args, help.exit, help.stdout.includes("USAGE")]).toEqual([args, 0, true])
  }
  expect((await runCli("main.ts", ["cluster", "--help"])).stdout).toContain("--restart")
  expect((await runCli("main.ts", ["--version"])).stdout).toContain("0.1.0")
  expect((await runCli("main.ts", ["--completions", "bash"])).stdout).toContain("topics")
}, 60_000)

test("bench refuses a wrong flag in one line, and lists the right ones", async () => {
  const wrong = await runCli("main.ts", ["bench", "--nope"])
  expect([wrong.exit, wrong.stdout]).toEqual([2, ""])
  expect(wrong.stderr).toMatch(/^bench: Unknown option '--nope'[^\n]*\n$/)
  const help = await runCli("main.ts", ["bench", "--help"])
  expect([help.exit, help.stdout.includes("--bootstrap")]).toEqual([0, true])
})
