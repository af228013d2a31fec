import { describe, expect, test } from "bun:test"
import {
  commandOf,
  parseDrivers,
  parseProfile,
  parseWorkloads,
  runOptions,
} from "../../src/chaos/options.ts"

describe("lists of names", () => {
  test("given, all, without", () => {
    expect(parseWorkloads("log")).toEqual(["log"])
    expect(parseDrivers("raw, kcat,raw")).toEqual(["raw", "kcat"])
    expect(parseWorkloads("-log")).toEqual(["idempotence", "groups", "metadata"])
    expect(parseWorkloads("all")).toHaveLength(4)
  })

  test("what is not known is refused in one line", () => {
    expect(() => parseDrivers("kcta")).toThrow(/^--drivers: there is no kcta; there are: raw, /)
    expect(() => parseDrivers("raw,-raw")).toThrow("nothing is left")
    expect(() => parseWorkloads("")).toThrow("--workload: there is no ")
    expect(() => parseProfile("brutal")).toThrow("--profile: one of smoke, standard, nightly")
  })
})

describe("options", () => {
  test("from the profile unless said", () => {
    const smoke = runOptions({ seed: 7 })
    expect(smoke).toMatchObject({ profile: "smoke", product: "varve", nodes: 3, seconds: 75 })
    const said = runOptions({ seed: 7, profile: "nightly", seconds: 10, faults: ["kill"] })
    expect(said).toMatchObject({ nodes: 5, seconds: 10, faults: ["kill"], partitions: 64 })
    expect(() => runOptions({ seed: 7, nodes: 4 })).toThrow("3 or 5")
  })

  test("faults of the profile that so little time has no room for are left out, said ones refused", () => {
    const { faults } = runOptions({ seed: 7, seconds: 10 })
    expect(faults.length).toBeGreaterThan(0)
    expect(faults.length).toBeLessThan(runOptions({ seed: 7 }).faults.length)
    const many = ["kill", "pause-leader", "kill-all", "partition-one", "power"] as const
    expect(() => runOptions({ seed: 7, seconds: 5, faults: many })).toThrow(
      "--seconds 5 are too few",
    )
    expect(runOptions({ seed: 7, seconds: 60, faults: many }).faults).toEqual(many)
  })

  test("the command repeats all of them", () => {
    const options = runOptions({ seed: 7, faults: ["kill"], drivers: ["raw"], plant: "no-noop" })
    expect(commandOf(options)).toBe(
      "bun varve chaos --seed 7 --seconds 75 --profile smoke --nodes 3 --partitions 6 --rate 200 --faults =kill --workload log,idempotence,groups,metadata --drivers raw --plant no-noop",
    )
    const kafka = runOptions({ seed: 7, product: "kafka" })
    expect(commandOf(kafka, "./kafka")).toEndWith("--against kafka=./kafka")
  })
})
