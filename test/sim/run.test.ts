import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { withTrap } from "../../src/cli/sim/trap.ts"
import { parseCase } from "../../src/sim/kept-case.ts"
import { pictureModel } from "../../src/sim/picture-model.ts"
import { drawPicture } from "../../src/sim/picture.ts"
import { drawCase } from "../../src/sim/plan.ts"
import { missing, rareEvents } from "../../src/sim/rare.ts"
import { runCase, runSeed } from "../../src/sim/run.ts"
import { Recorder, traceLines } from "../../src/sim/trace.ts"
import type { TraceEvent } from "../../src/sim/trace.ts"

/** Small and lively: three brokers, a few seconds, some crashes and cuts. */
const small = (seed: number) =>
  drawCase(seed, (options) => ({
    ...options,
    brokers: 3,
    topics: [{ partitions: 2, replicationFactor: 3 }],
    durationMs: 4_000,
    faults: { crash: 1_000, isolate: 1_500, transfer: 1_000 },
    workload: { ...options.workload, operations: 150, thinkMs: 20 },
  }))

describe("a run", () => {
  test("is the same again, event for event", () => {
    const first = runCase(small(5))
    expect(first.violation).toBeUndefined()
    expect(first.events).toBeGreaterThan(1_000)
    const again = runCase(small(5))
    expect(again).toEqual(first)
    expect(runCase(small(6)).hash).not.toBe(first.hash)
  })

  test("is the same with a recorder looking on", () => {
    const recorder = new Recorder()
    expect(runCase(small(5), recorder).hash).toBe(runCase(small(5)).hash)
    expect(recorder.events.length).toBeGreaterThan(500)
  })

  test("asks the machine for nothing", () => {
    expect(withTrap(() => runCase(small(7))).violation).toBeUndefined()
  })

  test("depends on each fault of its plan", () => {
    const { options, plan } = small(8)
    expect(runCase({ options, plan: [] }).hash).not.toBe(runCase({ options, plan }).hash)
  })

  test("drawn from a seed carries what replays it", () => {
    const { options, plan, hash } = runSeed(12)
    expect(runCase({ options, plan }).hash).toBe(hash)
  })
})

describe("the trap", () => {
  test.each([
    ["Date.now", () => Date.now()],
    ["new Date", () => new Date()],
    ["Math.random", () => Math.random()],
    ["setTimeout", () => setTimeout(() => {}, 1)],
    ["fetch", () => fetch("http://127.0.0.1:1")],
    ["crypto", () => crypto.randomUUID()],
    ["performance.now", () => performance.now()],
    ["queueMicrotask", () => queueMicrotask(() => {})],
  ])("%s throws while a seed runs, and works again after it", (_, call) => {
    expect(() => withTrap(call)).toThrow(/while a seed ran/)
    expect(Date.now()).toBeGreaterThan(1e12)
    expect(new Date().getTime()).toBeGreaterThan(1e12)
    expect(crypto.randomUUID()).toHaveLength(36)
  })

  test("dates of a given time are plain data", () => {
    expect(withTrap(() => new Date(5).toISOString())).toBe("1970-01-01T00:00:00.005Z")
  })
})

describe("what is told of a run", () => {
  const recorder = new Recorder()
  const result = runCase(small(9), recorder)

  test("the trace is one line of JSON per event, in order", () => {
    const parsed = traceLines(recorder.events)
      .trimEnd()
      .split("\n")
      .map((line): TraceEvent => JSON.parse(line))
    expect(parsed).toEqual([...recorder.events])
    const times = parsed.map(({ atMs }) => atMs)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    const tags = new Set(parsed.map(({ _tag }) => _tag))
    for (const tag of ["start", "stop", "fault", "write", "durable", "send", "receive"] as const) {
      expect(tags).toContain(tag)
    }
  })

  test("the picture shows a group's messages, and is one self-contained file", () => {
    const model = pictureModel(recorder.events, { title: "a <run>", brokers: 3, group: 0 })
    expect(model.lanes).toHaveLength(3)
    expect(model.messages.length).toBeGreaterThan(20)
    expect(model.messages.some(({ arrivedMs }) => arrivedMs !== null)).toBe(true)
    for (const { sentMs, arrivedMs } of model.messages) {
      expect(arrivedMs ?? sentMs).toBeGreaterThanOrEqual(sentMs)
    }
    const svg = drawPicture(model)
    expect(svg).toStartWith("<svg")
    expect(svg).toContain("a &lt;run&gt;")
    expect(svg).toContain("prefers-color-scheme: dark")
    expect(svg).not.toMatch(/NaN|undefined|<script|href=/)
  })

  test("what was never met is named", () => {
    const met = new Map(Object.entries(result.rare))
    expect(met.get("fault.crash")).toBeGreaterThan(0)
    expect(missing(met)).not.toContain("fault.crash")
    expect(missing(met)).toContain("fault.replaceDisk")
    expect(missing(new Map())).toEqual([...rareEvents.keys()])
  })
})

const folder = join(import.meta.dir, "scenarios")

describe("kept scenarios: what once failed, mended", () => {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"))

  test.each(names)("%s", (name) => {
    const kept = parseCase(readFileSync(join(folder, name), "utf8"))
    const { violation } = runCase(kept)
    expect({ about: kept.about, violation }).toEqual({ about: kept.about, violation: undefined })
  })
})
