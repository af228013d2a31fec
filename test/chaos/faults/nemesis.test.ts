import { describe, expect, test } from "bun:test"
import { FaultImpossible } from "../../../src/chaos/fault.ts"
import type { Fault, Injected } from "../../../src/chaos/fault.ts"
import { parseFaults } from "../../../src/chaos/faults/kinds.ts"
import { planFaults } from "../../../src/chaos/faults/schedule.ts"
import { FakeClient } from "./fake-client.ts"
import { FakeCluster } from "./fake-cluster.ts"
import { planOf, runPlans } from "./one-fault.ts"

/** A fault of that kind which does as told. */
const acting = (part: Partial<Injected>, inject?: () => Promise<Injected>) => {
  const injected: Injected = {
    target: "it",
    nodes: [],
    verify: () => Promise.resolve({ effective: true, evidence: "it bit" }),
    heal: () => Promise.resolve(),
    ...part,
  }
  const fault: Fault = {
    kind: "kill",
    needs: [],
    inject: inject ?? (() => Promise.resolve(injected)),
  }
  return { faults: new Map([["kill" as const, fault]]) }
}

const breaks = (message: string) => () => Promise.reject(new Error(message))

describe("the nemesis", () => {
  test("runs a whole schedule and leaves everything as it was", async () => {
    const cluster = new FakeCluster(5)
    const kinds = parseFaults("kill,pause,network,transfers,=membership")
    const options = {
      seed: 7,
      faultWindowMs: 400_000,
      kinds,
      nodes: 5,
      profile: "nightly",
    } as const
    const { plans } = planFaults(options)
    expect(new Set(plans.map(({ kind }) => kind)).size).toBe(kinds.length)
    const { records, failures, lines } = await runPlans(cluster, plans)
    expect(failures).toEqual([])
    expect(records.filter(({ effective }) => !effective)).toEqual([])
    expect(records).toHaveLength(plans.length)
    expect(cluster.network.troubled).toEqual([])
    expect(cluster.nodes.every(({ id }) => cluster.stateOf(id) === "running")).toBe(true)
    expect(lines.filter((line) => line.includes("inject:"))).toHaveLength(plans.length)
    expect(lines.filter((line) => line.includes("verify: effective"))).toHaveLength(plans.length)
    expect(lines.filter((line) => line.includes("heal: done"))).toHaveLength(plans.length)
  })

  test("strikes one broker with two faults, not two brokers", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const cluster = new FakeCluster(5)
      const { records, current } = await runPlans(cluster, [
        planOf("partition-one", seed, { durationMs: 4_000 }),
        planOf("kill", seed + 100, { atMs: 2_000, durationMs: 1_000 }),
      ])
      const [first, second] = records
      expect(first?.effective && second?.effective).toBe(true)
      expect(first?.nodes).toEqual(second?.nodes ?? [])
      expect(first?.plan.kind).toBe("kill")
      const both = current.filter((text) => /^partition-one .*; kill broker \d$/.test(text ?? ""))
      expect(both).toHaveLength(1)
      expect(current.at(-1)).toBeUndefined()
    }
  })

  test("does not choose by who only has slow links", async () => {
    const struck = new Set<number>()
    for (let seed = 0; seed < 20; seed++) {
      const cluster = new FakeCluster()
      const { records } = await runPlans(cluster, [
        planOf("latency", 1, { durationMs: 4_000 }),
        planOf("kill", seed, { atMs: 2_000 }),
      ])
      for (const { plan, nodes } of records) if (plan.kind === "kill") struck.add(nodes[0] ?? -1)
    }
    expect(struck).toEqual(new Set([0, 1, 2]))
  })

  test("waits until the cluster has recovered before the next bout", async () => {
    const cluster = new FakeCluster()
    const inSync = cluster.partitions
    cluster.partitions = inSync.map((one) => ({ ...one, inSync: [0, 1] }))
    void cluster.clock.sleep(6_000).then(() => (cluster.partitions = inSync))
    const { records } = await runPlans(cluster, [planOf("kill", 1)])
    expect(records[0]?.injectedMs).toBeGreaterThan(6_000)
    expect(records[0]?.injectedMs).toBeLessThan(7_000)
  })

  test("harms no files while another copy is not good, and goes on with the rest", async () => {
    const cluster = new FakeCluster()
    cluster.partitions = cluster.partitions.map((one) => ({ ...one, inSync: [0, 1] }))
    const { records } = await runPlans(cluster, [
      planOf("wiped-disk", 1),
      planOf("kill", 1, { atMs: 9_000 }),
    ])
    expect(records.map(({ effective }) => effective)).toEqual([false, true])
    expect(records[0]?.evidence).toBe(
      "the cluster had not recovered: orders/0 and 3 more has replicas out of sync",
    )
  })

  test("starts whoever is down between faults, and says so", async () => {
    const cluster = new FakeCluster()
    cluster.end(2, "exit code 70")
    const { records, failures } = await runPlans(cluster, [planOf("kill", 1)])
    expect(failures).toEqual(["broker 2 is down between faults: exit code 70"])
    expect(records[0]?.effective).toBe(true)
    expect(cluster.stateOf(2)).toBe("running")
  })

  test("says which faults were not reached", async () => {
    const cluster = new FakeCluster()
    const late = planOf("pause", 1, { atMs: 30_000 })
    let asked = 0
    const { records, unreached } = await runPlans(cluster, [planOf("kill", 1), late], {
      isOver: () => ++asked === 2,
    })
    expect(records).toHaveLength(1)
    expect(unreached).toEqual([late])
  })
})

describe("what goes wrong with a fault", () => {
  test("verification that fails: not effective, healed all the same", async () => {
    let heals = 0
    const heal = () => Promise.resolve(void heals++)
    const { faults } = acting({ verify: breaks("no eyes"), heal })
    const { records, failures } = await runPlans(new FakeCluster(), [planOf("kill", 1)], { faults })
    expect(records[0]).toMatchObject({
      effective: false,
      evidence: "it was not verified: no eyes",
    })
    expect([heals, failures]).toEqual([1, []])
  })

  test("a heal that fails is a finding", async () => {
    const { faults } = acting({ heal: breaks("stuck\nfast") })
    const { records, failures } = await runPlans(new FakeCluster(), [planOf("kill", 1)], { faults })
    expect(records[0]).toMatchObject({
      effective: true,
      evidence: "it bit; not healed: stuck · fast",
    })
    expect(failures).toEqual(["kill it was not healed: stuck · fast"])
  })

  test("impossible now: not effective, with the reason", async () => {
    const { faults } = acting({}, () => Promise.reject(new FaultImpossible("nobody leads")))
    const { records, failures } = await runPlans(new FakeCluster(), [planOf("kill", 1)], { faults })
    expect(records[0]).toMatchObject({ effective: false, evidence: "nobody leads" })
    expect(failures).toEqual([])
  })

  test("an injection that breaks in the middle is taken back", async () => {
    const cluster = new FakeCluster()
    const { faults } = acting({}, async () => {
      await cluster.signal(0, "SIGKILL")
      await cluster.signal(1, "SIGSTOP")
      cluster.network.trouble({ from: 0, to: 1 }, { cut: "drop" })
      throw new Error("half done")
    })
    const { records, failures } = await runPlans(cluster, [planOf("kill", 1)], { faults })
    expect(records[0]?.evidence).toBe("it could not be injected: half done")
    expect(cluster.nodes.every(({ id }) => cluster.stateOf(id) === "running")).toBe(true)
    expect(cluster.network.troubled).toEqual([])
    expect(failures).toEqual([])
  })

  test("a kind that nobody has built", async () => {
    const { records } = await runPlans(new FakeCluster(), [planOf("kill", 1)], {
      faults: new Map(),
    })
    expect(records[0]).toMatchObject({ effective: false, evidence: "there is no such fault here" })
  })

  test("a broker that does not come back is a finding", async () => {
    const cluster = new FakeCluster()
    cluster.start = (id) => Promise.reject(new Error(`broker ${id} ended: disk on fire`))
    const { failures } = await runPlans(cluster, [planOf("kill", 1)])
    expect(failures[0]).toMatch(/^kill broker \d was not healed: broker \d ended: disk on fire$/)
    expect(failures[1]).toMatch(/^broker \d could not be brought back: broker \d ended/)
  })
})

const interrupted = async (kinds: string, afterMs: number) => {
  const cluster = new FakeCluster(5)
  const stopping = new AbortController()
  void cluster.clock.sleep(afterMs).then(() => stopping.abort(new Error("enough")))
  const options = { seed: 3, faultWindowMs: 60_000, nodes: 5, profile: "standard" } as const
  const { plans } = planFaults({ ...options, kinds: parseFaults(kinds) })
  const told = await runPlans(cluster, plans, { signal: stopping.signal })
  return { cluster, told, endedMs: cluster.clock.nowMs() }
}

describe("an interrupted run", () => {
  for (const kinds of ["kill", "=crash-loop", "pause", "network", "=rolling-restart"]) {
    test(`heals at once: ${kinds}`, async () => {
      for (const afterMs of [500, 1_500, 3_000, 9_000]) {
        const { cluster, told, endedMs } = await interrupted(kinds, afterMs)
        expect(told.failures).toEqual([])
        expect(cluster.network.troubled).toEqual([])
        expect(cluster.nodes.every(({ id }) => cluster.stateOf(id) === "running")).toBe(true)
        expect(endedMs).toBeLessThan(afterMs + 5_000)
      }
    })
  }

  test("lets clients go on, and gives replicas back", async () => {
    const cluster = new FakeCluster(5)
    const { partitions } = cluster
    const member = new FakeClient("member-0", "member", cluster.clock)
    const stopping = new AbortController()
    void cluster.clock.sleep(2_500).then(() => {
      expect(member.isPaused).toBe(true)
      expect(cluster.partitions).not.toEqual(partitions)
      stopping.abort(new Error("enough"))
    })
    const plans = [planOf("consumer-pause", 1), planOf("membership", 4)]
    const { signal } = stopping
    const { records } = await runPlans(cluster, plans, { signal, clients: () => [member] })
    expect(records.map(({ evidence }) => evidence)).toEqual(
      plans.map(() => "it was not verified: the run was interrupted"),
    )
    expect(member.isPaused).toBe(false)
    expect(cluster.partitions).toEqual(partitions)
  })
})
