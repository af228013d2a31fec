/**
 * Rounds of compaction against the obvious reading of what they are to leave: of every key its last
 * record at or below the round's end, and what lies behind that; tombstones as long as they may be
 * needed.
 */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { isIntact } from "../../raft/entry.ts"
import { sealEntry, sealInternal } from "../../raft/entry.ts"
import type { Entry, LogIndex } from "../../raft/types.ts"
import { MemoryWal } from "../../storage/memory-wal.ts"
import type { GroupLog } from "../../storage/wal.ts"
import { CompactionRound } from "../../src/partition/compaction-round.ts"
import {
  compactedBy,
  expiredUpTo,
  horizonsMax,
  noCompaction,
} from "../../src/partition/compaction-mark.ts"
import { LatestOffsets } from "../../src/partition/compaction-keys.ts"
import { sipHash } from "../../src/partition/siphash.ts"
import { compressionNames } from "../../src/protocol/compression.ts"
import { batchCrc, readBatchHeader } from "../../src/protocol/record-batch.ts"
import { buildBatch, iterateRecords } from "../../src/protocol/record.ts"

interface ModelRecord {
  readonly index: LogIndex
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
}

interface Written {
  readonly entries: ReadonlyArray<Entry>
  readonly records: ReadonlyArray<ModelRecord>
}

interface BatchPlan {
  readonly compression: (typeof compressionNames)[number]
  readonly records: ReadonlyArray<{
    readonly key: number | null
    readonly value: number | null
    readonly timestamp: number
    readonly header: boolean
  }>
  /** An entry without records stands before it. */
  readonly noop: boolean
}

const batchPlan: fc.Arbitrary<BatchPlan> = fc.record({
  compression: fc.constantFrom(...compressionNames),
  records: fc.array(
    fc.record({
      key: fc.oneof({ weight: 20, arbitrary: fc.nat(9) }, fc.constant(null)),
      value: fc.oneof({ weight: 4, arbitrary: fc.nat(10_000) }, fc.constant(null)),
      timestamp: fc.integer({ min: 1000, max: 2000 }),
      header: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  noop: fc.boolean(),
})

function written(plans: ReadonlyArray<BatchPlan>): Written {
  const entries: Array<Entry> = []
  const records: Array<ModelRecord> = []
  let offset = 0
  for (const plan of plans) {
    if (plan.noop) {
      entries.push(sealInternal("noop", 1, entries.length + 1, 5, offset - 1, new Uint8Array(0)))
    }
    const index = entries.length + 1
    const inputs = plan.records.map(({ key, value, timestamp, header }) => ({
      key: key === null ? null : `key-${key}`,
      value: value === null ? null : `value-${value}`.repeat(5),
      timestamp,
      headers: header ? [{ key: "h", value: "x" }] : [],
    }))
    const { compression } = plan
    const payload = buildBatch({
      records: inputs,
      compression,
      baseOffset: offset,
      producerId: 7,
      producerEpoch: 1,
      baseSequence: offset,
    })
    for (const [n, { key, value, timestamp }] of inputs.entries()) {
      records.push({ index, offset: offset + n, timestamp, key, value })
    }
    const lastOffset = offset + inputs.length - 1
    const maxTimestamp = Math.max(...inputs.map(({ timestamp }) => timestamp))
    const proposal = {
      appendMs: 0,
      firstOffset: offset,
      lastOffset,
      maxTimestamp,
      producerId: 7,
      producerEpoch: 1,
      baseSequence: offset,
      payload,
    }
    entries.push(sealEntry("data", 1, index, 5, proposal))
    offset = lastOffset + 1
  }
  return { entries, records }
}

/** What is to be left by a round that ends at `upTo`. */
function leftBy(records: ReadonlyArray<ModelRecord>, upTo: LogIndex, tombstones: LogIndex) {
  return records.filter(({ index, offset, key, value }) => {
    if (index > upTo) return true
    if (key === null || (value === null && index <= tombstones)) return false
    return !records.some(
      (other) => other.key === key && other.offset > offset && other.index <= upTo,
    )
  })
}

function readAll(log: GroupLog): ReadonlyArray<ModelRecord> {
  const read: Array<ModelRecord> = []
  const text = new TextDecoder()
  for (const entry of log.entries(1, log.lastIndex + 1, Infinity)) {
    expect(isIntact(entry, entry.payload)).toBe(true)
    if (entry.type !== "data" || entry.payload.length === 0) continue
    const header = readBatchHeader(entry.payload)
    expect(header?.crc).toBe(batchCrc(entry.payload))
    expect(header?.baseOffset).toBe(entry.firstOffset)
    expect((header?.baseOffset ?? 0) + (header?.lastOffsetDelta ?? 0)).toBe(entry.lastOffset)
    expect(header?.producerId).toBe(7)
    const timestamps: Array<number> = []
    for (const { offset, timestamp, key, value } of iterateRecords(entry.payload)) {
      timestamps.push(timestamp)
      read.push({
        index: entry.index,
        offset,
        timestamp,
        key: key === null ? null : text.decode(key),
        value: value === null ? null : text.decode(value),
      })
    }
    expect(header?.recordCount).toBe(timestamps.length)
    if (entry.keptCrc !== 0) expect(header?.maxTimestamp).toBe(Math.max(...timestamps))
  }
  return read
}

interface Mark {
  readonly upToIndex: LogIndex
  readonly tombstonesUpToIndex: LogIndex
}

/** Carries a round out, in steps of so many units. */
function compact(
  wal: MemoryWal,
  mark: Mark,
  compactedUpTo: LogIndex,
  keysMax: number,
  units: number,
) {
  const log = wal.log(1)
  const round = new CompactionRound({
    group: 1,
    log,
    mark,
    compactedUpTo,
    keysMax,
    hashKey: [1, 2, 3, 4],
  })
  for (let passes = 0; passes < 1000; passes++) {
    const compaction = wal.compaction()
    while (!round.passDone) expect(round.step(units, compaction)).toBeGreaterThan(0)
    const outcomes: Array<string> = []
    compaction.finish((outcome) => outcomes.push(outcome))
    wal.flush()
    expect(outcomes).toEqual(["done"])
    if (round.done) return round
    round.nextPass()
  }
  throw new Error("the round does not end")
}

const walWith = (entries: ReadonlyArray<Entry>): MemoryWal => {
  const wal = new MemoryWal({ onDurable: () => {} })
  wal.commit([{ group: 1, entries }])
  wal.flush()
  return wal
}

describe("a round", () => {
  test("leaves of each key its last record, and nothing depends on what went before", () => {
    fc.assert(
      fc.property(
        fc.array(batchPlan, { minLength: 1, maxLength: 14 }),
        fc.array(fc.record({ upTo: fc.nat(20), tombstones: fc.nat(20) }), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.constantFrom(1, 2, 3, 1000),
        fc.constantFrom(1, 700, 1_000_000),
        fc.boolean(),
        (plans, rounds, keysMax, units, remembers) => {
          const { entries, records } = written(plans)
          const wal = walWith(entries)
          let expected = records
          let compactedUpTo = 0
          let tombstones = 0
          for (const { upTo, tombstones: more } of rounds) {
            const upToIndex = Math.max(compactedUpTo, Math.min(upTo, entries.length))
            // Only what an earlier round has gone through.
            tombstones = Math.max(tombstones, Math.min(more, compactedUpTo))
            const mark = { upToIndex, tombstonesUpToIndex: tombstones }
            const round = compact(wal, mark, remembers ? compactedUpTo : 0, keysMax, units)
            expected = leftBy(expected, upToIndex, tombstones)
            const left = readAll(wal.log(1))
            expect(left.filter(isKeyed)).toEqual(expected.filter(isKeyed))
            if (round.tombstonesLeft !== undefined) {
              const isLeft = ({ index, key, value }: ModelRecord) =>
                index <= upToIndex && key !== null && value === null
              expect(round.tombstonesLeft).toBe(left.filter(isLeft).length)
            }
            compactedUpTo = upToIndex
          }
        },
      ),
      { numRuns: Number(process.env["VARVE_ROUNDS"] ?? 300), seed: 20261121 },
    )
  })

  test("a replica that got a part of it compacted comes to the same", () => {
    fc.assert(
      fc.property(
        fc.array(batchPlan, { minLength: 2, maxLength: 14 }),
        fc.nat(20),
        fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }),
        (plans, firstUpTo, fromOther) => {
          const { entries, records } = written(plans)
          const other = walWith(entries)
          compact(
            other,
            { upToIndex: Math.min(firstUpTo, entries.length), tombstonesUpToIndex: 0 },
            0,
            1000,
            1e6,
          )
          // Some entries were received before the leader compacted them, some afterwards.
          const theirs = other.log(1).entries(1, entries.length + 1, Infinity)
          const mixed = entries.map((entry, at) => (fromOther[at] === true ? theirs[at]! : entry))
          const wal = walWith(mixed)
          const mark = { upToIndex: entries.length, tombstonesUpToIndex: 0 }
          compact(wal, mark, 0, 1000, 1e6)
          const expected = leftBy(records, entries.length, 0)
          expect(readAll(wal.log(1)).filter(isKeyed)).toEqual(expected.filter(isKeyed))
        },
      ),
      { numRuns: 150, seed: 20261121 },
    )
  })

  test("what is held of keys is bounded, and growing loses none", () => {
    const keys = new LatestOffsets([5, 6, 7, 8])
    const put = (n: number, offset: number) => {
      const bytes = Buffer.from(`xxsome-key-${n}y`)
      keys.put(bytes, 2, bytes.length - 1, offset)
    }
    const get = (text: string) => keys.get(Buffer.from(text), 0, text.length)
    for (let n = 0; n < 30_000; n++) put(n, n)
    for (let n = 0; n < 30_000; n += 3) put(n, 30_000 + n)
    expect(keys.size).toBe(30_000)
    for (let n = 0; n < 30_000; n++) {
      expect(get(`some-key-${n}`)).toBe(n % 3 === 0 ? 30_000 + n : n)
    }
    expect(get("none")).toBe(-1)
  })
})

const isKeyed = ({ key }: ModelRecord): boolean => key !== null

const round = (upToIndex: number, wallMs: number, tombstonesUpToIndex = 0) =>
  ({ _tag: "Compacted", upToIndex, wallMs, tombstonesUpToIndex }) as const

describe("the mark of a log", () => {
  test("tombstones expire by the round that first went over them", () => {
    let mark = compactedBy(noCompaction, round(10, 1000))
    mark = compactedBy(mark, round(20, 2000))
    expect([1999, 2000, 2999, 3000].map((wallMs) => expiredUpTo(mark, wallMs, 1000))).toEqual([
      0, 10, 10, 20,
    ])
    mark = compactedBy(mark, round(20, 2500, 10))
    expect(mark.horizons).toEqual([{ index: 20, wallMs: 2000 }])
    expect(expiredUpTo(mark, 2600, 1000)).toBe(10)
    expect(expiredUpTo(mark, 3000, 1000)).toBe(20)
  })

  test("never goes back, and is bounded", () => {
    let mark = noCompaction
    for (let n = 1; n <= 1000; n++) mark = compactedBy(mark, round(n * 10, n * 1000))
    expect(mark.horizons.length).toBeLessThanOrEqual(horizonsMax)
    expect(mark.horizons.at(-1)).toEqual({ index: 10_000, wallMs: 1_000_000 })
    mark = compactedBy(mark, round(5, 2_000_000, 3))
    expect(mark.upToIndex).toBe(10_000)
    expect(compactedBy(mark, round(10_000, 3_000_000, 10_000)).horizons).toEqual([])
  })
})

test("the hash is SipHash-2-4 of 128 bits (the vectors of its reference code)", () => {
  const out = new Uint32Array(4)
  const hex = (length: number): string => {
    const bytes = Uint8Array.from({ length }, (_, n) => n)
    sipHash([0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c], bytes, 0, length, out)
    return Buffer.from(out.buffer).toString("hex")
  }
  expect(hex(0)).toBe("a3817f04ba25a8e66df67214c7550293")
  expect(hex(1)).toBe("da87c1d86b99af44347659119b22fc45")
})
