import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { constants, gzipSync, zstdCompressSync } from "node:zlib"
import * as fc from "fast-check"
import { compressFrameSync } from "lz4-napi"
import { compress, compressionNames, decompress } from "../../src/protocol/compression.ts"
import type { Compression } from "../../src/protocol/compression.ts"
import { DecompressError } from "../../src/protocol/errors.ts"
import { outlineOf } from "../../src/protocol/lz4-frame.ts"

const codecs = compressionNames.filter((name) => name !== "none")
const mebi = 1024 * 1024

const reasonOf = (run: () => unknown): string => {
  try {
    run()
    return "nothing"
  } catch (error) {
    if (!(error instanceof DecompressError)) throw error
    return error.reason
  }
}

describe.each(codecs)("%s", (codec) => {
  test("both ways, for bytes of any kind", () => {
    const runs = fc.array(
      fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.integer({ min: 1, max: 900 })),
    )
    fc.assert(
      fc.property(runs, (pieces) => {
        const bytes = Buffer.concat(pieces.flatMap(([piece, times]) => Array(times).fill(piece)))
        expect(Buffer.from(decompress(codec, compress(codec, bytes))).equals(bytes)).toBe(true)
      }),
      { numRuns: 40, seed: 1 },
    )
  })

  test("the limit is exact", () => {
    const packed = compress(codec, new Uint8Array(mebi))
    // LZ4 frames are judged by their headers: these allow for a little more than they hold.
    const slack = codec === "lz4" ? 64 * 1024 : 0
    expect(decompress(codec, packed, mebi + slack).length).toBe(mebi)
    expect(reasonOf(() => decompress(codec, packed, mebi - 1))).toBe("tooLarge")
  })

  test("bytes cut short or altered are malformed, or are other bytes within the limit", () => {
    const text = Buffer.from(
      "so many words, so many words, and so few of them different ".repeat(40),
    )
    const packed = compress(codec, text)
    for (let at = 0; at < packed.length; at++) {
      expect(reasonOf(() => decompress(codec, packed.subarray(0, at), mebi))).not.toBe("tooLarge")
      for (const flip of [0x01, 0x80, 0xff]) {
        const altered = Buffer.from(packed)
        altered[at] = (altered[at] ?? 0) ^ flip
        reasonOf(() => expect(decompress(codec, altered, mebi).length).toBeLessThanOrEqual(mebi))
      }
    }
  })

  test.each(["", "x", "no such thing, but long enough to be taken for a header of some kind"])(
    "garbage: %p",
    (text) => {
      expect(reasonOf(() => decompress(codec, Buffer.from(text)))).toBe("malformed")
    },
  )
})

describe("bombs", () => {
  const zeros = Buffer.alloc(192 * mebi)
  const packers: Record<Exclude<Compression, "none" | "snappy">, () => Uint8Array> = {
    gzip: () => gzipSync(zeros, { level: 1 }),
    zstd: () => zstdCompressSync(zeros),
    lz4: () => compressFrameSync(zeros),
  }

  test.each(["gzip", "zstd", "lz4"] as const)("192 MiB of zeros in %s", (codec) => {
    const bomb = packers[codec]()
    const before = performance.now()
    expect(reasonOf(() => decompress(codec, bomb))).toBe("tooLarge")
    expect(performance.now() - before).toBeLessThan(3000)
  })

  test("a snappy block that claims 4 GiB is refused by its preamble", () => {
    const claim = Buffer.from("ffffffff0f", "hex")
    expect(reasonOf(() => decompress("snappy", claim))).toBe("tooLarge")
    // 60 MiB claimed in 10 bytes: within the limit, but not to be had from so few.
    const lie = Buffer.concat([Buffer.from("8080801e", "hex"), Buffer.alloc(6)])
    expect(reasonOf(() => decompress("snappy", lie))).toBe("malformed")
  })

  test("many snappy blocks together", () => {
    const block = compress("snappy", new Uint8Array(mebi)).subarray(16)
    const header = compress("snappy", new Uint8Array(0)).subarray(0, 16)
    const stream = (blocks: number) =>
      Buffer.concat([header, ...Array<Uint8Array>(blocks).fill(block)])
    expect(decompress("snappy", stream(3), 3 * mebi).length).toBe(3 * mebi)
    expect(reasonOf(() => decompress("snappy", stream(4), 3 * mebi))).toBe("tooLarge")
  })

  test("an lz4 frame is measured before it is opened", () => {
    const { frameBytes, contentBytesMax } = outlineOf(compressFrameSync(Buffer.alloc(8 * mebi)))
    expect(contentBytesMax).toBeGreaterThanOrEqual(8 * mebi)
    expect(contentBytesMax).toBeLessThan(13 * mebi)
    expect(frameBytes).toBeLessThan(mebi)
  })
})

const raw = (hex: string): Buffer => Buffer.from(hex.replaceAll(" ", ""), "hex")

const decode = (hex: string): string => Buffer.from(decompress("snappy", raw(hex))).toString()

describe("snappy", () => {
  test("each kind of element", () => {
    expect(decode("03 08 616263")).toBe("abc")
    expect(decode("07 08 616263 01 03")).toBe("abcabca")
    expect(decode("06 08 616263 0a 0300")).toBe("abcabc")
    expect(decode("06 08 616263 0b 03000000")).toBe("abcabc")
    expect(decode("0a 00 61 0a 0100 16 0100")).toBe("a".repeat(10))
    expect(decode(`3d f0 3c ${"62".repeat(61)}`)).toBe("b".repeat(61))
    expect(decode("00")).toBe("")
  })

  test.each([
    ["no length", "ffffffffffff"],
    ["fewer bytes than said", "04 08 616263"],
    ["more bytes than said", "02 08 616263"],
    ["a literal over the end", "03 08 6162"],
    ["a copy from before the beginning", "06 08 616263 0a 0400"],
    ["a copy of distance 0", "06 08 616263 0a 0000"],
    ["a copy cut short", "06 08 616263 0a 03"],
    // snappyjs goes round for ever here: the length is negative as an int32.
    ["a literal of 4 GiB", "08 08 616263 fc faffffff 00 00 00 00"],
  ])("%s", (_, hex) => {
    expect(reasonOf(() => decompress("snappy", raw(hex)))).toBe("malformed")
  })

  test("the framing of the Java client, cut anywhere", () => {
    const packed = compress("snappy", Buffer.from("abc".repeat(30_000)))
    expect(packed.subarray(1, 7).toString()).toBe(Buffer.from("SNAPPY").subarray(0, 6).toString())
    for (const at of [17, 19, 30, packed.length - 1]) {
      expect(reasonOf(() => decompress("snappy", packed.subarray(0, at)))).toBe("malformed")
    }
  })
})

describe("zstd", () => {
  const text = Buffer.from("so many words ".repeat(400))
  const packed = zstdCompressSync(text)

  test("cut anywhere is malformed, also where the decompressor would not mind", () => {
    for (let at = 0; at < packed.length; at++) {
      expect(reasonOf(() => decompress("zstd", packed.subarray(0, at)))).toBe("malformed")
    }
  })

  test("two frames are one stream", () => {
    expect(decompress("zstd", Buffer.concat([packed, packed]))).toEqual(Buffer.concat([text, text]))
    expect(reasonOf(() => decompress("zstd", Buffer.concat([packed, text])))).toBe("malformed")
  })

  test("a frame that says it holds too much is not opened", () => {
    // Single segment, 8 bytes of content size: 2^40; one empty raw block.
    const claim = raw("28b52ffde0 0000000000010000 010000")
    expect(reasonOf(() => decompress("zstd", claim))).toBe("tooLarge")
  })

  test("with and without checksum, with and without size", () => {
    for (const checksum of [0, 1]) {
      for (const size of [0, 1]) {
        const params = {
          [constants.ZSTD_c_checksumFlag]: checksum,
          [constants.ZSTD_c_contentSizeFlag]: size,
        }
        for (const length of [0, 1, 300, 70_000]) {
          const bytes = Buffer.alloc(length, "ab")
          expect(decompress("zstd", zstdCompressSync(bytes, { params })).length).toBe(length)
        }
      }
    }
  })
})

describe("lz4", () => {
  const text = Buffer.from("a frame with checksums ".repeat(9000))

  test.each([
    { contentChecksum: true },
    { blockChecksums: true },
    { contentChecksum: true, blockChecksums: true },
  ])("%p", (options) => {
    const frame = compressFrameSync(text, options)
    expect(outlineOf(frame).frameBytes).toBe(frame.length)
    expect(decompress("lz4", frame)).toEqual(text)
  })

  test("what follows the frame is not part of it", () => {
    const frame = Buffer.concat([compressFrameSync(text), Buffer.from("more")])
    expect(decompress("lz4", frame)).toEqual(text)
  })

  test.each([
    ["a block beyond the declared size", "04224d18 60 40 82 01000100"],
    ["a dictionary", "04224d18 61 40 82 00000000 00000000"],
    ["an unknown version", "04224d18 20 40 82 00000000"],
    ["an unknown block size", "04224d18 60 10 82 00000000"],
    ["no end mark", "04224d18 60 40 82"],
    ["a skippable frame", "50 2a4d18 04000000 00000000"],
  ])("%s", (_, hex) => {
    const frame = raw(hex)
    expect(reasonOf(() => decompress("lz4", frame))).toBe("malformed")
  })
})

test("batches of real clients in every codec are read in record-batch.test.ts", () => {
  const lines = readFileSync(join(import.meta.dir, "client-batches.jsonl"), "utf8").trimEnd()
  const found = new Set(lines.split("\n").map((line): string => JSON.parse(line).compression))
  expect([...found].toSorted()).toEqual([...compressionNames].toSorted())
})
