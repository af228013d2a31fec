import { describe, expect, test } from "bun:test"
import type { SimCase } from "../../src/sim/case.ts"
import type { Fault } from "../../src/sim/faults.ts"
import { parseCase, printCase } from "../../src/sim/kept-case.ts"
import { drawCase } from "../../src/sim/plan.ts"
import { shrink } from "../../src/sim/shrink.ts"
import type { Shrunk } from "../../src/sim/shrink.ts"

const crash: Fault = { atMs: 3_000, _tag: "crash", node: 1, power: true, downMs: 500 }
const cut: Fault = { atMs: 5_000, _tag: "cut", from: 0, to: 2, mode: "drop", forMs: 700 }

/** A drawn case of many faults, with the two that matter somewhere in it. */
function failingCase(): SimCase {
  const drawn = drawCase(77, (options) => ({
    ...options,
    brokers: 5,
    durationMs: 60_000,
    topics: [
      { partitions: 7, replicationFactor: 3 },
      { partitions: 4, replicationFactor: 5 },
    ],
    faults: { crash: 2_000, pause: 2_000, cut: 1_000, diskStall: 1_500, clockJump: 3_000 },
  }))
  const plan = [...drawn.plan, crash, cut].toSorted((a, b) => a.atMs - b.atMs)
  return { ...drawn, plan }
}

const isCrash = (fault: Fault) => fault._tag === "crash" && fault.node === 1
const isCut = (fault: Fault) => fault._tag === "cut" && fault.from === 0 && fault.to === 2

/** What a bug may need: two faults in their order, three brokers, some operations. */
function fails({ options, plan }: SimCase): boolean {
  const crashAt = plan.findIndex(isCrash)
  const hasBoth = crashAt >= 0 && plan.slice(crashAt).some(isCut)
  return hasBoth && options.brokers >= 3 && options.workload.operations >= 20
}

async function shrunk(isFailing: (candidate: SimCase) => boolean, runsMax = Infinity) {
  let runs = 0
  const probe = (cases: ReadonlyArray<SimCase>) => {
    const at = cases.findIndex((candidate) => {
      runs++
      return isFailing(candidate)
    })
    return Promise.resolve(at < 0 ? undefined : at)
  }
  const isOver = () => runs >= runsMax
  return shrink(failingCase(), { probe, isOver })
}

describe("shrinking", () => {
  let small: Shrunk

  test("finds the two faults among many, and nothing else is left that could go", async () => {
    expect(failingCase().plan.length).toBeGreaterThan(80)
    small = await shrunk(fails)
    expect(small.isMinimal).toBe(true)
    expect(small.best.plan.map(({ _tag }) => _tag)).toEqual(["crash", "cut"])
    const { options } = small.best
    expect(options.brokers).toBe(3)
    expect(options.topics).toEqual([{ partitions: 1, replicationFactor: 3 }])
    expect(options.workload.operations).toBeLessThan(30)
    expect(options.workload.producers).toBe(1)
    expect(options.durationMs).toBeLessThan(5_000)
    expect(options.network.lossPer10k + options.network.duplicatePer10k).toBe(0)
    expect(fails(small.best)).toBe(true)
  })

  test("a failure without any fault ends in an empty plan", async () => {
    const { best } = await shrunk(({ options }) => options.topics.length > 1)
    expect(best.plan).toEqual([])
    expect(best.options.topics.map(({ partitions }) => partitions)).toEqual([1, 1])
    expect(best.options.workload.operations).toBe(0)
  })

  test("ends when the time is over with the best found by then", async () => {
    const { best, isMinimal } = await shrunk(fails, 30)
    expect(isMinimal).toBe(false)
    expect(fails(best)).toBe(true)
    expect(best.plan.length).toBeLessThan(failingCase().plan.length)
  })

  test("never takes a candidate that does not fail", async () => {
    const whole = failingCase()
    const { best, isMinimal } = await shrunk((candidate) => candidate === whole)
    expect(best).toEqual(whole)
    expect(isMinimal).toBe(true)
  })

  test("faults of brokers that are gone go with them", async () => {
    const { best } = await shrunk(({ plan }) => plan.some(isCrash))
    expect(best.options.brokers).toBe(2)
    expect(best.plan).toHaveLength(1)
  })

  test("a kept case is read back as it was written", () => {
    const kept = { about: "two leaders", ...small.best }
    expect(parseCase(printCase(kept))).toEqual(kept)
    expect(() => parseCase("{}")).toThrow("not a kept case")
    expect(() => parseCase("no")).toThrow("not JSON")
  })
})
