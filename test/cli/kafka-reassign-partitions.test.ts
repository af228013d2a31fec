import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { until } from "../../scripts/harness/until.ts"
import { runReassignTool } from "../../src/cli/kafka/reassign-tool.ts"
import { Client } from "../../src/client/client.ts"
import { alterPartitionReassignments } from "../../src/protocol/reassignments.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"

/** The lines are those of Kafka 4.3.1's tool in the same session, but for `log_dirs`. */

let cluster: Cluster
let dir: string
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "reassign-"))
  cluster = await Cluster.start({ nodes: 4 })
}, 60_000)
afterAll(async () => {
  rmSync(dir, { recursive: true })
  await cluster.dispose()
})

async function tool(...words: ReadonlyArray<string>) {
  const out: string[] = []
  const err: string[] = []
  const output = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
  }
  const code = await runReassignTool(
    ["--bootstrap-server", cluster.bootstrapList[0] ?? "", ...words],
    output,
  )
  return { code, out: out.join(""), err: err.join("").split("\n")[0] }
}

function file(name: string, json: unknown): string {
  const path = join(dir, name)
  writeFileSync(path, JSON.stringify(json))
  return path
}

const moves = (name: string, ...partitions: ReadonlyArray<readonly [number, number[]]>) =>
  file(name, {
    version: 1,
    partitions: partitions.map(([partition, replicas]) => ({ topic: "t", partition, replicas })),
  })

const anyDirs = '"log_dirs":["any","any","any"]'

test("a session prints what Kafka's tool prints", async () => {
  const [first = ""] = cluster.bootstrapList
  const [host = "", port = ""] = first.split(":")
  const client = new Client({ bootstrap: [{ host, port: Number(port) }] })
  const assignments = [
    [0, 1, 2],
    [1, 2, 0],
  ].map((brokerIds, partitionIndex) => ({ partitionIndex, brokerIds }))
  const topic = { name: "t", numPartitions: -1, replicationFactor: -1, assignments }
  await client.ask(createTopics, { topics: [topic], timeoutMs: 10_000 })

  expect(await tool("--list")).toEqual({
    code: 0,
    out: "No partition reassignments found.\n",
    err: "",
  })
  const there = moves("a.json", [0, [3, 1, 0]])
  expect((await tool("--reassignment-json-file", there, "--verify")).out).toBe(
    "Status of partition reassignment:\n" +
      "There is no active reassignment of partition t-0, but replica set is 0,1,2 rather than 3,1,0.\n\n",
  )
  expect(await tool("--reassignment-json-file", there, "--execute")).toEqual({
    code: 0,
    out:
      "Current partition replica assignment\n\n" +
      `{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[0,1,2],${anyDirs}}]}\n\n` +
      "Save this to use as the --reassignment-json-file option during rollback\n" +
      "Successfully started partition reassignment for t-0\n",
    err: "",
  })
  await until("the reassignment", async () =>
    (await tool("--reassignment-json-file", there, "--verify")).out.includes(
      "Reassignment of partition t-0 is completed.\n",
    ),
  )

  // To a broker that is down: it stays under way.
  await cluster.kill(3)
  await client.ask(alterPartitionReassignments, {
    timeoutMs: 10_000,
    topics: [{ name: "t", partitions: [{ partitionIndex: 1, replicas: [3, 2, 1] }] }],
  })
  const stuck = moves("b.json", [1, [3, 2, 1]])
  expect((await tool("--list")).out).toBe(
    "Current partition reassignments:\nt-1: replicas: 3,2,1,0. adding: 3. removing: 0.\n",
  )
  expect((await tool("--reassignment-json-file", stuck, "--verify")).out).toBe(
    "Status of partition reassignment:\nReassignment of partition t-1 is still in progress.\n\n",
  )
  const refused = await tool("--reassignment-json-file", there, "--execute")
  expect([refused.code, refused.out.slice(0, 66)]).toEqual([
    1,
    "Cannot execute because there is an existing partition assignment. ",
  ])
  expect((await tool("--reassignment-json-file", stuck, "--cancel")).out).toBe(
    "Successfully cancelled partition reassignment for: t-1\n" +
      "None of the specified partition moves are active.\n",
  )
  expect((await tool("--reassignment-json-file", stuck, "--cancel")).out).toBe(
    "None of the specified partition reassignments are active.\n" +
      "None of the specified partition moves are active.\n",
  )
  client.close()
}, 60_000)

test("what is wrong is said as Kafka's tool says it", async () => {
  const execute = (path: string) => tool("--reassignment-json-file", path, "--execute")
  expect(await execute("nofile.json")).toMatchObject({
    code: 1,
    out: "Error: Unable to read file nofile.json\n",
  })
  expect((await execute(moves("c.json", [0, [0, 9]]))).out).toBe("Error: Unknown broker id 9\n")
  expect((await execute(moves("d.json", [0, [0, 0]]))).out).toBe(
    "Error: Partition replica lists may not contain duplicate entries: t-0 contains multiple entries for 0\n",
  )
  expect((await execute(moves("e.json"))).out).toBe(
    "Error: Partition reassignment list cannot be empty\n",
  )
  const nope = { version: 1, partitions: [{ topic: "nope", partition: 0, replicas: [0] }] }
  expect((await execute(file("f.json", nope))).out).toBe(
    "Error: org.apache.kafka.common.errors.UnknownTopicOrPartitionException: Topic nope not found.\n",
  )
  const fewer = await tool(
    "--reassignment-json-file",
    moves("g.json", [0, [1, 0]]),
    "--execute",
    "--disallow-replication-factor-change",
  )
  expect([fewer.code, fewer.out.split("\n").slice(-3)]).toEqual([
    1,
    ["Error reassigning partition(s):", "t-0: The replication factor is changed from 3 to 2", ""],
  ])
  const actions = "--generate, --execute, --verify, --cancel, --list"
  expect((await tool()).err).toBe(`Command must include exactly one action: ${actions}`)
  expect((await tool("--execute")).err).toBe('Missing required argument "[reassignment-json-file]"')
  expect((await tool("--list", "--additional")).err).toBe(
    `Option "[additional]" can't be used with action "[list]"`,
  )
}, 60_000)

test("proposes replicas on the brokers that are given", async () => {
  const topics = file("t.json", { version: 1, topics: [{ topic: "t" }] })
  const words = ["--topics-to-move-json-file", topics, "--broker-list", "0,1,2", "--generate"]
  const { code, out } = await tool(...words)
  expect(code).toBe(0)
  const [, current = "", , heading, proposed = ""] = out.split("\n")
  expect(heading).toBe("Proposed partition reassignment configuration")
  expect(JSON.parse(current).partitions.length).toBe(2)
  for (const { replicas } of JSON.parse(proposed).partitions) {
    expect(replicas.toSorted()).toEqual([0, 1, 2])
  }
}, 60_000)
