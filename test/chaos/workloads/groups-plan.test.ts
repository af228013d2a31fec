import { describe, expect, test } from "bun:test"
import type { DriverName } from "../../../src/chaos/workload.ts"
import { planGroups } from "../../../src/chaos/workloads/groups-plan.ts"
import { topic } from "../drivers/raw-fixture.ts"
import { Coordinator } from "../drivers/scripted-coordinator.ts"

const everybody: ReadonlyArray<DriverName> = ["raw", "kafkajs", "confluent", "python-kafka", "kcat"]

async function planned(seed: number, drivers = everybody): Promise<ReadonlyArray<string>> {
  const ports = { ...new Coordinator().ports, seed }
  const groups = await planGroups({
    ports,
    topics: [topic],
    drivers,
    bootstrap: ["127.0.0.1:1"],
    sessionTimeoutMs: 6000,
    python: () => Promise.resolve("python3"),
  })
  return groups.map(({ group, members }) => `${group} ${members.length}`)
}

describe("the groups of a run", () => {
  test("are the same for the same seed", async () => {
    expect(await planned(5)).toEqual(await planned(5))
  })

  test("raw members of both protocols are always among them, three processes' groups at most", async () => {
    for (const seed of [1, 2, 3, 4]) {
      const all = await planned(seed)
      expect(all.slice(0, 2)).toEqual(["raw-classic-run 3", "raw-consumer-run 3"])
      expect(all.length).toBe(5)
    }
  })

  test("over some seeds every client and every strategy has its turn", async () => {
    const seen = new Set<string>()
    for (let seed = 0; seed < 40; seed++) for (const one of await planned(seed)) seen.add(one)
    expect([...seen].toSorted()).toEqual([
      "confluent-cooperative-sticky-run 2",
      "confluent-range-run 2",
      "kafkajs-roundrobin-run 2",
      "python-kafka-range-run 2",
      "raw-classic-run 3",
      "raw-client-consumer-run 2",
      "raw-client-cooperative-sticky-run 2",
      "raw-client-range-run 2",
      "raw-consumer-run 3",
    ])
  })

  test("clients that are not there form none; names begin with the driver", async () => {
    expect(await planned(1, ["kafkajs"])).toEqual(["kafkajs-roundrobin-run 2"])
    expect(await planned(1, ["kcat"])).toEqual([])
  })
})
