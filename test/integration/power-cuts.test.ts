import { afterAll, describe, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { buildShim } from "../../src/chaos/disk/power/library.ts"
import { folder } from "../storage/shim/power.ts"
import { PowerLedger } from "./power-cuts/power-ledger.ts"
import { PowerRun } from "./power-cuts/power-run.ts"

/** The brief form of `bun scripts/power-cuts.ts --brokers`. */

const dir = folder("varve-power-")
const shim = buildShim()
afterAll(() => rmSync(dir, { recursive: true }))
const library = "library" in shim ? shim.library : ""
if ("missing" in shim) console.log(`power cuts of brokers are not played: ${shim.missing}`)

test.skipIf(library === "")(
  "the power of three brokers is cut twice: what was acknowledged is there, nothing is distrusted",
  async () => {
    const plan = { library, dir, seed: 5, partitions: 3, rate: 120, fullEvery: 10 }
    const run = await PowerRun.start({ ...plan, segmentBytes: 400_000 })
    try {
      const seen = [await run.cut(false), await run.cut(true)]
      const judged = seen.flatMap((one) => one.judged ?? [])
      expect(judged.at(-1)?.full).toBe(true)
      expect(judged.flatMap(({ problems }) => problems)).toEqual([])
      expect(judged.flatMap(({ lines }) => lines)).toEqual([])
      expect(run.ledger.acknowledged).toBeGreaterThan(10)
      expect(run.ledger.found).toBeGreaterThanOrEqual(run.ledger.acknowledged)
    } finally {
      await run.dispose()
    }
  },
  60_000,
)

const record = (seq: number, offset: number, producer = "a", partition = 0) => ({
  producer,
  seq,
  partition,
  offset,
})
const tags = (problems: ReadonlyArray<{ readonly _tag: string }>) =>
  problems.map(({ _tag }) => _tag)

/** Three records of a partition, read; two of them acknowledged. */
function ledger(): PowerLedger {
  const kept = new PowerLedger(2)
  kept.acknowledge([record(1, 0), record(2, 1)])
  expect(kept.readTail([record(1, 0), record(2, 1), record(3, 2)])).toEqual([])
  expect(kept.ends).toEqual([3, 0])
  return kept
}

describe("the ledger over many cuts", () => {
  test("a tail that goes on is good; also with records that nobody was told of", () => {
    const kept = ledger()
    kept.acknowledge([record(3, 2), record(5, 4), record(1, 0, "b", 1)])
    const tail = [record(4, 3), record(5, 4), record(1, 0, "b", 1)]
    expect(kept.readTail(tail)).toEqual([])
    expect(kept.readAll([record(1, 0), record(2, 1), record(3, 2), ...tail])).toEqual([])
    expect([kept.acknowledged, kept.found]).toEqual([5, 6])
  })

  test("an acknowledged record that a tail does not have is lost", () => {
    const kept = ledger()
    kept.acknowledge([record(4, 3)])
    expect(tags(kept.readTail([record(5, 3)]))).toEqual(["lost"])
  })

  test("a record that was read once and is gone is lost, acknowledged or not", () => {
    expect(tags(ledger().readAll([record(1, 0), record(2, 1)]))).toEqual(["lost"])
  })

  test("another record in its place is a change, and the record is elsewhere or gone", () => {
    const all = [record(1, 0), record(9, 1), record(3, 2)]
    expect(tags(ledger().readAll(all))).toEqual(["changed"])
  })

  test("twice, out of order, or elsewhere than was said", () => {
    expect(tags(ledger().readTail([record(3, 3)]))).toEqual(["doubled"])
    const late = ledger()
    expect(tags(late.readTail([record(7, 3), record(5, 4)]))).toEqual(["reordered"])
    const moved = ledger()
    moved.acknowledge([record(4, 3)])
    expect(tags(moved.readTail([record(6, 3, "b"), record(4, 4)]))).toEqual(["wrong-offset"])
  })
})
