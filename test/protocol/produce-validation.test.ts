import { describe, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import * as fc from "fast-check"
import { ErrorCode, errorName } from "../../src/protocol/error-codes.ts"
import { batchCrc, isLogAppendTime, validateProduceBatch } from "../../src/protocol/record-batch.ts"
import type { InvalidBatch, ValidateOptions } from "../../src/protocol/record-batch.ts"
import { buildBatch } from "../../src/protocol/record.ts"
import {
  around,
  clientBatches,
  edited,
  hex,
  inner,
  wallMs,
  ordinary,
  taken,
  two,
} from "./batches.ts"

const refused = (
  records: Uint8Array | null,
  options: Partial<ValidateOptions> = {},
): InvalidBatch => {
  const result = validateProduceBatch(records, { ...ordinary, ...options })
  if (result.ok) throw new Error("the batch was taken")
  return result
}

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
      buildBatch({ records: [{ timestamp: wallMs }], compression: "zstd" }),
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
      buildBatch({ records: [{ timestamp: wallMs + 1e10 }] }),
      "INVALID_TIMESTAMP at log",
    ],
    [
      "a far future, where the broker's time counts",
      buildBatch({ records: [{ timestamp: wallMs + 1e10 }] }),
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
      { value: "1", timestamp: wallMs - 2000 },
      { key: "k", timestamp: wallMs + 1001 },
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
    const early = refused(buildBatch({ records: [{ timestamp: wallMs - 1001 }] }), limits)
    expect(early.recordErrors[0]?.batchIndexErrorMessage).toBe(
      `Timestamp ${wallMs - 1001} of message with offset 0 is out of range. ` +
        `The timestamp should be within [${wallMs - 1000}, ${wallMs + 1000}]`,
    )
    expect(verdict(buildBatch({ records: [{ timestamp: wallMs - 1000 }] }), limits)).toBe("NONE")
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
    const valid = taken(two(), { timestampType: "LogAppendTime", wallMs: wallMs + 9 })
    expect(valid.appendTimeMs).toBe(wallMs + 9)
    expect(valid.header.maxTimestamp).toBe(wallMs + 9)
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
      expect(valid.header.maxTimestamp).toBe(wallMs)
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
      view.setBigInt64(35, BigInt(wallMs + 7))
    })
    const valid = taken(claimed)
    expect(isLogAppendTime(valid.header.attributes)).toBe(false)
    expect(valid.header.maxTimestamp).toBe(wallMs + 7)
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
