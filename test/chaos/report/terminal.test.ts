import { describe, expect, test } from "bun:test"
import { formatDuration, formatTime, shortened } from "../../../src/chaos/report/format.ts"
import { Progress } from "../../../src/chaos/report/progress.ts"
import type { ProgressState } from "../../../src/chaos/report/progress.ts"
import { formatSummary } from "../../../src/chaos/report/summary.ts"
import { makeFixture } from "./fixture.ts"

const { result } = makeFixture({ seconds: 20, rate: 20 })
const escape = "\u001B"

describe("summary", () => {
  const options = { coloured: false, report: "chaos/report.html" }

  test("says the verdict first, then what it rests on and where to read more", () => {
    const lines = formatSummary(result, options).split("\n")
    expect(lines[0]).toBe("INVALID  A promise was broken.")
    const text = lines.join("\n")
    const effective = result.faults.filter((fault) => fault.effective).length
    expect(text).toContain(`${effective} of ${result.faults.length} effective`)
    expect(text).toContain("lost-write × ")
    expect(text).toContain(result.command)
    expect(text).toContain("chaos/report.html")
    expect(text).toEndWith("\n")
  })

  test("is coloured only when it may be", () => {
    expect(formatSummary(result, options)).not.toContain(escape)
    const coloured = formatSummary(result, { ...options, coloured: true })
    expect(coloured).toStartWith(`${escape}[1;31mINVALID${escape}[0m`)
  })

  test("lets nothing that a broker said reach the terminal's controls", () => {
    const reasons = [`broker 1: ${escape}]0;title\u0007${escape}[2J`]
    expect(formatSummary({ ...result, reasons }, options)).not.toMatch(/\p{Cc}(?<!\n)/u)
  })

  test("is short, however much there is to say", () => {
    const reasons = Array.from({ length: 100 }, (_, i) => `reason ${i}`)
    const text = formatSummary({ ...result, reasons }, options)
    expect(text.split("\n").length).toBeLessThan(20)
    expect(text).toContain("and 92 more")
  })
})

const state = (changed: Partial<ProgressState>): ProgressState => ({
  phase: "faults",
  elapsedMs: 0,
  totalMs: 60_000,
  acknowledged: 1234,
  faults: { planned: 9, done: 3, effective: 2 },
  current: "pause broker 1",
  worstStallMs: 1500,
  ...changed,
})

function recorded(isTTY: boolean, columns = 80) {
  const written: Array<string> = []
  const write = (text: string) => written.push(text)
  return { written, progress: new Progress({ isTTY, columns, write }) }
}

describe("progress", () => {
  test("is a plain line every ten seconds where there is no terminal", () => {
    const { written, progress } = recorded(false)
    for (let elapsedMs = 0; elapsedMs <= 30_000; elapsedMs += 200)
      progress.update(state({ elapsedMs }))
    progress.end()
    expect(written).toHaveLength(4)
    expect(written[1]).toBe(
      "0:10 faults: 1,234 acknowledged · 3 of 9 faults, 2 effective · longest stall 1.5 s" +
        " · now: pause broker 1\n",
    )
    expect(written.join("")).not.toContain(escape)
  })

  test("tells of a new phase at once", () => {
    const { written, progress } = recorded(false)
    progress.update(state({}))
    progress.update(state({ elapsedMs: 100, phase: "heal" }))
    progress.update(state({ elapsedMs: 200, phase: "heal" }))
    expect(written).toHaveLength(2)
  })

  test("is painted over itself on a terminal, and leaves nothing behind", () => {
    const { written, progress } = recorded(true)
    progress.update(state({}))
    progress.update(state({ elapsedMs: 50 }))
    progress.update(state({ elapsedMs: 150 }))
    expect(written).toHaveLength(2)
    const lines = (written[0] ?? "").split("\n").length - 1
    expect((written[1] ?? "").split(`${escape}[1A`)).toHaveLength(lines + 1)
    progress.end()
    expect(written.at(-1)?.split(`${escape}[1A`)).toHaveLength(lines + 1)
  })

  test("never wraps, so that it can be painted over", () => {
    const { written, progress } = recorded(true, 40)
    progress.update(state({ current: "partition-one-way ".repeat(9) }))
    for (const line of (written[0] ?? "").split("\n")) expect(line.length).toBeLessThan(40)
  })

  test("lets a line that stays pass above it", () => {
    const { written, progress } = recorded(true)
    progress.update(state({}))
    progress.note("broker 2 ended by itself")
    const text = written.join("")
    expect(text.indexOf("broker 2")).toBeGreaterThan(text.indexOf(`${escape}[1A`))
    expect(text.slice(text.indexOf("broker 2"))).toContain("1,234 acknowledged")
  })
})

test("durations and times are written as people say them", () => {
  const durations = [0, 0.44, 38.2, 999.7, 1500, 12_340, 60_000, 185_000, 7_440_000, Infinity]
  expect(durations.map(formatDuration)).toEqual([
    "0 ms",
    "0.4 ms",
    "38 ms",
    "1 s",
    "1.5 s",
    "12.3 s",
    "1 min",
    "3 min 5 s",
    "2 h 4 min",
    "for ever",
  ])
  expect([formatTime(7000), formatTime(59_960, true), formatTime(3_723_000)]).toEqual([
    "0:07",
    "1:00.0",
    "1:02:03",
  ])
  expect(shortened("abcdefghij", 5)).toBe("ab…ij")
})
