import { describe, expect, test } from "bun:test"
import type { FaultKind, FaultRecord } from "../../src/chaos/fault.ts"
import type { RunOptions } from "../../src/chaos/result.ts"
import { judge, type Evidence } from "../../src/chaos/verdict.ts"

const options: RunOptions = {
  product: "varve",
  seed: 1,
  nodes: 3,
  seconds: 60,
  profile: "smoke",
  faults: ["kill", "pause"],
  workloads: ["log"],
  drivers: ["raw"],
  partitions: 6,
  rate: 100,
  plant: undefined,
}

const fault = (kind: FaultKind, more: Partial<FaultRecord> = {}): FaultRecord => ({
  plan: { kind, atMs: 0, durationMs: 1000, seed: 1 },
  target: "broker 1",
  nodes: [1],
  injectedMs: 10_000,
  healedMs: 11_000,
  effective: true,
  evidence: "it is gone",
  ...more,
})

const good: Evidence = {
  options,
  checked: { _tag: "checked", counts: {} },
  noProgress: [],
  brokerEnds: [],
  faults: [fault("kill"), fault("pause")],
  skipped: [],
  acknowledgedInFaults: 5000,
  gaps: [],
}

const verdictOf = (change: Partial<Evidence>) => judge({ ...good, ...change })

describe("VALID", () => {
  test("nothing broken, nothing missing", () => {
    expect(judge(good)).toEqual({ verdict: "VALID", reasons: [] })
  })

  test("a kind that cannot be done here is left out", () => {
    const skipped = [{ kind: "pause", why: "no signals" }] as const
    expect(verdictOf({ skipped, faults: [fault("kill")] }).verdict).toBe("VALID")
  })

  test("one of several faults of a kind that bit is enough", () => {
    const faults = [fault("kill", { effective: false }), fault("kill"), fault("pause")]
    expect(verdictOf({ faults }).verdict).toBe("VALID")
  })
})

describe("INVALID", () => {
  test("an anomaly", () => {
    const checked = { _tag: "checked", counts: { "lost-write": 3, duplicate: 1 } } as const
    expect(verdictOf({ checked })).toEqual({
      verdict: "INVALID",
      reasons: ["lost-write: 3 times", "duplicate: once"],
    })
  })

  test("no recovery, whatever else is missing", () => {
    const { verdict, reasons } = verdictOf({
      noProgress: ["no recovery: t/0 has no leader"],
      acknowledgedInFaults: 0,
    })
    expect(verdict).toBe("INVALID")
    expect(reasons[0]).toBe("no recovery: t/0 has no leader")
  })

  test("a broker that ended by itself, unless a fault of its own disk explains it", () => {
    const brokerEnds = [{ node: 1, atMs: 12_000, how: "exit code 1" }]
    expect(verdictOf({ brokerEnds }).reasons).toEqual([
      "broker 1 ended by itself after 12.0 s: exit code 1",
    ])
    const faults = [...good.faults, fault("fsync-error")]
    expect(verdictOf({ brokerEnds, faults }).verdict).toBe("VALID")
    const ofAnother = [...good.faults, fault("fsync-error", { nodes: [2] })]
    expect(verdictOf({ brokerEnds, faults: ofAnother }).verdict).toBe("INVALID")
    const longBefore = [fault("fsync-error", { injectedMs: 40_000, healedMs: 41_000 })]
    const known = [...good.faults, ...longBefore]
    expect(verdictOf({ brokerEnds, faults: known }).verdict).toBe("INVALID")
    const longAfter = [{ node: 1, atMs: 90_000, how: "exit code 1" }]
    expect(verdictOf({ brokerEnds: longAfter, faults }).verdict).toBe("INVALID")
  })

  test("what Kafka does by design fails no run of Kafka, and any of varve", () => {
    const checked = { _tag: "checked", counts: { "high-watermark-regress": 2 } } as const
    expect(verdictOf({ checked }).verdict).toBe("INVALID")
    const kafka = { ...options, product: "kafka" as const }
    expect(verdictOf({ checked, options: kafka }).verdict).toBe("VALID")
    const lost = { _tag: "checked", counts: { "lost-write": 1 } } as const
    expect(verdictOf({ checked: lost, options: kafka }).verdict).toBe("INVALID")
  })
})

describe("INCONCLUSIVE", () => {
  test("a kind that was asked for never bit, or never struck", () => {
    const faults = [fault("kill"), fault("pause", { effective: false, evidence: "it still runs" })]
    expect(verdictOf({ faults })).toEqual({
      verdict: "INCONCLUSIVE",
      reasons: ["pause had no effect: it still runs"],
    })
    expect(verdictOf({ faults: [fault("kill")] }).reasons).toEqual([
      "pause had no effect: it was never injected",
    ])
  })

  test("nothing that was asked for can be done here", () => {
    const skipped = options.faults.map((kind) => ({ kind, why: "no" }))
    expect(verdictOf({ skipped, faults: [] }).verdict).toBe("INCONCLUSIVE")
  })

  test("too few acknowledgements while faults struck", () => {
    expect(verdictOf({ acknowledgedInFaults: 300 }).verdict).toBe("VALID")
    expect(verdictOf({ acknowledgedInFaults: 299 }).verdict).toBe("INCONCLUSIVE")
  })

  test("the checker did not end; a gap", () => {
    const checked = { _tag: "unknown", why: "it took longer than 60 s" } as const
    expect(verdictOf({ checked }).reasons).toEqual(["not checked: it took longer than 60 s"])
    expect(verdictOf({ gaps: ["kafkajs ended"] }).verdict).toBe("INCONCLUSIVE")
  })
})
