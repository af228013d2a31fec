/** Bytes: CRC-32C, the CRC of an entry, and configurations. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import {
  crc32c,
  decodeConfiguration,
  encodeConfiguration,
  entryCrc,
  sealEntry,
  type Configuration,
} from "../../raft/index.ts"
import { configurationError } from "../../raft/configuration.ts"
import { configurationOf, proposalAt } from "../../src/sim/bare/member.ts"

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Bit by bit, straight from the polynomial. */
function slowCrc(bytes: Uint8Array): number {
  let crc = ~0
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

describe("crc32c", () => {
  test("has the published check values (RFC 3720 B.4)", () => {
    expect(crc32c(ascii("123456789"))).toBe(0xe3069283)
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
    expect(crc32c(new Uint8Array(0))).toBe(0)
  })

  test("is the polynomial's remainder for any bytes, start, end and alignment", () => {
    const bytes = fc.uint8Array({ minLength: 0, maxLength: 2000, size: "max" })
    fc.assert(
      fc.property(bytes, fc.nat(40), fc.nat(40), (all, skip, cut) => {
        const start = Math.min(skip, all.length)
        const end = Math.max(start, all.length - cut)
        expect(crc32c(all, start, end)).toBe(slowCrc(all.subarray(start, end)))
        expect(crc32c(all.subarray(start, end))).toBe(slowCrc(all.subarray(start, end)))
      }),
    )
  })

  test("goes on from a seed: crc(a ++ b) = crc(b, crc(a))", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 900 }), fc.nat(900), (all, at) => {
        const middle = Math.min(at, all.length)
        const first = crc32c(all, 0, middle)
        expect(crc32c(all, middle, all.length, first)).toBe(crc32c(all))
      }),
    )
  })

  test("refuses a range outside of the bytes", () => {
    expect(() => crc32c(new Uint8Array(4), 0, 5)).toThrow(RangeError)
    expect(() => crc32c(new Uint8Array(4), 3, 2)).toThrow(RangeError)
  })
})

describe("entryCrc", () => {
  const entry = sealEntry("data", 3, 7, 1_700_000_000_000, {
    ...proposalAt(41, "payload"),
    lastOffset: 45,
    maxTimestamp: 1_700_000_000_001,
    producerId: 2 ** 40 + 5,
    producerEpoch: 2,
    baseSequence: 9,
  })

  test("is fixed by its layout", () => {
    expect(entry.entryCrc).toBe(entryCrc(entry, entry.payload))
    // Python: crc32c(struct.pack("<qqBqqqqqhiI", 3, 7, 2, …, 2, 9, 7) + b"payload")
    expect(entry.entryCrc).toBe(3934024546)
  })

  test("covers every field of the envelope and every byte of the payload", () => {
    const fields = [
      "term",
      "index",
      "appendMs",
      "firstOffset",
      "lastOffset",
      "maxTimestamp",
    ] as const
    for (const field of [...fields, "producerId", "producerEpoch", "baseSequence"] as const) {
      for (const delta of [1, -1, 2 ** 15]) {
        const changed = { ...entry, [field]: entry[field] + delta }
        expect(entryCrc(changed, entry.payload)).not.toBe(entry.entryCrc)
      }
    }
    expect(entryCrc({ ...entry, type: "noop" }, entry.payload)).not.toBe(entry.entryCrc)
    expect(entryCrc(entry, ascii("Payload"))).not.toBe(entry.entryCrc)
    expect(entryCrc(entry, ascii("payload\0"))).not.toBe(entry.entryCrc)
  })

  test("tells −1 from 2³² − 1 and high words apart", () => {
    const ids = [-1, 0, 2 ** 32 - 1, 2 ** 32, 2 ** 52, -(2 ** 32)]
    const all = ids.map((producerId) => entryCrc({ ...entry, producerId }, entry.payload))
    expect(new Set(all).size).toBe(all.length)
  })
})

describe("configurations", () => {
  const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 12,
  })
  const sound = fc.tuple(names, fc.infiniteStream(fc.nat(5))).map(([members, draws]) => {
    const lists: Array<Array<string>> = [[], [], [], [], []]
    for (const member of members) lists[draws.next().value ?? 0]?.push(member)
    const [voters = [], outgoing = [], learners = [], both = [], leaving = []] = lists
    return configurationOf({
      voters: [...voters, ...both],
      votersOutgoing: [...outgoing, ...both, ...leaving],
      learners,
      learnersNext: leaving,
      witnesses: outgoing.slice(0, 1),
    })
  })

  test("come back from their bytes", () => {
    fc.assert(
      fc.property(sound, (configuration) => {
        if (configurationError(configuration) !== null) return
        expect(decodeConfiguration(encodeConfiguration(configuration))).toEqual(configuration)
      }),
    )
  })

  test("bytes that are none are refused, whatever they are", () => {
    const good = encodeConfiguration(configurationOf({ voters: ["a", "bc"], learners: ["d"] }))
    for (let cut = 0; cut < good.length; cut++) {
      expect(() => decodeConfiguration(good.subarray(0, cut))).toThrow()
    }
    expect(() => decodeConfiguration(Uint8Array.of(...good, 0))).toThrow("trailing")
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          expect(configurationError(decodeConfiguration(bytes))).toBe(null)
        } catch (error) {
          expect(error).toBeInstanceOf(Error)
        }
      }),
    )
  })

  for (const [what, parts] of [
    ["no voters", { learners: ["a"] }],
    ["a member listed twice", { voters: ["a", "a"] }],
    ["a learner that is a voter", { voters: ["a"], learners: ["a"] }],
    [
      "a next learner that stays voter",
      { voters: ["a"], votersOutgoing: ["a"], learnersNext: ["a"] },
    ],
    ["a next learner that never voted", { voters: ["a"], learnersNext: ["b"] }],
    ["a witness without a vote", { voters: ["a"], witnesses: ["b"] }],
    ["witnesses only", { voters: ["a"], witnesses: ["a"] }],
    ["an empty name", { voters: ["a", ""] }],
    ["too many members", { voters: Array.from({ length: 65 }, (_, i) => `m${i}`) }],
  ] as ReadonlyArray<readonly [string, Partial<Configuration>]>) {
    test(`unsound: ${what}`, () => {
      expect(configurationError(configurationOf(parts))).not.toBe(null)
    })
  }
})
