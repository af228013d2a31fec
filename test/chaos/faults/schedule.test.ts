import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { faultKinds } from "../../../src/chaos/fault.ts"
import type { FaultKind, FaultPlan } from "../../../src/chaos/fault.ts"
import { boutsOf } from "../../../src/chaos/faults/bouts.ts"
import { kindsOf } from "../../../src/chaos/faults/kinds.ts"
import { planFaults, windowNeededMs } from "../../../src/chaos/faults/schedule.ts"
import type { ScheduleOptions } from "../../../src/chaos/faults/schedule.ts"
import { mayOverlap, traits } from "../../../src/chaos/faults/traits.ts"

const anyOptions: fc.Arbitrary<ScheduleOptions> = fc.record(
  {
    seed: fc.nat(),
    faultWindowMs: fc.integer({ min: 0, max: 600_000 }),
    kinds: fc.subarray([...faultKinds], { minLength: 1 }),
    nodes: fc.constantFrom(1, 3, 5),
    profile: fc.constantFrom("smoke" as const, "standard" as const, "nightly" as const),
    everyMs: fc.integer({ min: 1_000, max: 20_000 }),
  },
  { requiredKeys: ["seed", "faultWindowMs", "kinds", "nodes", "profile"] },
)

const endMs = ({ atMs, durationMs }: FaultPlan) => atMs + durationMs

const isOne = (kind: FaultKind) => traits[kind].strikes === "one"

/** Pairs that last at the same time, by their plans. */
const overlaps = (plans: ReadonlyArray<FaultPlan>) =>
  plans.flatMap((a, i) =>
    plans.slice(i + 1).flatMap((b) => (b.atMs < endMs(a) && a.atMs < endMs(b) ? [[a, b]] : [])),
  )

describe("a schedule", () => {
  test("is the same for the same options", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        expect(planFaults(options)).toEqual(planFaults({ ...options }))
      }),
    )
  })

  test("is another one for another seed", () => {
    const options = {
      faultWindowMs: 60_000,
      kinds: faultKinds,
      nodes: 5,
      profile: "smoke",
    } as const
    const texts = new Set(
      Array.from({ length: 50 }, (_, seed) => JSON.stringify(planFaults({ ...options, seed }))),
    )
    expect(texts.size).toBe(50)
  })

  test("stays in its window, in order, with durations that its kinds allow", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const { plans } = planFaults(options)
        for (const plan of plans) {
          expect(options.kinds).toContain(plan.kind)
          expect(plan.atMs).toBeGreaterThanOrEqual(0)
          expect(endMs(plan)).toBeLessThanOrEqual(options.faultWindowMs)
          expect(plan.durationMs).toBeGreaterThanOrEqual(traits[plan.kind].lastsMs[0])
          expect(plan.durationMs).toBeLessThanOrEqual(traits[plan.kind].lastsMs[1])
        }
        expect(plans.map(({ atMs }) => atMs)).toEqual(
          plans.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
        )
      }),
    )
  })

  test("never goes beyond the model", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        for (const [a, b] of overlaps(planFaults(options).plans)) {
          if (a === undefined || b === undefined) throw new Error("not a pair")
          expect(mayOverlap(a.kind, b.kind)).toBe(true)
          for (const { kind } of [a, b]) {
            expect(traits[kind].alone).toBe(false)
            expect(traits[kind].strikes).not.toBe("many")
          }
          // Nothing is cut off that is down.
          expect(isOne(b.kind) && isOne(a.kind) && /kill|crash|pause/.test(a.kind)).toBe(false)
        }
      }),
    )
  })

  test("leaves the cluster time between bouts", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const bouts = boutsOf(planFaults(options).plans)
        bouts.slice(1).forEach(({ atMs }, i) => {
          const before = bouts[i]?.plans ?? []
          expect(atMs).toBeGreaterThanOrEqual(Math.max(...before.map(endMs)) + 1_500)
          for (const plan of before) {
            expect(atMs).toBeGreaterThanOrEqual(endMs(plan) + traits[plan.kind].recoversMs)
          }
        })
      }),
    )
  })

  test("has every kind that is asked for, where the window allows", () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const possible = options.kinds.filter((kind) => options.nodes >= traits[kind].nodesMin)
        const faultWindowMs = windowNeededMs(possible, options.profile)
        const { plans } = planFaults({ ...options, faultWindowMs })
        expect(new Set(plans.map(({ kind }) => kind))).toEqual(new Set(possible))
      }),
    )
  })

  test("has some faults that strike while others last", () => {
    const options = { faultWindowMs: 600_000, kinds: faultKinds, nodes: 5 } as const
    const pairs = [1, 2, 3, 4, 5].flatMap((seed) => {
      const { plans } = planFaults({ ...options, seed, profile: "nightly" })
      return overlaps(plans).map(([a, b]) => `${a?.kind} ${b?.kind}`)
    })
    expect(pairs.length).toBeGreaterThan(50)
    expect(pairs.some((pair) => /partition.*kill|kill.*partition/.test(pair))).toBe(true)
  })

  test("of smoke fits into a hundred seconds", () => {
    for (let seed = 0; seed < 20; seed++) {
      const kinds = kindsOf("smoke")
      const options = { seed, kinds, nodes: 3, profile: "smoke", faultWindowMs: 100_000 } as const
      const { plans } = planFaults(options)
      expect(new Set(plans.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(kinds.length - 1)
    }
  })

  test("says which kinds a cluster cannot suffer, and why", () => {
    const { plans, skipped } = planFaults({
      seed: 1,
      faultWindowMs: 60_000,
      kinds: ["partition-ring", "power", "kill"],
      nodes: 3,
      profile: "smoke",
      capabilities: new Set(["signals"]),
    })
    expect(new Set(plans.map(({ kind }) => kind))).toEqual(new Set(["kill"]))
    expect(skipped).toEqual([
      { kind: "partition-ring", why: "needs 5 brokers, the cluster has 3" },
      {
        kind: "power",
        why: "cannot be tried on this cluster: there is no shim that forgets what was not fsynced",
      },
    ])
  })
})

describe("traits", () => {
  test("whatever strikes many strikes alone", () => {
    for (const kind of faultKinds) {
      if (traits[kind].strikes === "many") expect(traits[kind].alone).toBe(true)
    }
  })

  test("two that trouble the same links do not overlap, nor a kind with itself", () => {
    expect(mayOverlap("latency", "partition-one")).toBe(false)
    expect(mayOverlap("kill", "pause")).toBe(false)
    expect(mayOverlap("resets", "resets")).toBe(false)
    expect(mayOverlap("kill", "partition-one")).toBe(true)
    expect(mayOverlap("kill", "consumer-pause")).toBe(true)
    expect(mayOverlap("bit-flips", "consumer-pause")).toBe(false)
  })
})
