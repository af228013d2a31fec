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
  expect(json((await varve("topics", "list", "--json")).stdout)).toMatchObject([{ name: "orders" }])
}, 30_000)

test("brokers", async () => {
  expect((await varve("brokers")).stdout).toMatch(
    /^cluster \S{22}\nID  ADDRESS +RACK\n0   127\.0\.0\.1:\d+ +-\n$/,
  )
  expect(json((await varve("brokers", "--json")).stdout)).toMatchObject({
    brokers: [{ id: 0, rack: null }],
  })
})

test("a failed operation is exit 1 and one line; wrong usage is exit 2", async () => {
  await varve("topics", "create", "twice")
  const again = await varve("topics", "create", "twice")
  expect([again.exit, again.stderr]).toEqual([
    1,
    "varve: TOPIC_ALREADY_EXISTS: Topic 'twice' already exists.\n",
  ])
  const missing = await varve("topics", "describe", "missing")
  expect([missing.exit, missing.stderr]).toEqual([
    1,
    "varve: UNKNOWN_TOPIC_OR_PARTITION: missing\n",
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
  ]) {
    const help = await runCli("main.ts", args)
    expect([args, help.exit, help.stdout.includes("USAGE")]).toEqual([args, 0, true])
  }
  expect((await runCli("main.ts", ["cluster", "--help"])).stdout).toContain("--restart")
  expect((await runCli("main.ts", ["--version"])).stdout).toContain("0.1.0")
  expect((await runCli("main.ts", ["--completions", "bash"])).stdout).toContain("topics")
})

test("bench refuses a wrong flag in one line, and lists the right ones", async () => {
  const wrong = await runCli("main.ts", ["bench", "--nope"])
  expect([wrong.exit, wrong.stdout]).toEqual([2, ""])
  expect(wrong.stderr).toMatch(/^bench: Unknown option '--nope'[^\n]*\n$/)
  const help = await runCli("main.ts", ["bench", "--help"])
  expect([help.exit, help.stdout.includes("--bootstrap")]).toEqual([0, true])
})
