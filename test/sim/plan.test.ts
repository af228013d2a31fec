import { describe, expect, test } from "bun:test"
import type { Fault } from "../../src/sim/faults.ts"
import { faultClasses } from "../../src/sim/options.ts"
import type { FaultClass, SimOptions } from "../../src/sim/options.ts"
import { drawCase } from "../../src/sim/plan.ts"

const only =
  (faults: SimOptions["faults"], brokers = 3) =>
  (options: SimOptions): SimOptions => ({ ...options, brokers, durationMs: 60_000, faults })

const everyClass = Object.fromEntries(faultClasses.map((name) => [name, 2_000]))

/** What a fault says of brokers. */
function brokersOf(fault: Fault): ReadonlyArray<number> {
  const named = [
    "node" in fault ? fault.node : 0,
    "from" in fault ? fault.from : 0,
    "to" in fault ? fault.to : 0,
    "over" in fault ? fault.over : 0,
    ...("side" in fault ? fault.side : []),
  ]
  return named.filter((one) => typeof one === "number")
}

describe("drawn plans", () => {
  test("are a function of the seed, and plain JSON", () => {
    const { plan } = drawCase(9, only(everyClass))
    expect(drawCase(9, only(everyClass)).plan).toEqual(plan)
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan)
    expect(plan.length).toBeGreaterThan(100)
  })

  test("come in the order of their times, within the safety phase", () => {
    const times = drawCase(9, only(everyClass)).plan.map(({ atMs }) => atMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(Math.min(...times)).toBeGreaterThan(1_000)
    expect(Math.max(...times)).toBeLessThan(60_000)
  })

  test("a class that is off leaves the others as they were", () => {
    const whole = drawCase(3, only(everyClass)).plan
    for (const off of ["crash", "restore", "split"] satisfies ReadonlyArray<FaultClass>) {
      const { [off]: _, ...others } = everyClass
      const isOf = (fault: Fault) =>
        fault._tag === off || (off === "restore" && fault._tag === "backup")
      expect(drawCase(3, only(others)).plan).toEqual(whole.filter((fault) => !isOf(fault)))
    }
  })

  test("know every class, and come about as often as told", () => {
    const { plan } = drawCase(4, only(everyClass))
    for (const name of faultClasses) {
      const count = plan.filter(({ _tag }) => _tag === name).length
      expect({ name, isThere: count >= 5 }).toEqual({ name, isThere: true })
    }
    const crashes = drawCase(4, only({ crash: 1_000 })).plan.length
    expect(crashes).toBeGreaterThan(40)
    expect(crashes).toBeLessThan(80)
    expect(drawCase(4, only({})).plan).toEqual([])
  })

  test.each([1, 2, 3, 7])("with %i brokers name only brokers that are there", (brokers) => {
    for (let seed = 0; seed < 20; seed++) {
      for (const fault of drawCase(seed, only(everyClass, brokers)).plan) {
        for (const id of brokersOf(fault)) expect(id).toBeLessThan(brokers)
        if ("from" in fault) expect(fault.from).not.toBe(fault.to)
        if ("side" in fault) expect(fault.side.length).toBeLessThan(brokers)
      }
    }
  })

  test("never hurt a disk beyond what the atlas allows", () => {
    for (let seed = 0; seed < 50; seed++) {
      for (const fault of drawCase(seed).plan) expect(fault).not.toHaveProperty("beyond", true)
    }
  })
})
