import { describe, expect, test } from "bun:test"
import type { Operation } from "../../../src/chaos/history/history.ts"
import { chosenAnomalies, gatherEvidence } from "../../../src/chaos/report/anomalies/evidence.ts"
import { logOrderOf } from "../../../src/chaos/report/anomalies/log-order.ts"
import { cutTime } from "../../../src/chaos/report/drawings/cut-time.ts"
import { mostRestless, reignsOf } from "../../../src/chaos/report/drawings/leader-lanes.ts"
import { makeFixture } from "./fixture.ts"

const { result, operations } = makeFixture({ seconds: 30, rate: 30 })

describe("evidence", () => {
  const chosen = chosenAnomalies(result.anomalies)
  const evidence = gatherEvidence(chosen, operations, result)

  test("is of the first three of each kind", () => {
    const perKind = Map.groupBy(chosen, ({ kind }) => kind)
    expect(Math.max(...Array.from(perKind.values(), (some) => some.length))).toBe(3)
    expect(evidence.map(({ anomaly }) => anomaly)).toEqual([...chosen])
  })

  test("holds the operations that the checker names, in the order of their beginning", () => {
    for (const { anomaly, operations: own } of evidence) {
      expect(new Set(own.map(({ id }) => id))).toEqual(new Set(anomaly.operations))
      expect(own).toEqual(own.toSorted((a, b) => a.invoked - b.invoked))
    }
  })

  test("adds who wrote the values in question, and the log at the end, once each", () => {
    const poll = evidence.find(({ anomaly }) => anomaly.kind === "read-then-lost")
    expect(poll?.context.map(({ f }) => f)).toEqual(["append"])
    const twice = evidence.find(({ anomaly }) => anomaly.kind === "duplicate")
    expect(twice?.context.map(({ f }) => f)).toEqual(["drain"])
  })

  test("names the faults that lasted then, and the next ones", () => {
    for (const { operations: own, active, next } of evidence) {
      const live = own.filter(({ f }) => f !== "drain")
      const fromMs = Math.min(...live.map(({ invokedMs }) => invokedMs))
      const toMs = Math.max(...live.map(({ returnedMs }) => returnedMs))
      for (const fault of active) {
        expect(fault.injectedMs).toBeLessThanOrEqual(toMs)
        expect(fault.healedMs).toBeGreaterThanOrEqual(fromMs)
      }
      for (const fault of next) expect(fault.injectedMs).toBeGreaterThan(toMs)
    }
  })
})

describe("order in the log", () => {
  const append = operations.find(({ f, outcome }) => f === "append" && outcome === "ok")
  const drain = operations.find(({ f }) => f === "drain")

  test("is around the offsets that the sentence names", () => {
    if (drain === undefined) throw new Error("nothing was drained")
    const order = logOrderOf("nothing lies at 12, nor at 40;", [drain], [])
    expect([...(order?.focus ?? [])]).toEqual([12, 40])
    expect(order?.columns).toEqual([10, 11, 12, 13, 14, 38, 39, 40, 41, 42])
  })

  test("is around what an operation says when the sentence names nothing", () => {
    if (append?.f !== "append") throw new Error("nothing was appended")
    const order = logOrderOf("something is wrong", [append], [])
    expect(order?.columns).toEqual([append.offset])
    expect(order?.rows[0]?.values.get(append.offset)).toBe(append.values[0])
  })

  test("takes no generation for an offset, though the log at the end has it", () => {
    if (drain === undefined) throw new Error("nothing was drained")
    const commit: Operation = {
      ...drain,
      f: "commit",
      group: "g",
      partition: "t#0/0",
      offset: 20,
      tag: "",
      member: "m",
      generation: 11,
    }
    const order = logOrderOf("g: 11 of m after 13", [commit], [drain])
    expect([...(order?.focus ?? [])]).toEqual([20])
    expect(order?.rows.map(({ mark }) => mark?.text).toSorted()).toEqual(["commit", "end"])
  })

  test("marks what was asked for and refused", () => {
    const poll = operations.find(({ f }) => f === "poll")
    if (poll?.f !== "poll") throw new Error("nothing was read")
    const refused: Operation = { ...poll, outcome: "fail", from: 7, records: [] }
    const order = logOrderOf("at 7, read up to 9", [refused], [])
    expect(order?.rows[0]?.mark).toEqual({ offset: 7, text: "asked" })
    expect(order?.columns).toEqual([7])
  })

  test("is not there when no operation names a place", () => {
    if (append?.f !== "append") throw new Error("nothing was appended")
    expect(logOrderOf("lost", [{ ...append, offset: -1 }], [])).toBeUndefined()
    expect(logOrderOf("lost", [], [])).toBeUndefined()
  })
})

describe("cut time", () => {
  test("keeps the order of all moments, and leaves out what is long and empty", () => {
    const times = [0, 10, 15, 40, 60_000, 60_020]
    const { x, breaks } = cutTime(times, 100, 800)
    expect(breaks.map(({ ms }) => ms)).toEqual([59_960])
    const places = [-5, ...times, 90_000].map(x)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
    expect(places.at(-1)).toBeLessThanOrEqual(900)
    expect(x(15) - x(10)).toBeGreaterThan(19)
  })

  test("cuts nothing where everything is close", () => {
    expect(cutTime([0, 400, 900], 0, 800).breaks).toEqual([])
    expect(cutTime([5], 0, 800).breaks).toEqual([])
  })
})

const seen = (atMs: number, partition: string, leader: number, epoch: number) => ({
  atMs,
  partition,
  leader,
  epoch,
})
describe("leaders", () => {
  const reigns = reignsOf(
    [
      seen(0, "t/10", 1, 1),
      seen(0, "t/2", 0, 1),
      seen(50, "t/2", 0, 1),
      seen(90, "t/2", -1, 1),
      seen(120, "t/2", 2, 2),
    ],
    1000,
  )

  test("are reigns from one change to the next, by number of partition", () => {
    expect(reigns.map(({ partition }) => partition)).toEqual(["t/2", "t/10"])
    expect(reigns[0]?.reigns).toEqual([
      { leader: 0, epoch: 1, fromMs: 0, toMs: 90 },
      { leader: -1, epoch: 1, fromMs: 90, toMs: 120 },
      { leader: 2, epoch: 2, fromMs: 120, toMs: 1000 },
    ])
  })

  test("of those that changed most often are shown first where there are many", () => {
    expect(mostRestless(reigns, 1).map(({ partition }) => partition)).toEqual(["t/2"])
  })
})
