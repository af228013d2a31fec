import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as fc from "fast-check"
import { crc32c } from "../../raft/crc32c.ts"
import { compressionNames } from "../../src/protocol/compression.ts"
import { ErrorCode, errorName } from "../../src/protocol/error-codes.ts"
import {
  assignOffsets,
  batchCrc,
  batchHeaderBytes,
  compressionOf,
  isControl,
  isLogAppendTime,
  isTransactional,
  readBatchHeader,
  setLogAppendTime,
  splitBatches,
  validateProduceBatch,
} from "../../src/protocol/record-batch.ts"
import type { BatchHeader, InvalidBatch, ValidateOptions } from "../../src/protocol/record-batch.ts"
import { buildBatch, iterateRecords } from "../../src/protocol/record.ts"

const nowMs = 1_760_000_000_000

const ordinary: ValidateOptions = {
  apiVersion: 9,
  maxMessageBytes: 1_048_588,
  compactedTopic: false,
  timestampType: "CreateTime",
  nowMs,
  timestampAfterMaxMs: 3_600_000,
  topicPartition: "t-0",
}

const header = (batch: Uint8Array): BatchHeader => {
  const read = readBatchHeader(batch)
  if (read === undefined) throw new Error("a batch cut short")
  return read
}

const refused = (
  records: Uint8Array | null,
  options: Partial<ValidateOptions> = {},
): InvalidBatch => {
  const result = validateProduceBatch(records, { ...ordinary, ...options })
  if (result.ok) throw new Error("the batch was taken")
  return result
}

const taken = (records: Uint8Array, options: Partial<ValidateOptions> = {}) => {
  const result = validateProduceBatch(records, { ...ordinary, ...options })
  if (!result.ok) throw new Error(`the batch was refused: ${result.reason}`)
  return result
}

const two = (): Uint8Array =>
  buildBatch({
    records: [
      { key: "a", value: "1", timestamp: nowMs },
      { key: "b", value: "2", timestamp: nowMs },
    ],
  })

/** A changed copy, with the CRC that belongs to it. */
const edited = (batch: Uint8Array, change: (view: DataView) => void): Uint8Array => {
  const copy = new Uint8Array(batch)
  const view = new DataView(copy.buffer)
  change(view)
  view.setUint32(17, crc32c(copy, 21))
  return copy
}

/** A batch around record bytes of one's own, count as claimed. */
const around = (payload: Uint8Array, recordCount: number, attributes = 0): Uint8Array => {
  const head = buildBatch({ records: [{ timestamp: nowMs }] }).subarray(0, batchHeaderBytes)
  return edited(Buffer.concat([head, payload]), (view) => {
    view.setInt32(8, batchHeaderBytes - 12 + payload.length)
    view.setInt16(21, attributes)
    view.setInt32(23, recordCount - 1)
    view.setInt32(57, recordCount)
  })
}

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(" ", ""), "hex")
const inner = (): Uint8Array => two().subarray(batchHeaderBytes)

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
    setLogAppendTime(batch, nowMs + 5)
    expect(isLogAppendTime(header(batch).attributes)).toBe(true)
    expect(header(batch).crc).toBe(batchCrc(batch))
    expect([...iterateRecords(batch)].map((record) => record.timestamp)).toEqual([
      nowMs + 5,
      nowMs + 5,
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

/** Whole batches as clients sent them: three records, `k1`, `k2`, `k3`. */
interface ClientBatch {
  readonly client: string
  readonly compression: string
  readonly batch: string
}

const clientBatches = readFileSync(join(import.meta.dir, "client-batches.jsonl"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line): ClientBatch => JSON.parse(line))

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

/** "NONE", or the error's name and whether the answer has the log's start offset. */
const verdict = (records: Uint8Array, options: Partial<ValidateOptions> = {}): string => {
  const result = validateProduceBatch(new Uint8Array(records), { ...ordinary, ...options })
  return result.ok
    ? "NONE"
    : `${errorName(result.errorCode)}${result.withLogStartOffset ? " at log" : ""}`
}

/** Each case was put to Kafka 4.3.1, and this is what it said. */
describe("as Kafka answers", () => {
  const cases: ReadonlyArray<readonly [string, Uint8Array, string, Partial<ValidateOptions>?]> = [
    ["two records", two(), "NONE"],
    ["a base offset", edited(two(), (v) => v.setInt32(4, 5)), "INVALID_RECORD at log"],
    ["wrong CRC", new Uint8Array(two()).fill(7, 17, 21), "CORRUPT_MESSAGE"],
    ["codec 5", edited(two(), (v) => v.setInt16(21, 5)), "UNKNOWN_SERVER_ERROR at log"],
    ["not gzip", around(Buffer.from("not gzip"), 1, 1), "UNKNOWN_SERVER_ERROR at log"],
    [
      "half of gzip",
      around(gzipSync(inner()).subarray(0, 20), 2, 1),
      "UNKNOWN_SERVER_ERROR at log",
    ],
    ["not snappy", around(Buffer.from("not snappy"), 1, 2), "UNKNOWN_SERVER_ERROR at log"],
    ["not lz4", around(Buffer.from("not lz4"), 1, 3), "UNKNOWN_SERVER_ERROR at log"],
    ["not zstd", around(Buffer.from("not zstd"), 1, 4), "UNKNOWN_SERVER_ERROR at log"],
    [
      "zstd before version 7",
      buildBatch({ records: [{ timestamp: nowMs }], compression: "zstd" }),
      "UNSUPPORTED_COMPRESSION_TYPE",
      { apiVersion: 6 },
    ],
    ["gzip", around(gzipSync(inner()), 2, 1), "NONE"],
    [
      "gzip, records left",
      around(gzipSync(Buffer.concat([inner(), inner()])), 2, 1),
      "INVALID_RECORD at log",
    ],
    ["gzip, too few records", around(gzipSync(inner()), 3, 1), "INVALID_RECORD at log"],
    ["records left", around(Buffer.concat([inner(), inner()]), 2), "INVALID_RECORD at log"],
    ["too few records", around(inner(), 3), "INVALID_RECORD at log"],
    ["a record over the end", around(hex("7e 01 02 03"), 1), "INVALID_RECORD at log"],
    ["a record of negative length", around(hex("01 01 02 03"), 1), "INVALID_RECORD at log"],
    [
      "a record shorter than it says",
      around(hex("10 00 00 00 01 01 00 00 00"), 1),
      "INVALID_RECORD at log",
    ],
    ["a key of length -2", around(hex("0c 00 00 00 03 01 00"), 1), "NONE"],
    ["-1 record headers", around(hex("0c 00 00 00 01 01 01"), 1), "INVALID_RECORD at log"],
    [
      "a record header without key",
      around(hex("10 00 00 00 01 01 02 01 01"), 1),
      "INVALID_RECORD at log",
    ],
    [
      "no timestamps",
      buildBatch({ records: [{ value: "x" }] }),
      "NONE",
      { timestampBeforeMaxMs: 1 },
    ],
    [
      "a producer id without sequence",
      buildBatch({ records: [{}], producerId: 5 }),
      "INVALID_RECORD at log",
    ],
    ["a producer id of -5", edited(two(), (v) => v.setBigInt64(43, -5n)), "NONE"],
    ["magic 1", new Uint8Array(two()).fill(1, 16, 17), "INVALID_RECORD"],
    ["magic -1", new Uint8Array(two()).fill(255, 16, 17), "CORRUPT_MESSAGE"],
    ["length 48", new Uint8Array(two()).fill(48, 11, 12).subarray(0, 60), "CORRUPT_MESSAGE"],
    ["length 5", new Uint8Array(two()).fill(5, 11, 12), "CORRUPT_MESSAGE"],
    ["length -1", new Uint8Array(two()).fill(255, 8, 12), "CORRUPT_MESSAGE"],
    ["5 bytes", Buffer.from("12345"), "INVALID_RECORD"],
    ["no bytes", new Uint8Array(0), "INVALID_RECORD"],
    ["5 bytes behind", Buffer.concat([two(), Buffer.from("12345")]), "NONE"],
    ["a piece of a batch behind", Buffer.concat([two(), two().subarray(0, 50)]), "NONE"],
    ["zeros behind", Buffer.concat([two(), Buffer.alloc(16)]), "CORRUPT_MESSAGE"],
    ["a second batch", Buffer.concat([two(), two()]), "INVALID_RECORD"],
    ["no records", buildBatch({ records: [] }), "INVALID_RECORD at log"],
    ["count -1", edited(two(), (v) => v.setInt32(57, -1)), "INVALID_RECORD at log"],
    ["lastOffsetDelta -5", edited(two(), (v) => v.setInt32(23, -5)), "INVALID_RECORD at log"],
    [
      "count and lastOffsetDelta at odds",
      edited(two(), (v) => v.setInt32(23, 4)),
      "INVALID_RECORD at log",
    ],
    ["a control batch", buildBatch({ records: [{}], control: true }), "INVALID_RECORD at log"],
    ["bits that have no meaning", edited(two(), (v) => v.setInt16(21, 0x7f00)), "NONE"],
    ["too large", two(), "MESSAGE_TOO_LARGE", { maxMessageBytes: two().length - 1 }],
    ["just not too large", two(), "NONE", { maxMessageBytes: two().length }],
    [
      "too large, and a wrong CRC",
      new Uint8Array(two()).fill(7, 17, 21),
      "MESSAGE_TOO_LARGE",
      { maxMessageBytes: 70 },
    ],
    ["the broker's time claimed", edited(two(), (v) => v.setInt16(21, 8)), "NONE"],
    [
      "the broker's time claimed where it counts",
      edited(two(), (v) => v.setInt16(21, 8)),
      "INVALID_TIMESTAMP at log",
      { timestampType: "LogAppendTime" },
    ],
    [
      "a far future",
      buildBatch({ records: [{ timestamp: nowMs + 1e10 }] }),
      "INVALID_TIMESTAMP at log",
    ],
    [
      "a far future, where the broker's time counts",
      buildBatch({ records: [{ timestamp: nowMs + 1e10 }] }),
      "NONE",
      { timestampType: "LogAppendTime" },
    ],
  ]

  for (const [name, batch, expected, options] of cases) {
    test(name, () => expect(verdict(batch, options)).toBe(expected))
  }

  test("the message goes into the answer only where the first batch is no batch", () => {
    expect(refused(new Uint8Array(two()).fill(3, 16, 17)).message).toBe(
      "Invalid magic found in record: 3",
    )
    expect(refused(new Uint8Array(two()).fill(5, 11, 12)).message).toBe(
      "Record size 5 is less than the minimum record overhead (14)",
    )
    expect(refused(Buffer.concat([two(), Buffer.alloc(16)])).message).toBeNull()
    expect(refused(new Uint8Array(two()).fill(7, 17, 21)).message).toBeNull()
  })

  test("records without key on a compacted topic, one by one", () => {
    const batch = buildBatch({ records: [{ value: "1" }, { key: "k" }, { value: "3" }] })
    const { errorCode, message, recordErrors } = refused(batch, { compactedTopic: true })
    const text = "Compacted topic cannot accept message without key in topic partition t-0"
    expect(errorCode).toBe(ErrorCode.INVALID_RECORD)
    expect(recordErrors).toEqual([
      { batchIndex: 0, batchIndexErrorMessage: text },
      { batchIndex: 2, batchIndexErrorMessage: text },
    ])
    expect(message).toBe(
      "One or more records have been rejected due to 2 record errors in total, and only showing " +
        `the first three errors at most: [RecordError(batchIndex=0, message='${text}'), ` +
        `RecordError(batchIndex=2, message='${text}')]`,
    )
  })

  test("timestamps out of range, one by one; they decide over keys that are missing too", () => {
    const records = [
      { value: "1", timestamp: nowMs - 2000 },
      { key: "k", timestamp: nowMs + 1001 },
    ]
    const limits = { timestampBeforeMaxMs: 1000, timestampAfterMaxMs: 1000 }
    const { errorCode, recordErrors } = refused(buildBatch({ records }), {
      ...limits,
      compactedTopic: true,
    })
    expect(errorCode).toBe(ErrorCode.INVALID_TIMESTAMP)
    expect(
      recordErrors.map((one) => [one.batchIndex, one.batchIndexErrorMessage?.slice(0, 9)]),
    ).toEqual([
      [0, "Compacted"],
      [1, "Timestamp"],
    ])
    const early = refused(buildBatch({ records: [{ timestamp: nowMs - 1001 }] }), limits)
    expect(early.recordErrors[0]?.batchIndexErrorMessage).toBe(
      `Timestamp ${nowMs - 1001} of message with offset 0 is out of range. ` +
        `The timestamp should be within [${nowMs - 1000}, ${nowMs + 1000}]`,
    )
    expect(verdict(buildBatch({ records: [{ timestamp: nowMs - 1000 }] }), limits)).toBe("NONE")
  })
})

describe("other than Kafka, on purpose", () => {
  test("offset deltas that are not 0, 1, 2, … are refused also when not compressed", () => {
    for (const second of ["00", "04", "12"]) {
      const payload = hex(`0c 00 00 00 01 01 00  0c 00 00 ${second} 01 01 00`)
      expect(verdict(around(payload, 2))).toBe("INVALID_RECORD at log")
      expect(verdict(around(gzipSync(payload), 2, 1))).toBe("INVALID_RECORD at log")
    }
  })

  test("a decompression bomb is too large", () => {
    for (const compression of ["gzip", "zstd", "lz4"] as const) {
      const bomb = buildBatch({
        records: [{ value: new Uint8Array(65 * 1024 * 1024) }],
        compression,
      })
      expect(verdict(bomb)).toBe("MESSAGE_TOO_LARGE at log")
    }
  })

  test("no more than 1000 records are named", () => {
    const records = Array.from({ length: 1500 }, () => ({ value: "x" }))
    const { recordErrors, message } = refused(buildBatch({ records }), { compactedTopic: true })
    expect(recordErrors.length).toBe(1000)
    expect(message).toContain("due to 1500 record errors in total")
  })
})

describe("what an accepted batch becomes", () => {
  test("LogAppendTime stamps it and tells the time", () => {
    const valid = taken(two(), { timestampType: "LogAppendTime", nowMs: nowMs + 9 })
    expect(valid.appendTimeMs).toBe(nowMs + 9)
    expect(valid.header.maxTimestamp).toBe(nowMs + 9)
    expect(isLogAppendTime(valid.header.attributes)).toBe(true)
    expect(valid.header.crc).toBe(batchCrc(valid.records))
  })

  test("CreateTime: -1, and no byte is touched", () => {
    const batch = two()
    const valid = taken(new Uint8Array(batch))
    expect(valid.appendTimeMs).toBe(-1)
    expect(valid.records).toEqual(new Uint8Array(batch))
  })

  test("a wrong maximal timestamp is set right", () => {
    for (const wrong of [77n, 2n ** 62n]) {
      const valid = taken(edited(two(), (view) => view.setBigInt64(35, wrong)))
      expect(valid.header.maxTimestamp).toBe(nowMs)
      expect(valid.header.crc).toBe(batchCrc(valid.records))
    }
  })

  test("negative timestamps count as none", () => {
    const batch = edited(buildBatch({ records: [{ timestamp: -5 }] }), (v) =>
      v.setBigInt64(35, -5n),
    )
    expect(taken(batch).header.maxTimestamp).toBe(-1)
  })

  test("a claim to the broker's time is taken back", () => {
    const claimed = edited(two(), (view) => {
      view.setInt16(21, 8)
      view.setBigInt64(35, BigInt(nowMs + 7))
    })
    const valid = taken(claimed)
    expect(isLogAppendTime(valid.header.attributes)).toBe(false)
    expect(valid.header.maxTimestamp).toBe(nowMs + 7)
    expect(valid.header.crc).toBe(batchCrc(valid.records))
  })

  test("what lay behind it is cut off", () => {
    const { length } = two()
    expect(taken(Buffer.concat([two(), Buffer.from("12345")])).records.length).toBe(length)
  })
})

test("mutated batches: refused or taken, never an exception", () => {
  const batches = clientBatches.map(({ batch }) => hex(batch))
  fc.assert(
    fc.property(
      fc.constantFrom(...batches),
      fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (batch, changes, sealed) => {
        const change = (view: DataView): void => {
          for (const [at, byte] of changes) view.setUint8(at % view.byteLength, byte)
        }
        const mutated = edited(batch, change)
        // With a right CRC the mutation gets as far as the records.
        if (!sealed) change(new DataView(mutated.buffer))
        validateProduceBatch(mutated, ordinary)
      },
    ),
    { numRuns: 3000, seed: 1 },
  )
})
