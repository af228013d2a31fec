/** A real cluster behind the proxy: what faults and workloads rely on. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "../../scripts/harness/until.ts"
import { processState } from "../../src/chaos/cluster/process-state.ts"
import { startVarveCluster } from "../../src/chaos/cluster/varve-cluster.ts"
import type { VarveCluster } from "../../src/chaos/cluster/varve-cluster.ts"
import { linkName } from "../../src/chaos/network.ts"
import type { Link } from "../../src/chaos/network.ts"
import { Client, produceRecords, readAll } from "../../src/client/index.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { describeCluster } from "../../src/protocol/messages/describe-cluster.ts"
import { findCoordinator } from "../../src/protocol/messages/find-coordinator.ts"

const topic = "chaos"
const place = { topic, partition: 0 }
const dir = mkdtempSync(join(tmpdir(), "varve-chaos-cluster-"))
const ends: Array<string> = []
let cluster: VarveCluster
let client: Client
const written: Array<string> = []

beforeAll(async () => {
  cluster = await startVarveCluster({
    dir,
    nodes: 3,
    seed: 7,
    settings: { "min.insync.replicas": "2" },
    onExit: (node, how, expected) => ends.push(`${node} ${how} ${expected}`),
  })
  const bootstrap = cluster.nodes.map(({ address }) => address)
  client = new Client({ bootstrap, requestTimeoutMs: 1500 })
  const created = await client.ask(createTopics, {
    topics: [{ name: topic, numPartitions: 1, replicationFactor: 3 }],
    timeoutMs: 10_000,
  })
  expect(created.topics.map(({ errorCode }) => errorCode)).toEqual([0])
})

afterAll(async () => {
  client?.close()
  await cluster?.dispose()
  rmSync(dir, { recursive: true, force: true })
})

async function write(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const value = `value ${written.length}`
    const records = [{ value: Buffer.from(value) }]
    await produceRecords(client, records, { ...place, retryUnknown: true, timeoutMs: 20_000 })
    written.push(value)
  }
}

/** A retry may have doubled a record; none may be missing. */
async function readBack(): Promise<void> {
  const records = await readAll(client, place)
  const seen = new Set(records.map(({ value }) => Buffer.from(value ?? "").toString()))
  expect(written.filter((value) => !seen.has(value))).toEqual([])
}

const portsOf = (places: ReadonlyArray<{ readonly port: number }>) =>
  new Set(places.map(({ port }) => port))

const failureOf = (action: Promise<void>) => action.then(() => "none", String)

const leaderNow = () =>
  until("a leader", async () => {
    client.forgetLeader(topic, 0)
    const { nodeId } = await client.leader(topic, 0)
    return { id: nodeId }
  })

const bytesOf = (link: Link) => cluster.network.counters(link).bytes

describe("links", () => {
  test("clients are told the proxy's addresses, whomever they ask", async () => {
    const addresses = portsOf(cluster.nodes.map(({ address }) => address))
    const { brokers } = await client.metadata([topic])
    expect(portsOf(brokers)).toEqual(addresses)
    const described = await client.ask(describeCluster, {
      includeClusterAuthorizedOperations: false,
    })
    expect(portsOf(described.brokers)).toEqual(addresses)
    await until("a coordinator", async () => {
      const found = await client.ask(findCoordinator, { keyType: 0, coordinatorKeys: ["group"] })
      return addresses.has(found.coordinators[0]?.port ?? -1)
    })
  })

  test("every broker dials every other through a port of its own", async () => {
    await write(20)
    await readBack()
    const silent = () => cluster.network.links.filter((link) => bytesOf(link) === 0)
    const between = () => silent().filter(({ from }) => from !== "clients")
    expect(between().map(linkName)).toEqual([])
    expect(cluster.network.links.length).toBe(9)
  })
})

describe("processes", () => {
  test("stopped, they stand still; continued, they go on", async () => {
    const follower = ((await leaderNow()).id + 1) % 3
    await cluster.signal(follower, "SIGSTOP")
    const pid = cluster.pidOf(follower) ?? 0
    expect(processState(pid)).toBe("stopped")
    await write(5)
    await cluster.signal(follower, "SIGCONT")
    expect(processState(pid)).toBe("running")
    await readBack()
  })

  test("killed and started again", async () => {
    const pid = cluster.pidOf(2) ?? 0
    await cluster.signal(2, "SIGKILL")
    expect([processState(pid), cluster.pidOf(2), cluster.lastExit(2)]).toEqual([
      "gone",
      undefined,
      "SIGKILL",
    ])
    expect(ends).toEqual(["2 SIGKILL true"])
    expect(await failureOf(cluster.signal(2, "SIGKILL"))).toContain("broker 2 is down")
    await write(5)
    await cluster.start(2)
    expect(await failureOf(cluster.start(2))).toContain("runs already")
    await cluster.untilReady()
    await readBack()
  })

  test("a start that fails says why", async () => {
    await cluster.signal(2, "SIGTERM")
    expect(cluster.lastExit(2)).toBe("exit code 0")
    const start = cluster.start(2, { flags: ["--set", "no.such.setting=1"] })
    expect(await failureOf(start)).toMatch(/exit code 2(.|\n)*no\.such\.setting/)
    expect(ends.at(-1)).toBe("2 exit code 2 false")
    await cluster.start(2, { env: { CHAOS_TEST: "1" } })
    await cluster.untilReady()
    await write(5)
  })
})

describe("troubles", () => {
  test("a leader that is cut off loses its leadership; nothing acknowledged is lost", async () => {
    const { id } = await leaderNow()
    const cut = cluster.network.links.filter(({ from, to }) => from === id || to === id)
    for (const link of cut) cluster.network.trouble(link, { cut: "drop" })
    const rest = cluster.nodes.filter((node) => node.id !== id)
    const other = new Client({ bootstrap: rest.map(({ address }) => address) })
    const next = await until("another leader", async () => {
      other.forgetLeader(topic, 0)
      const { nodeId } = await other.leader(topic, 0)
      return nodeId !== id && nodeId >= 0 ? { nodeId } : undefined
    })
    const value = `value ${written.length}`
    await produceRecords(other, [{ value: Buffer.from(value) }], { ...place, retryUnknown: true })
    written.push(value)
    other.close()
    expect(cut.some((link) => cluster.network.counters(link).droppedFrames > 0)).toBe(true)
    cluster.network.healAll()
    await write(5)
    await readBack()
    expect(next.nodeId).not.toBe(id)
  })

  test("Raft bears late, doubled and overtaken frames", async () => {
    const frames = { delayPerMille: 100, holdMs: 40, duplicatePerMille: 100, reorderPerMille: 100 }
    const peers = cluster.network.links.filter(({ from }) => from !== "clients")
    for (const link of peers) cluster.network.trouble(link, { frames, latencyMs: 1, jitterMs: 2 })
    await write(40)
    const sum = (of: (link: Link) => number) => peers.map(of).reduce((a, b) => a + b, 0)
    const count = (link: Link) => cluster.network.counters(link)
    expect(sum((link) => count(link).heldFrames)).toBeGreaterThan(0)
    expect(sum((link) => count(link).duplicatedFrames)).toBeGreaterThan(0)
    expect(sum((link) => count(link).reorderedFrames)).toBeGreaterThan(0)
    cluster.network.healAll()
    await readBack()
  })
})

test("no broker outlives whoever started it, not even one that is stopped", async () => {
  const script = `
    const { startVarveCluster } = await import(${JSON.stringify(
      join(import.meta.dir, "../../src/chaos/cluster/varve-cluster.ts"),
    )})
    const cluster = await startVarveCluster({ dir: process.argv[1], nodes: 1, seed: 1 })
    await cluster.signal(0, "SIGSTOP")
    console.log(cluster.pidOf(0))
    process.kill(process.pid, "SIGKILL")`
  const folder = join(dir, "orphans")
  const child = Bun.spawn([process.execPath, "-e", script, folder], { stdout: "pipe" })
  const pid = Number(await new Response(child.stdout).text())
  await child.exited
  expect(child.signalCode).toBe("SIGKILL")
  expect(readFileSync(join(folder, "broker-0", "broker.pid"), "utf8").trim()).toBe(`${pid}`)
  await until("the broker to end", () => processState(pid) === "gone")
})

test("a planted bug is told when some broker has loaded it; one that is not there starts nothing", async () => {
  const options = { nodes: 1, seed: 1 }
  const plant = "commits-with-minority"
  await using planted = await startVarveCluster({ ...options, dir: join(dir, "planted"), plant })
  expect(planted.plantIsLoaded).toBe(true)
  expect(cluster.plantIsLoaded).toBe(true)
  const start = startVarveCluster({ ...options, dir: join(dir, "unknown"), plant: "no-such-plant" })
  expect(await failureOf(start.then(() => {}))).toContain("there is no plant no-such-plant")
})
