import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startRunClock } from "../../src/chaos/clock.ts"
import { startVarveCluster } from "../../src/chaos/cluster/varve-cluster.ts"
import type { VarveCluster } from "../../src/chaos/cluster/varve-cluster.ts"
import type { FaultKind, FaultPlan } from "../../src/chaos/fault.ts"
import { runNemesis } from "../../src/chaos/faults/nemesis.ts"
import type { NemesisResult } from "../../src/chaos/faults/nemesis.ts"
import { allFaults } from "../../src/chaos/faults/registry.ts"
import { makeTopics } from "../../src/chaos/workloads/topics.ts"
import { Client, parseBootstrap, Producer } from "../../src/client/index.ts"

/** A handful of faults against real brokers: that they bite, are seen to bite, and go away. */

const dir = mkdtempSync(join(tmpdir(), "varve-chaos-faults-"))
const topic = "orders"
let cluster: VarveCluster
let writer: Writer

beforeAll(async () => {
  cluster = await startVarveCluster({ dir, nodes: 3, seed: 1, capabilities: ["membership"] })
  await makeTopics(cluster, [{ name: topic, partitions: 3 }], new AbortController().signal)
  writer = new Writer(cluster.bootstrap)
})

afterAll(async () => {
  writer?.stop()
  await cluster?.dispose()
  rmSync(dir, { recursive: true, force: true })
})

/** Gives the links something to carry. */
class Writer {
  private readonly client: Client
  private readonly timer: ReturnType<typeof setInterval>

  constructor(addresses: ReadonlyArray<string>) {
    const bootstrap = parseBootstrap(addresses.join(",")) ?? []
    this.client = new Client({ bootstrap, requestTimeoutMs: 2_000 })
    const options = { idempotent: false, deliveryTimeoutMs: 10_000 }
    const producer = new Producer(this.client, topic, options)
    const value = new Uint8Array(200)
    const write = (partition: number) =>
      producer
        .send({ key: null, value, partition })
        .then(({ receipt }) => receipt)
        .catch(() => undefined)
    this.timer = setInterval(() => void [0, 1, 2].map(write), 20)
  }

  stop(): void {
    clearInterval(this.timer)
    this.client.close()
  }
}

async function strike(plans: ReadonlyArray<FaultPlan>): Promise<NemesisResult> {
  const clock = startRunClock()
  return await runNemesis({
    plans,
    faults: allFaults(),
    cluster,
    clock,
    topics: [topic],
    clients: () => [],
    windowStartMs: clock.nowMs(),
    signal: new AbortController().signal,
    log: () => {},
  })
}

const plan = (kind: FaultKind, atMs: number, durationMs: number): FaultPlan => ({
  kind,
  atMs,
  durationMs,
  seed: 7,
})

const toldOf = ({ records }: NemesisResult) =>
  records.map(({ plan: { kind }, effective, evidence }) => ({ kind, effective, evidence }))

const bit = (kind: FaultKind) => ({ kind, effective: true, evidence: expect.any(String) })

describe("real brokers", () => {
  test("are killed and stopped, and come back", async () => {
    const result = await strike([
      plan("kill-leader", 0, 500),
      plan("pause", 4_000, 400),
      plan("kill-starting", 5_000, 1_500),
    ])
    expect(toldOf(result)).toEqual([bit("kill-leader"), bit("pause"), bit("kill-starting")])
    expect(result.failures).toEqual([])
    expect(cluster.nodes.every(({ id }) => cluster.pidOf(id) !== undefined)).toBe(true)
  })

  test("lose each other, while their messages are in disorder, and while they are far apart", async () => {
    const result = await strike([
      plan("partition-leader", 0, 1_000),
      plan("peer-frames", 1_500, 1_500),
      plan("latency", 4_000, 1_000),
      plan("lost-responses", 5_500, 2_000),
    ])
    const kinds = ["partition-leader", "peer-frames", "latency", "lost-responses"] as const
    expect(toldOf(result)).toEqual(kinds.map(bit))
    expect(result.failures).toEqual([])
  })

  test("hand over leadership and replicas", async () => {
    const result = await strike([plan("transfers", 0, 1_500), plan("membership", 2_000, 500)])
    expect(toldOf(result)).toEqual([bit("transfers"), bit("membership")])
    expect(result.failures).toEqual([])
  })

  test("suffer nothing from links that take orders and do nothing, and that is seen", async () => {
    const { network } = cluster
    const trouble = network.trouble.bind(network)
    network.trouble = () => {}
    try {
      const { records } = await strike([plan("partition-one", 0, 800), plan("latency", 1_500, 500)])
      expect(records.map(({ effective }) => effective)).toEqual([false, false])
      expect(records[0]?.evidence).toStartWith("0 of 4 links stopped something")
    } finally {
      network.trouble = trouble
    }
  })
})
