import { describe, expect, test } from "bun:test"
import { drawOptions, faultClasses } from "../../src/sim/options.ts"
import { drawCase } from "../../src/sim/plan.ts"
import { override, OverrideError, parseOverride } from "../../src/sim/overrides.ts"

const many = Array.from({ length: 2_000 }, (_, seed) => drawOptions(seed))

describe("drawn options", () => {
  test("are a function of the seed, and plain JSON", () => {
    for (const seed of [0, 1, 77, 2 ** 31]) {
      expect(drawOptions(seed)).toEqual(drawOptions(seed))
      expect(JSON.parse(JSON.stringify(drawOptions(seed)))).toEqual(drawOptions(seed))
    }
    expect(drawOptions(1)).not.toEqual(drawOptions(2))
  })

  test("leave each fault class out in about a third of the seeds", () => {
    for (const name of faultClasses) {
      const off = many.filter(({ faults }) => faults[name] === undefined).length / many.length
      expect(off).toBeGreaterThan(0.3)
      expect(off).toBeLessThan(0.45)
    }
  })

  test("stay in their bounds and reach the ends of them", () => {
    const brokers = many.map((options) => options.brokers)
    const partitions = many.map(({ topics }) => topics.reduce((sum, t) => sum + t.partitions, 0))
    const factors = many.flatMap(({ topics }) => topics.map((t) => t.replicationFactor))
    expect([Math.min(...brokers), Math.max(...brokers)]).toEqual([1, 7])
    expect([Math.min(...partitions), Math.max(...partitions)]).toEqual([1, 64])
    expect([Math.min(...factors), Math.max(...factors)]).toEqual([1, 5])
    expect(brokers.filter((n) => n === 3).length).toBeGreaterThan(many.length * 0.4)
    for (const options of many) {
      expect(options.topics.every((t) => t.replicationFactor <= options.brokers)).toBe(true)
      expect(options.workload.operations).toBeGreaterThan(0)
    }
  })

  test("a few run for long, with as many faults as the others and few clients", () => {
    const long = many.filter(({ durationMs }) => durationMs > 120_000)
    expect(long.length).toBeGreaterThan(many.length * 0.03)
    expect(long.length).toBeLessThan(many.length * 0.07)
    expect(Math.max(...long.map(({ durationMs }) => durationMs))).toBe(3_600_000)
    for (const { workload, topics } of long) {
      expect(workload.producers + workload.consumers).toBeLessThanOrEqual(2)
      expect(topics.reduce((sum, t) => sum + t.partitions, 0)).toBeLessThanOrEqual(10)
    }
    const meanOf = (of: typeof many) =>
      of.reduce((sum, { seed }) => sum + drawCase(seed).plan.length, 0) / of.length
    const short = many.filter(({ durationMs }) => durationMs <= 120_000)
    expect(meanOf(long)).toBeGreaterThan(0.5 * meanOf(short))
    expect(meanOf(long)).toBeLessThan(2 * meanOf(short))
  })

  test("some seeds are calm", () => {
    const calm = many.filter(({ faults }) => Object.keys(faults).length === 0)
    expect(calm.length).toBeGreaterThan(20)
  })
})

describe("overrides", () => {
  const options = drawOptions(5)
  const set = (item: string) => override(options, ...parseOverride(item))

  test("change one option by its path", () => {
    expect(set("brokers=7")).toEqual({ ...options, brokers: 7 })
    expect(set("workload.producers=2").workload).toEqual({ ...options.workload, producers: 2 })
    expect(set('topics=[{"partitions":1,"replicationFactor":2}]').topics).toEqual([
      { partitions: 1, replicationFactor: 2 },
    ])
    expect(set("network.latencyMs=[1,2]").network.latencyMs).toEqual([1, 2])
  })

  test("switch fault classes on and off", () => {
    expect(set("faults.crash=500").faults.crash).toBe(500)
    expect(set("faults.crash=off").faults).not.toHaveProperty("crash")
    expect(set("faults={}").faults).toEqual({})
  })

  test.each([
    ["nonsense", "path=value"],
    ["brokers=many", "not JSON"],
    ['brokers="3"', "expected a number"],
    ["wrong=1", "no option wrong"],
    ["workload.wrong=1", "no option workload.wrong"],
    ["faults.wrong=1", "no option faults.wrong"],
    ["workload.mix.produce=1", "no option"],
    ["topics=3", "expected a list"],
  ])("%s is refused", (item, why) => {
    expect(() => set(item)).toThrow(OverrideError)
    expect(() => set(item)).toThrow(why)
  })
})
