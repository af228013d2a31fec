import { describe, expect, test } from "bun:test"
import { stageOf } from "../../scripts/check/stages.ts"
import { closingLine, closingTotalsOf, totalsOf } from "../../scripts/check/totals.ts"

describe("the gate", () => {
  test("counts what bun test says at the end, not what a test printed", () => {
    const output = "a test prints 3 pass\n\n 41 pass\n 2 skip\n 1 fail\n 90 expect() calls\n"
    expect(totalsOf(output)).toEqual({ passed: 41, failed: 1, skipped: 2 })
  })

  test("knows no totals where a run crashed before its summary", () => {
    expect(totalsOf("error: Cannot find module\n")).toBeUndefined()
  })

  test("closes with the counts", () => {
    expect(closingLine({ passed: 7, failed: 0, skipped: 0 })).toBe("7 passed, 0 failed")
    expect(closingLine({ passed: 7, failed: 1, skipped: 2 })).toBe("7 passed, 1 failed, 2 skipped")
  })

  test("reads a closing line again, the last one", () => {
    const totals = { passed: 7, failed: 1, skipped: 2 }
    const output = `3 passed, 0 failed\n${closingLine(totals)}\n`
    expect(closingTotalsOf(output)).toEqual(totals)
    expect(closingTotalsOf("3 passed, 0 failed\n")).toEqual({ passed: 3, failed: 0, skipped: 0 })
    expect(closingTotalsOf("all is well\n")).toBeUndefined()
  })

  test("gives every test file one stage", () => {
    expect(stageOf("test/tidy.test.ts")).toBe("tidiness")
    expect(stageOf("test/raft/paper.test.ts")).toBe("unit")
    expect(stageOf("test/protocol/golden.test.ts")).toBe("golden")
    expect(stageOf("test/node/random-faults.test.ts")).toBe("simulation")
    expect(stageOf("test/storage/property.test.ts")).toBe("storage")
    expect(stageOf("test/integration/faults.test.ts")).toBe("integration")
    expect(stageOf("test/chaos/plants.test.ts")).toBe("unit")
    expect(stageOf("test/somewhere/new.test.ts")).toBe("other")
  })
})
