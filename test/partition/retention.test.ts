/** What retention lets go, against a naive reading of the same rules. */
import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { sealEntry, sealInternal } from "../../raft/entry.ts"
import type { Entry } from "../../raft/types.ts"
import { defaultPartitionConfig } from "../../src/partition/partition-config.ts"
import { RetentionScan } from "../../src/partition/retention.ts"
import { recordAtTimestamp, recordOfMaxTimestamp } from "../../src/partition/timestamp-lookup.ts"
import type { Readable } from "../../src/partition/timestamp-lookup.ts"
import { buildBatch } from "../../src/protocol/record.ts"
import { MemoryWal } from "../../storage/memory-wal.ts"

interface Batch {
  /** 0: a no-op. */
  readonly records: number
  readonly bytes: number
  readonly timestamp: number
  readonly waitedMs: number
}

const batch: fc.Arbitrary<Batch> = fc.record({
  records: fc.integer({ min: 0, max: 3 }),
  bytes: fc.integer({ min: 1, max: 300 }),
  timestamp: fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 1_000 })),
  waitedMs: fc.integer({ min: 0, max: 100 }),
})

function logOf(entries: ReadonlyArray<Entry>) {
  const wal = new MemoryWal({ onDurable: () => {} })
  wal.commit([{ group: 1, entries }])
  return wal.log(1)
}

function entriesOf(batches: ReadonlyArray<Batch>): ReadonlyArray<Entry> {
  let lastOffset = -1
  let appendMs = 0
  return batches.map(({ records, bytes, timestamp, waitedMs }, n) => {
    appendMs += waitedMs
    if (records === 0) {
      return sealInternal("noop", 1, n + 1, appendMs, lastOffset, new Uint8Array(0))
    }
    const firstOffset = lastOffset + 1
    lastOffset += records
    return sealEntry("data", 1, n + 1, appendMs, {
      appendMs,
      firstOffset,
      lastOffset,
      maxTimestamp: timestamp,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      payload: new Uint8Array(bytes),
    })
  })
}

interface Rules {
  readonly retentionMs: number
  readonly retentionBytes: number
  readonly wallMs: number
  readonly graceMs: number
}

/** Kafka's two rules, one after the other, over batches; each keeps the first that it may. */
function naive(entries: ReadonlyArray<Entry>, rules: Rules): number {
  const { retentionMs, retentionBytes, wallMs, graceMs } = rules
  const batches = entries.filter(({ type }) => type === "data")
  let start = 0
  let kept = batches.reduce((sum, { payload }) => sum + payload.length, 0)
  for (const { maxTimestamp, appendMs, payload, lastOffset } of batches) {
    const timestamp = maxTimestamp < 0 ? appendMs : maxTimestamp
    const isOld =
      retentionMs >= 0 && timestamp + retentionMs < wallMs && appendMs + graceMs < wallMs
    const isMore = retentionBytes >= 0 && kept - payload.length >= retentionBytes
    if (!isOld && !isMore) break
    kept -= payload.length
    start = lastOffset + 1
  }
  return start
}

test("whole batches go, the oldest first, until one is to stay; in slices of any size", () => {
  const limits = fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: 1_500 }))
  const rules = fc.record({
    retentionMs: limits,
    retentionBytes: limits,
    wallMs: fc.integer({ min: 0, max: 3_000 }),
    graceMs: fc.integer({ min: 0, max: 300 }),
  })
  const slices = fc.integer({ min: 1, max: 7 })
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 40 }), rules, slices, (batches, asked, slice) => {
      const entries = entriesOf(batches)
      const { retentionMs, retentionBytes, wallMs, graceMs } = asked
      const scan = new RetentionScan({
        log: logOf(entries),
        appliedIndex: entries.length,
        logStartOffset: 0,
        config: { ...defaultPartitionConfig, retentionMs, retentionBytes },
        wallMs,
        graceMs,
      })
      for (let n = 0; !scan.done; n++) {
        expect(scan.step(slice)).toBeLessThanOrEqual(slice)
        expect(n).toBeLessThan(60)
      }
      expect(scan.moved?.offset ?? 0).toBe(naive(entries, asked))
    }),
  )
})

test("what is not committed stays, and what is below the start counts no more", () => {
  const batches = Array.from({ length: 6 }, () => {
    return { records: 2, bytes: 100, timestamp: 5, waitedMs: 0 }
  })
  const asked = {
    log: logOf(entriesOf(batches)),
    config: { ...defaultPartitionConfig, retentionMs: 10, retentionBytes: 0 },
    wallMs: 1_000,
    graceMs: 0,
  }
  const scan = new RetentionScan({ ...asked, appliedIndex: 4, logStartOffset: 3 })
  scan.step(100)
  expect(scan.moved).toEqual({ _tag: "LogStartMoved", offset: 8, why: "retention.ms" })
  const late = new RetentionScan({ ...asked, appliedIndex: 4, logStartOffset: 8 })
  late.step(100)
  expect([late.moved, late.dueMs]).toEqual([undefined, Infinity])
})

const onCorrupt = () => expect.unreachable()

// ---- records by time, where the log begins inside a batch

function dated(times: ReadonlyArray<ReadonlyArray<number>>): ReadonlyArray<Entry> {
  let firstOffset = 0
  return times.map((list, n) => {
    const baseOffset = firstOffset
    firstOffset += list.length
    const records = list.map((timestamp) => ({ value: "x", timestamp }))
    return sealEntry("data", 1, n + 1, 0, {
      appendMs: 0,
      firstOffset: baseOffset,
      lastOffset: firstOffset - 1,
      maxTimestamp: Math.max(...list),
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      payload: buildBatch({ records, baseOffset }),
    })
  })
}

test("records by time are looked for from the start of the log on, up to what is committed", () => {
  const times = fc.array(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 4 }), {
    minLength: 1,
    maxLength: 8,
  })
  fc.assert(
    fc.property(times, fc.nat(), fc.nat(), fc.nat({ max: 22 }), (lists, a, b, timestamp) => {
      const entries = dated(lists)
      const committed = entries.slice(0, (a % entries.length) + 1)
      const all = committed.flatMap((entry, n) =>
        (lists[n] ?? []).map((time, at) => ({ offset: entry.firstOffset + at, time })),
      )
      const logStartOffset = b % (all.length + 1)
      const held = all.filter(({ offset }) => offset >= logStartOffset)
      const log = logOf(entries)
      const readable: Readable = { log, logStartOffset, hi: committed.length + 1, onCorrupt }
      const expected = held.find(({ time }) => time >= timestamp)?.offset
      expect(recordAtTimestamp(readable, timestamp)?.offset).toBe(expected)
      const greatest = Math.max(...all.map(({ time }) => time))
      const index = committed.find(({ maxTimestamp }) => maxTimestamp === greatest)?.index ?? 0
      const most = Math.max(...held.map(({ time }) => time))
      const latest = held.find(({ time }) => time === most)?.offset
      const found = recordOfMaxTimestamp(readable, { index, timestamp: greatest })
      expect(found?.offset).toBe(latest)
    }),
  )
})
