import { describe, expect, test } from "bun:test"
import { faultKinds } from "../../../src/chaos/fault.ts"
import type { FaultKind } from "../../../src/chaos/fault.ts"
import { parseFaults } from "../../../src/chaos/faults/kinds.ts"
import { needsOf } from "../../../src/chaos/faults/needs.ts"
import { allFaults } from "../../../src/chaos/faults/registry.ts"
import { traits } from "../../../src/chaos/faults/traits.ts"
import { FakeClient } from "./fake-client.ts"
import { FakeCluster } from "./fake-cluster.ts"
import { planOf, runPlans, strikeOnce } from "./one-fault.ts"

const elsewhere = new Set<FaultKind>(parseFaults("disk,clock"))
const kinds = faultKinds.filter((kind) => !elsewhere.has(kind))
const seeds = [1, 2, 3, 4, 5]

const clientsOf = ({ clock }: FakeCluster) => [
  new FakeClient("producer-0", "producer", clock),
  new FakeClient("member-0", "member", clock),
]

describe("each fault bites, shows it, and takes itself back", () => {
  for (const kind of kinds) {
    test(kind, async () => {
      for (const seed of seeds) {
        const cluster = new FakeCluster(5)
        const { partitions } = cluster
        const clients = clientsOf(cluster)
        const { record, failures } = await strikeOnce(cluster, kind, seed, clients)
        expect(record).toMatchObject({ effective: true, plan: { kind } })
        expect(record.evidence).not.toBe("")
        expect(record.target).not.toBe("")
        const { lastsMs } = traits[kind]
        expect(record.healedMs - record.injectedMs).toBeGreaterThanOrEqual(lastsMs[0])
        expect(failures).toEqual([])
        expect(cluster.network.troubled).toEqual([])
        expect(cluster.nodes.map(({ id }) => cluster.stateOf(id))).toEqual(
          cluster.nodes.map(() => "running"),
        )
        expect(clients.some(({ isPaused }) => isPaused)).toBe(false)
        expect(cluster.partitions.map(({ replicas }) => replicas)).toEqual(
          partitions.map(({ replicas }) => replicas),
        )
      }
    })
  }
})

describe("each fault that does nothing is found out", () => {
  for (const kind of kinds) {
    test(kind, async () => {
      for (const seed of seeds) {
        const cluster = new FakeCluster(5)
        cluster.network.isNeutral = true
        cluster.neutral.signals = true
        cluster.neutral.admin = true
        const clients = clientsOf(cluster)
        for (const client of clients) client.isNeutral = true
        const { record } = await strikeOnce(cluster, kind, seed, clients)
        expect(record).toMatchObject({ effective: false })
        expect(record.evidence).not.toBe("")
      }
    })
  }
})

/** What is said of a fault when that is all that can be seen of it. */
const strange = async (kind: FaultKind, answerMs: number | undefined) => {
  const cluster = new FakeCluster()
  cluster.neutral.signals = kind === "pause"
  const plans = [planOf(kind, 1, { atMs: 0 })]
  let asked = 0
  // The first questions are whether the cluster is well.
  cluster.tools.answerMs = () => Promise.resolve(asked++ < 3 ? 1 : answerMs)
  const { records } = await runPlans(cluster, plans)
  return records[0]?.evidence.replace(/\d+/g, "N")
}

describe("half an effect is none", () => {
  test("silent, and yet it runs", async () => {
    expect(await strange("pause", undefined)).toBe("broker N (pid N) is running")
  })

  test("gone, and yet its port answers", async () => {
    expect(await strange("kill", 1)).toBe("broker N (pid N) is gone, its port answers")
  })
})

describe("who is struck", () => {
  test("the leader of a partition or of the metadata group, by what brokers say", async () => {
    const targets = new Set<string>()
    for (let seed = 0; seed < 40; seed++) {
      const cluster = new FakeCluster()
      const { record } = await strikeOnce(cluster, "kill-leader", seed)
      targets.add(record.target)
      const [id] = record.nodes
      const of = cluster.partitions.find((p) =>
        record.target.includes(`${p.topic}/${p.partition} `),
      )
      expect(id).toBe(of === undefined ? 1 : of.leader)
    }
    expect(targets).toContain("broker 1, leader of the metadata group in epoch 1")
    expect(targets).toContain("broker 2, leader of orders/2 in epoch 1")
    expect(targets).toContain("broker 0, leader of __consumer_offsets/0 in epoch 1")
  })

  test("nobody when nobody leads", async () => {
    const cluster = new FakeCluster()
    cluster.partitions = []
    const tools = {
      ...cluster.tools,
      metadataLeader: () => Promise.resolve({ leader: -1, epoch: 0 }),
    }
    const fault = allFaults(tools).get("pause-leader")
    cluster.tools.metadataLeader = tools.metadataLeader
    expect(fault).toBeDefined()
    const { record } = await strikeOnce(cluster, "pause-leader", 1)
    expect(record).toMatchObject({ effective: false, evidence: "nobody is known to lead" })
  })

  test("a majority that is no more than one", async () => {
    const cluster = new FakeCluster(5)
    await strikeOnce(cluster, "kill-majority", 3)
    expect(cluster.downMax).toBe(3)
  })

  test("on a ring everybody sees a majority, and no two the same", async () => {
    const cluster = new FakeCluster(5)
    await strikeOnce(cluster, "partition-ring", 3)
    const seen = cluster.nodes.map(({ id }) => {
      const cut = cluster.network.calls.flatMap((call) => {
        const match = /^trouble (\d)→(\d)/.exec(call)
        return match?.[1] === String(id) ? [Number(match[2])] : []
      })
      return cluster.nodes.map((node) => node.id).filter((other) => !cut.includes(other))
    })
    expect(seen.map(({ length }) => length)).toEqual([3, 3, 3, 3, 3])
    expect(new Set(seen.map(String)).size).toBe(5)
  })

  test("a leader's pause wanders with leadership", async () => {
    const cluster = new FakeCluster()
    const stopped = new Set<string>()
    for (let seed = 0; seed < 10; seed++) {
      await strikeOnce(cluster, "pause-leader", seed)
      for (const call of cluster.calls) if (call.startsWith("SIGSTOP")) stopped.add(call)
    }
    expect(stopped.size).toBe(3)
    expect(cluster.downMax).toBe(1)
  })
})

test("every kind has its fault", () => {
  expect(new Set(allFaults().keys())).toEqual(new Set(faultKinds))
})

test("every fault says what it needs, as the schedule has it", () => {
  for (const { kind, needs } of allFaults().values()) {
    expect(needs.toSorted(), kind).toEqual(needsOf[kind].toSorted())
  }
})
