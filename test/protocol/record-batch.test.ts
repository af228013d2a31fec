import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as fc from "fast-check"
import { crc32c } from "../../raft/crc32c.ts"
import { compressionNames } from "../../src/protocol/compression.ts"
import {
  assignOffsets,
  batchCrc,
  compressionOf,
  isControl,
  isLogAppendTime,
  isTransactional,
  readBatchHeader,
  setLogAppendTime,
  splitBatches,
} from "../../src/protocol/record-batch.ts"
import type { BatchHeader } from "../../src/protocol/record-batch.ts"
import { buildBatch, iterateRecords } from "../../src/protocol/record.ts"
import { around, clientBatches, hex, inner, wallMs, taken, two } from "./batches.ts"

const header = (batch: Uint8Array): BatchHeader => {
  const read = readBatchHeader(batch)
  if (read === undefined) throw new Error("a batch cut short")
  return read
}

describe("crc32c", () => {
  test("known vectors (RFC 3720 B.4)", () => {
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  })

  test("a batch of Kafka's own", () => {
    const line = readFileSync(join(import.meta.dir, "../golden/Produce.jsonl"), "utf8").split(
      "\n",
    )[0]
    const { request } = JSON.parse(line ?? "")
    const batch = hex(request.TopicData[0].PartitionData[0].Records)
    expect(batchCrc(batch)).toBe(0x0e71ed95)
    expect(header(batch).crc).toBe(0x0e71ed95)
  })
})

describe("the view", () => {
  test("every field of the header", () => {
    const batch = buildBatch({
      records: [{ timestamp: 5 }, { timestamp: 900 }, { timestamp: 7 }],
      baseOffset: 77,
      partitionLeaderEpoch: 3,
      producerId: 2 ** 40,
      producerEpoch: 9,
      baseSequence: 100,
      transactional: true,
      compression: "zstd",
    })
    expect(header(batch)).toEqual({
      baseOffset: 77,
      batchLength: batch.length - 12,
      partitionLeaderEpoch: 3,
      magic: 2,
      crc: batchCrc(batch),
      attributes: 0x14,
      lastOffsetDelta: 2,
      baseTimestamp: 5,
      maxTimestamp: 900,
      producerId: 2 ** 40,
      producerEpoch: 9,
      baseSequence: 100,
      recordCount: 3,
    })
    expect(compressionOf(0x14)).toBe("zstd")
    expect(compressionOf(0x05)).toBeUndefined()
    expect(isTransactional(0x14)).toBe(true)
    expect(isControl(0x14)).toBe(false)
    expect(isControl(0x20)).toBe(true)
    expect(readBatchHeader(batch.subarray(0, 60))).toBeUndefined()
  })

  test("offsets and epoch are assigned in place and leave the CRC right", () => {
    const batch = two()
    assignOffsets(batch, 2 ** 40 + 5, 12)
    const after = header(batch)
    expect([after.baseOffset, after.partitionLeaderEpoch]).toEqual([2 ** 40 + 5, 12])
    expect(after.crc).toBe(batchCrc(batch))
    expect([...iterateRecords(batch)].map((record) => record.offset)).toEqual([
      2 ** 40 + 5,
      2 ** 40 + 6,
    ])
    expect(() => assignOffsets(batch, 2 ** 53, 1)).toThrow(RangeError)
  })

  test("LogAppendTime lies within the CRC, which is made anew", () => {
    const batch = two()
    setLogAppendTime(batch, wallMs + 5)
    expect(isLogAppendTime(header(batch).attributes)).toBe(true)
    expect(header(batch).crc).toBe(batchCrc(batch))
    expect([...iterateRecords(batch)].map((record) => record.timestamp)).toEqual([
      wallMs + 5,
      wallMs + 5,
    ])
  })

  test("whole batches are split off, a piece at the end is not one", () => {
    const [first, second] = [two(), buildBatch({ records: [{ value: "x" }], compression: "lz4" })]
    const read = Buffer.concat([first, second, first.subarray(0, 70)])
    expect([...splitBatches(read)].map((batch) => batch.length)).toEqual([
      first.length,
      second.length,
    ])
    expect([...splitBatches(Buffer.alloc(200))]).toEqual([])
    expect([...splitBatches(Buffer.alloc(5))]).toEqual([])
  })
})

describe("records", () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 30 }))
  const record = fc.record({
    key: bytes,
    value: bytes,
    timestamp: fc.integer({ min: -1, max: 2 ** 45 }),
    headers: fc.array(fc.record({ key: fc.string({ unit: "grapheme" }), value: bytes }), {
      maxLength: 3,
    }),
  })

  test("built batches are read back and are valid, in every codec", () => {
    const built = fc.array(record, { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(built, fc.constantFrom(...compressionNames), (records, compression) => {
        const batch = buildBatch({ records, compression })
        const { crc } = header(batch)
        const read = [...iterateRecords(batch)]
        expect(read).toEqual(
          records.map((one, offset) => ({
            offset,
            timestamp: one.timestamp,
            key: one.key && Buffer.from(one.key),
            value: one.value && Buffer.from(one.value),
            headers: one.headers.map((h) => ({
              key: h.key,
              value: h.value && Buffer.from(h.value),
            })),
          })),
        )
        const valid = taken(batch, { timestampAfterMaxMs: 2 ** 50 })
        expect(valid.header.crc).toBe(crc)
        expect(valid.records).toEqual(batch)
      }),
      { numRuns: 150, seed: 1 },
    )
  })

  test("malformed ones are not read", () => {
    expect(() => [...iterateRecords(around(hex("7e 01 02"), 1))]).toThrow("wanted")
    expect(() => [...iterateRecords(around(inner(), 1, 5))]).toThrow("no known compression")
    expect(() => [...iterateRecords(two().subarray(0, 50))]).toThrow("cut short")
  })
})

describe("batches of real clients", () => {
  for (const { client, compression, batch } of clientBatches) {
    test(`${client}, ${compression}`, () => {
      const valid = taken(hex(batch), { timestampAfterMaxMs: 2 ** 45, compactedTopic: true })
      expect(compressionOf(valid.header.attributes)).toBe(
        compressionNames.find((name) => name === compression),
      )
      expect(Buffer.from(valid.records).toString("hex")).toBe(batch)
      const read = [...iterateRecords(valid.records)]
      expect(read.map((one) => Buffer.from(one.key ?? []).toString())).toEqual(["k1", "k2", "k3"])
      const cities = read.map((one): unknown => JSON.parse(Buffer.from(one.value ?? []).toString()))
      expect(cities).toMatchObject([{ city: "Zürich" }, { city: "Genève" }, { city: "東京" }])
      const headers = client.startsWith("Kafka") ? [] : [{ key: "h", value: Buffer.from("1") }]
      expect(read.map((one) => one.headers)).toEqual([headers, headers, headers])
    })
  }
})
