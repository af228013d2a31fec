import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { faultKinds } from "../../../src/chaos/fault.ts"
import type { FaultKind } from "../../../src/chaos/fault.ts"
import { kindsOf, parseFaults, UnknownFault } from "../../../src/chaos/faults/kinds.ts"
import { InvalidPlan, parsePlan, planText } from "../../../src/chaos/faults/plan-file.ts"

const failureOf = (action: () => unknown): Error => {
  try {
    action()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error("it did not fail")
}

describe("--faults", () => {
  const cases: ReadonlyArray<readonly [string, ReadonlyArray<FaultKind>]> = [
    ["pause", ["pause", "pause-leader"]],
    ["=kill", ["kill"]],
    ["power, =kill,power", ["kill", "power"]],
    ["clock", ["clock-jump"]],
    ["membership,-transfers", ["membership"]],
    ["none", []],
  ]
  for (const [list, kinds] of cases) {
    test(list, () => {
      expect(parseFaults(list)).toEqual(kinds)
    })
  }

  test("all is all, and things can be taken away from it", () => {
    expect(parseFaults("all")).toEqual(faultKinds)
    expect(parseFaults("-disk,-network")).not.toContain("partition-one")
    expect(parseFaults("-disk")).not.toContain("power")
    expect(parseFaults("-disk")).toContain("kill")
  })

  test("what is unknown is answered with what exists, in one line", () => {
    const error = failureOf(() => parseFaults("kill,quake"))
    expect(error).toBeInstanceOf(UnknownFault)
    expect(error.message).toStartWith('there is no fault "quake"; groups: all, kill, ')
    expect(error.message).toContain("zombie-producer")
    expect(error.message).not.toContain("\n")
    expect(failureOf(() => parseFaults("")).message).toStartWith("no faults are left")
  })

  test("every profile's kinds exist; smoke leaves out what takes long", () => {
    expect(kindsOf("nightly")).toEqual(faultKinds)
    expect(kindsOf("smoke")).not.toContain("rolling-restart")
    expect(kindsOf("smoke")).toContain("power")
  })
})

describe("a plan as text", () => {
  const anyPlans = fc.array(
    fc.record({
      kind: fc.constantFrom(...faultKinds),
      atMs: fc.nat(),
      durationMs: fc.nat(),
      seed: fc.nat(),
    }),
  )

  test("reads back", () => {
    fc.assert(
      fc.property(anyPlans, (plans) => {
        const sorted = plans.toSorted((a, b) => a.atMs - b.atMs)
        expect(parsePlan(planText(sorted))).toEqual(sorted)
      }),
    )
  })

  const wrong: ReadonlyArray<readonly [string, RegExp]> = [
    ["{", /^a plan of faults is not JSON: /],
    ["{}", /^a plan of faults is a JSON array$/],
    ["[1]", /^fault 1 of the plan is not an object$/],
    ['[{"kind":"quake"}]', /^fault 1 of the plan has the unknown kind "quake"$/],
    ["[{}]", /^fault 1 of the plan has the unknown kind undefined$/],
    [
      '[{"kind":"kill","atMs":1.5,"durationMs":1,"seed":1}]',
      /^fault 1 of the plan: atMs is not a whole number from 0 to \d+$/,
    ],
    ['[{"kind":"kill","atMs":1,"durationMs":-1,"seed":1}]', /durationMs is not a whole number/],
    ['[{"kind":"kill","atMs":1,"durationMs":1}]', /seed is not a whole number/],
  ]
  for (const [text, message] of wrong) {
    test(`${text} is refused in one line`, () => {
      const error = failureOf(() => parsePlan(text))
      expect(error).toBeInstanceOf(InvalidPlan)
      expect(error.message).toMatch(message)
      expect(error.message).not.toContain("\n")
    })
  }
})
