import { describe, expect, test } from "bun:test"
import type { FaultRecord } from "../../../src/chaos/fault.ts"
import type { Append, Operation, Poll, Span } from "../../../src/chaos/history/history.ts"
import { driverOf, operationCounts } from "../../../src/chaos/report/statistics/counts.ts"
import { statisticsOf } from "../../../src/chaos/report/statistics/index.ts"
import { latencyPoints, writeLatency } from "../../../src/chaos/report/statistics/latency.ts"
import { allOutages, recoveries } from "../../../src/chaos/report/statistics/outages.ts"
import { throughput } from "../../../src/chaos/report/statistics/throughput.ts"
import type { Phases } from "../../../src/chaos/result.ts"

let events = 0

const span = (invokedMs: number, returnedMs: number, told: Partial<Span>): Span => ({
  id: events,
  process: "raw-producer-0",
  invoked: events++,
  returned: events++,
  invokedMs,
  returnedMs,
  outcome: "ok",
  node: 0,
  connection: 1,
  attempts: 1,
  error: "",
  ...told,
})

const append = (
  invokedMs: number,
  returnedMs: number,
  told: Partial<Span & Append> = {},
): Operation<Append> => ({
  ...span(invokedMs, returnedMs, told),
  f: "append",
  partition: told.partition ?? "t#0/0",
  values: told.values ?? ["a"],
  acks: told.acks ?? -1,
  producer: null,
  timestampMs: 0,
  offset: 0,
})

const poll = (returnedMs: number, records: Poll["records"]): Operation<Poll> => ({
  ...span(returnedMs - 5, returnedMs, { process: "kafkajs-consumer-0" }),
  f: "poll",
  partition: "t#0/0",
  from: 0,
  records,
  highWatermark: 9,
  logStartOffset: 0,
})

const phases: Phases = {
  leadInMs: 0,
  faultsMs: 1000,
  healMs: 10_000,
  drainMs: 20_000,
  checkMs: 21_000,
  endMs: 22_000,
}

const fault = (injectedMs: number, healedMs: number): FaultRecord => ({
  plan: { kind: "kill", atMs: injectedMs - 1000, durationMs: healedMs - injectedMs, seed: 1 },
  target: "broker 0",
  nodes: [0],
  injectedMs,
  healedMs,
  effective: true,
  evidence: "",
})

const spansOf = (outages: ReadonlyArray<{ readonly fromMs: number; readonly toMs: number }>) =>
  outages.map(({ fromMs, toMs }) => [fromMs, toMs])

describe("outages", () => {
  test("begin with the first attempt that nothing answers, not with the last acknowledgement", () => {
    const operations = [append(0, 10), append(5000, 7000, { outcome: "info" }), append(7100, 8000)]
    expect(spansOf(allOutages(operations, 20_000))).toEqual([
      [0, 10],
      [5000, 8000],
    ])
  })

  test("begin with the last acknowledgement while another attempt is under way", () => {
    const operations = [append(0, 900), append(100, 3000)]
    expect(spansOf(allOutages(operations, 20_000))).toEqual([
      [0, 900],
      [900, 3000],
    ])
  })

  test("last to the end when what was tried never returned", () => {
    const operations = [append(0, 10), append(4000, -1, { outcome: "pending", returned: Infinity })]
    expect(spansOf(allOutages(operations, 20_000)).at(-1)).toEqual([4000, 20_000])
  })

  test("end with the last refusal when nobody tries any more", () => {
    const operations = [append(0, 10), append(4000, 4100, { outcome: "fail" })]
    expect(spansOf(allOutages(operations, 20_000)).at(-1)).toEqual([4000, 4100])
  })

  test("are not told by those who ask for no answer, nor of partitions that nobody names", () => {
    const operations = [
      append(0, 10),
      append(1000, 1001, { acks: 0 }),
      append(1000, 5000),
      append(2000, 9000, { partition: "t#0/-1", outcome: "info" }),
    ]
    expect(spansOf(allOutages(operations, 20_000))).toEqual([
      [0, 10],
      [1000, 5000],
    ])
  })

  test("are counted by partition", () => {
    const operations = [
      append(2000, 6000, { partition: "t#0/1" }),
      append(2000, 2010),
      append(3000, 3010),
    ]
    const { outages } = statisticsOf({ operations, faults: [], phases })
    expect(outages).toEqual([
      { partition: "t#0/1", fromMs: 2000, toMs: 6000 },
      { partition: "t#0/0", fromMs: 2000, toMs: 2010 },
    ])
  })

  test("of the fault window begin in it, the longest of a partition alone", () => {
    const operations = [
      append(500, 950),
      append(2000, 2300),
      append(4000, 4100),
      append(15_000, 19_000),
    ]
    const { outages } = statisticsOf({ operations, faults: [], phases })
    expect(spansOf(outages)).toEqual([[2000, 2300]])
  })

  test("after the last heal count from the heal on", () => {
    const operations = [append(9000, 12_500), append(13_000, 13_200)]
    const at = (faults: ReadonlyArray<FaultRecord>) =>
      statisticsOf({ operations, faults, phases }).longestOutageAfterHealMs
    expect(at([])).toBe(2500)
    expect(at([fault(5000, 10_400)])).toBe(2100)
    expect(at([fault(5000, 12_900)])).toBe(200)
  })
})

describe("recoveries", () => {
  test("tell of each heal the longest outage after it", () => {
    const operations = [append(2000, 4500), append(6000, 6700)]
    const [one] = recoveries(allOutages(operations, 20_000), [fault(1500, 3000)], 20_000)
    expect(one).toMatchObject({ partition: "t#0/0", outageMs: 1500, cutShort: false })
  })

  test("look no further than the next fault", () => {
    const faults = [fault(1500, 3000), fault(4000, 5000)]
    const found = recoveries(allOutages([append(2000, 7000)], 20_000), faults, 20_000)
    expect(found.map(({ outageMs, cutShort }) => [outageMs, cutShort])).toEqual([
      [1000, true],
      [2000, false],
    ])
  })

  test("say when writes never stopped", () => {
    const operations = [append(2990, 3010), append(3020, 3040)]
    const [one] = recoveries(allOutages(operations, 20_000), [fault(1500, 3000)], 20_000)
    expect(one).toMatchObject({ partition: "", outageMs: 0 })
  })
})

describe("counts", () => {
  test("are by kind and driver, and what never returned is unknown", () => {
    const operations = [
      append(0, 1),
      append(1, 2, { outcome: "fail" }),
      append(2, 3, { outcome: "info" }),
      append(3, -1, { outcome: "pending" }),
      append(4, 5, { process: "python-kafka-producer-1" }),
      poll(10, []),
    ]
    expect(operationCounts(operations)).toEqual([
      { f: "append", process: "python-kafka", ok: 1, fail: 0, info: 0 },
      { f: "append", process: "raw", ok: 1, fail: 1, info: 2 },
      { f: "poll", process: "kafkajs", ok: 1, fail: 0, info: 0 },
    ])
  })

  test("know drivers by the beginning of a process's name", () => {
    expect(driverOf("raw-producer-0.1")).toBe("raw")
    expect(driverOf("kcat-consumer-0")).toBe("kcat")
    expect(driverOf("rawhide")).toBe("harness")
    expect(driverOf("harness-drain-2")).toBe("harness")
  })

  test("of records: what was acknowledged, and what consumers were given", () => {
    const operations = [
      append(0, 1, { values: ["a", "b", "c"] }),
      append(0, 1, { values: ["d"], outcome: "info" }),
      append(0, 1, { values: ["e"], acks: 0 }),
      poll(10, [
        [0, "a", 1],
        [1, "b", 1],
      ]),
    ]
    const { acknowledged, read } = statisticsOf({ operations, faults: [], phases })
    expect([acknowledged, read]).toEqual([3, 2])
  })
})

describe("throughput", () => {
  test("is records per second, by when they were acknowledged or given", () => {
    const operations = [
      append(0, 400, { values: ["a", "b"] }),
      append(0, 600),
      append(0, 700, { outcome: "fail" }),
      append(0, 701, { acks: 0 }),
      poll(1200, [[0, "a", 1]]),
    ]
    expect(throughput(operations, 2000)).toEqual({
      bucketMs: 500,
      acknowledged: [4, 2, 0, 0],
      read: [0, 0, 2, 0],
    })
  })

  test("has a bounded number of buckets, however long the run", () => {
    for (const hours of [1, 24, 500]) {
      expect(throughput([], hours * 3_600_000).read.length).toBeLessThanOrEqual(1200)
    }
  })
})

describe("latency points", () => {
  const many = [
    ...Array.from({ length: 1000 }, (_, i) => append(i, i + 5)),
    ...Array.from({ length: 10 }, (_, i) => append(i * 100, i * 100 + 900 + i)),
    ...Array.from({ length: 30 }, (_, i) => append(i * 30, i * 30 + 50, { outcome: "fail" })),
  ]
  const bounds = { slowestMax: 20, sampledMax: 100, troubledMax: 1000 }
  const drawn = latencyPoints(many, 20_000, bounds)
  const latencies = (outcome: string) =>
    drawn.groups.flatMap((group) => (group.outcome === outcome ? group.latencyMs : []))

  test("keep all that went wrong", () => {
    expect(latencies("fail")).toHaveLength(30)
    expect([drawn.troubled, drawn.troubledOf]).toEqual([30, 30])
  })

  test("keep the slowest, and say how many of the others are drawn", () => {
    expect(latencies("ok").filter((ms) => ms >= 900)).toHaveLength(10)
    expect([drawn.slowest, drawn.sampled, drawn.sampledOf]).toEqual([10, 100, 1000])
    expect(latencies("ok")).toHaveLength(110)
  })

  test("are all drawn while there is room", () => {
    const { sampled, sampledOf, slowest } = latencyPoints(many, 20_000)
    expect([sampled, sampledOf, slowest]).toEqual([1010, 1010, 0])
  })

  test("show what never returned as long as the run went on", () => {
    const { groups } = latencyPoints([append(500, -1, { outcome: "pending" })], 20_000)
    expect(groups).toEqual([
      { kind: "writes", outcome: "info", driver: "raw", atMs: [500], latencyMs: [19_500] },
    ])
  })

  test("of writes have a median and a tail", () => {
    const writes = Array.from({ length: 100 }, (_, i) => append(0, i + 1))
    expect(writeLatency(writes)).toEqual({ medianMs: 51, p99Ms: 100, maxMs: 100 })
    expect(writeLatency([])).toEqual({ medianMs: 0, p99Ms: 0, maxMs: 0 })
  })
})
