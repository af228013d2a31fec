/**
 * Bytes that are not what they should be, against every request decoder: nothing but `DecodeError`
 * comes out, soon, and without memory that the bytes do not account for.
 */
import { describe, expect, test } from "bun:test"
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { allApis, apiByKey } from "../../src/protocol/apis.ts"
import { decodeRequest } from "../../src/protocol/codec.ts"
import { DecodeError } from "../../src/protocol/errors.ts"
import { decodeRequestHeader } from "../../src/protocol/header.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { Reader } from "../../src/protocol/reader.ts"

/** mulberry32: the same bytes in every run. */
const generator = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

type Random = ReturnType<typeof generator>

const folder = join(import.meta.dir, "../golden")
const recorded = readdirSync(folder)
  .filter((name) => name.endsWith(".jsonl"))
  .flatMap((name) => readFileSync(join(folder, name), "utf8").trimEnd().split("\n"))
  .map((line): Buffer => Buffer.from(JSON.parse(line).requestHex, "hex"))

/**
 * What a broker does with a frame, as far as the codec goes. True if it was a request after all.
 */
const taken = (frame: Uint8Array): boolean => {
  try {
    const reader = new Reader(frame)
    const header = decodeRequestHeader(reader)
    const api = apiByKey(header.apiKey)
    if (api === undefined) return false
    decodeRequest(api, header.apiVersion, reader)
    return true
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    return false
  }
}

/** Bytes that stand for lengths worth trying: huge, negative, just over. */
const lengths = [
  "7fffffff",
  "ffffffff",
  "80000000",
  "ffffffff0f",
  "ffff7f",
  "00ffffff",
  "7fff",
  "ff",
]

const mutations: ReadonlyArray<(frame: Buffer, random: Random) => Uint8Array> = [
  (frame, random) => frame.subarray(0, random(frame.length)),
  (frame, random) => {
    frame[random(frame.length)] = random(256)
    return frame
  },
  (frame, random) => {
    const at = random(frame.length)
    frame[at] = (frame[at] ?? 0) ^ (1 << random(8))
    return frame
  },
  (frame, random) => {
    const at = 8 + random(frame.length)
    const length = Buffer.from(lengths[random(lengths.length)] ?? "", "hex")
    return Buffer.concat([frame.subarray(0, at), length, frame.subarray(at + random(5))])
  },
  (frame, random) => {
    const at = random(frame.length)
    return Buffer.concat([frame.subarray(0, at), frame.subarray(at + 1 + random(8))])
  },
  (frame, random) => {
    const from = random(frame.length)
    const piece = frame.subarray(from, from + random(64))
    const at = random(frame.length)
    return Buffer.concat([frame.subarray(0, at), piece, frame.subarray(at)])
  },
  (frame, random) => {
    frame.writeInt16BE(random(16), 2)
    return frame
  },
]

describe("fuzz of the request decoders", () => {
  test("the recorded requests themselves are taken", () => {
    expect(recorded.length).toBe(1063)
    // One asks for a version of ApiVersions that nobody has: its body stays unread.
    expect(recorded.filter((frame) => !taken(frame)).length).toBeLessThanOrEqual(3)
  })

  test("recorded requests with one to three mutations", () => {
    const random = generator(1)
    let refused = 0
    for (const frame of recorded) {
      for (let round = 0; round < 25; round++) {
        let bytes: Uint8Array = frame
        for (let i = 0; i <= random(3); i++) {
          const mutate = mutations[random(mutations.length)]
          if (mutate !== undefined && bytes.length > 8) bytes = mutate(Buffer.from(bytes), random)
        }
        if (!taken(bytes)) refused++
      }
    }
    expect(refused).toBeGreaterThan(recorded.length * 5)
  })

  test("random bytes behind a good header, for every API and version", () => {
    const random = generator(2)
    for (const api of allApis) {
      for (let version = api.versions[0]; version <= api.versions[1]; version++) {
        for (let round = 0; round < 40; round++) {
          const frame = Buffer.alloc(11 + random(80), 0)
          frame.writeInt16BE(api.key, 0)
          frame.writeInt16BE(version, 2)
          frame.writeInt16BE(-1, 8)
          // Mostly small numbers: those go deepest.
          for (let at = 11; at < frame.length; at++) frame[at] = random(random(2) === 0 ? 4 : 256)
          taken(frame)
        }
      }
    }
  })

  test("one megabyte of each byte value is decided in no time, for every API", () => {
    const body = Buffer.alloc(1 << 20)
    const slowest = { ms: 0, api: "" }
    for (const value of [0x00, 0x01, 0x02, 0x7f, 0x80, 0xff]) {
      body.fill(value)
      for (const api of allApis) {
        const before = performance.now()
        try {
          decodeRequest(api, api.versions[1], new Reader(body))
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
        const ms = performance.now() - before
        if (ms > slowest.ms) Object.assign(slowest, { ms, api: api.name })
      }
    }
    // 20 ms here; the bound only tells linear from worse.
    expect(slowest.ms).toBeLessThan(2000)
  })

  test("a frame full of the smallest elements stops at the limit, not at the end of memory", () => {
    const count = 3_000_000
    const body = Buffer.alloc(4 + 2 * count)
    body.writeInt32BE(count)
    expect(() => decodeRequest(metadata, 1, new Reader(body))).toThrow("too many array elements")
  })
})
