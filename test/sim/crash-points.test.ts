import { describe, expect, test } from "bun:test"
import { crashMoments, crashPoints, crashScenarios } from "./crash-points.ts"
import { runCase } from "../../src/sim/run.ts"

/** More of them: `VARVE_CRASH_STEPS=20 bun test test/sim/crash-points.test.ts`. */
const steps = Number(process.env["VARVE_CRASH_STEPS"] ?? 2)

describe("a crash exactly behind each write, fsync and frame", () => {
  test.each(crashScenarios.map((scenario) => [scenario.name, scenario] as const))(
    "%s",
    (_, scenario) => {
      let reached = 0
      for (const { name, case: point } of crashPoints(scenario, steps)) {
        const { violation, rare } = runCase(point)
        expect({ name, violation }).toEqual({ name, violation: undefined })
        if (crashMoments.some(({ behind }) => (rare[`crashBehind.${behind}`] ?? 0) > 0)) reached++
      }
      // A broker that the scenario itself stopped cannot be crashed; the others are.
      expect(reached).toBeGreaterThanOrEqual(steps * crashMoments.length * 2)
    },
    120_000,
  )
})
