import { describe, expect, test } from "bun:test"
import { faultKinds } from "../../src/chaos/fault.ts"
import {
  commandOf,
  parseDrivers,
  parseFaults,
  parseProfile,
  parseWorkloads,
  runOptions,
} from "../../src/chaos/options.ts"

describe("lists of names", () => {
  test("given, all, none, without", () => {
    expect(parseFaults("kill, pause")).toEqual(["kill", "pause"])
    expect(parseFaults("all")).toEqual([...faultKinds])
    expect(parseFaults("none")).toEqual([])
    expect(parseFaults("all,-power")).toEqual(faultKinds.filter((kind) => kind !== "power"))
    expect(parseFaults("-power")).toEqual(faultKinds.filter((kind) => kind !== "power"))
    expect(parseFaults("kill,kill")).toEqual(["kill"])
    expect(parseWorkloads("log")).toEqual(["log"])
    expect(parseDrivers("raw,kcat")).toEqual(["raw", "kcat"])
  })

  test("what is not known is refused in one line", () => {
    expect(() => parseFaults("kil")).toThrow(/^--faults: there is no kil; there are: kill, /)
    expect(() => parseFaults("kill,-kill")).toThrow("nothing is left")
    expect(() => parseWorkloads("")).toThrow("--workload: there is no ")
    expect(() => parseProfile("brutal")).toThrow("--profile: one of smoke, standard, nightly")
  })
})

describe("options", () => {
  test("from the profile unless said", () => {
    const smoke = runOptions({ seed: 7 })
    expect(smoke).toMatchObject({ profile: "smoke", product: "varve", nodes: 3, seconds: 60 })
    const said = runOptions({ seed: 7, profile: "nightly", seconds: 10, faults: ["kill"] })
    expect(said).toMatchObject({ nodes: 5, seconds: 10, faults: ["kill"], partitions: 64 })
    expect(() => runOptions({ seed: 7, nodes: 4 })).toThrow("3 or 5")
  })

  test("the command repeats all of them", () => {
    const options = runOptions({ seed: 7, faults: ["kill"], drivers: ["raw"], plant: "no-noop" })
    expect(commandOf(options)).toBe(
      "bun varve chaos --seed 7 --seconds 60 --profile smoke --nodes 3 --partitions 6 --rate 200 --faults kill --workload log,idempotence,groups,metadata --drivers raw --plant no-noop",
    )
    const kafka = runOptions({ seed: 7, product: "kafka" })
    expect(commandOf(kafka, "./kafka")).toEndWith("--against kafka=./kafka")
  })
})
