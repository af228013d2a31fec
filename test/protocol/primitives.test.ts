import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { DecodeError } from "../../src/protocol/errors.ts"
import { Reader } from "../../src/protocol/reader.ts"
import { isUuid, uuidFromBase64, uuidToBase64, zeroUuid } from "../../src/protocol/uuid.ts"
import { Writer } from "../../src/protocol/writer.ts"

const written = (write: (writer: Writer) => void): Uint8Array => {
  const writer = new Writer(1)
  write(writer)
  return writer.concat()
}

const reader = (hex: string): Reader => new Reader(Buffer.from(hex, "hex"))

describe("varints", () => {
  test("unsigned: known bytes", () => {
    const known: ReadonlyArray<readonly [number, string]> = [
      [0, "00"],
      [127, "7f"],
      [128, "8001"],
      [16383, "ff7f"],
      [16384, "808001"],
      [0xffff_ffff, "ffffffff0f"],
    ]
    for (const [value, hex] of known) {
      expect(Buffer.from(written((w) => w.unsignedVarint(value))).toString("hex")).toBe(hex)
      expect(reader(hex).unsignedVarint()).toBe(value)
    }
  })

  test("unsigned: too long, too big, cut short", () => {
    expect(reader("8000").unsignedVarint()).toBe(0)
    expect(() => reader("ffffffff1f").unsignedVarint()).toThrow(DecodeError)
    expect(() => reader("808080808001").unsignedVarint()).toThrow(DecodeError)
    expect(() => reader("ffff").unsignedVarint()).toThrow(DecodeError)
    expect(() => reader("").unsignedVarint()).toThrow(DecodeError)
  })

  test("zigzag of 32 bits", () => {
    const known: ReadonlyArray<readonly [number, string]> = [
      [0, "00"],
      [-1, "01"],
      [1, "02"],
      [-64, "7f"],
      [0x7fff_ffff, "feffffff0f"],
      [-0x8000_0000, "ffffffff0f"],
    ]
    for (const [value, hex] of known) {
      expect(Buffer.from(written((w) => w.varint(value))).toString("hex")).toBe(hex)
      expect(reader(hex).varint()).toBe(value)
    }
  })

  test("zigzag of 64 bits: every safe integer", () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const bytes = written((w) => w.varlong(value))
        const back = new Reader(bytes)
        expect(back.varlong()).toBe(value)
        back.expectEnd()
        // The same bytes as by the arithmetic of Kafka's ByteUtils.writeVarlong.
        let raw = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
        for (const byte of bytes.subarray(0, -1)) {
          expect(byte).toBe(Number(raw & 0x7fn) | 0x80)
          raw >>= 7n
        }
        expect(bytes.at(-1)).toBe(Number(raw))
      }),
      { numRuns: 500, seed: 1 },
    )
  })

  test("zigzag of 64 bits: ten bytes are enough, eleven too many", () => {
    expect(reader("ffffffffffffffffff01").varlong()).toBe(-(2 ** 63))
    expect(() => reader("ffffffffffffffffffff01").varlong()).toThrow(DecodeError)
  })
})

describe("bounds", () => {
  test("no read goes over the end", () => {
    const reads = [
      (r: Reader) => r.int8(),
      (r: Reader) => r.int16(),
      (r: Reader) => r.int32(),
      (r: Reader) => r.int64(),
      (r: Reader) => r.float64(),
      (r: Reader) => r.uuid(),
      (r: Reader) => r.slice(20),
      (r: Reader) => r.slice(-1),
      (r: Reader) => r.endAfter(20),
    ]
    for (const read of reads) {
      expect(() => read(new Reader(new Uint8Array(0)))).toThrow(DecodeError)
    }
    expect(() => reader("00000000000000").int64()).toThrow(DecodeError)
    expect(() => reader("7fff61").string()).toThrow(DecodeError)
    expect(() => reader("7fffffff61").blob()).toThrow(DecodeError)
  })

  test("a reader on a part of a buffer stays within it", () => {
    const whole = new Uint8Array([1, 2, 3, 4, 5, 6])
    const part = new Reader(whole.subarray(2, 4))
    expect(part.int16()).toBe(0x0304)
    expect(part.left).toBe(0)
    expect(() => part.int8()).toThrow(DecodeError)
  })
})

/** As both kinds of string, of bytes that are no UTF-8: each reads as U+FFFD, of three bytes. */
const illFormed = (length: number) => {
  const bytes = Buffer.alloc(length, 0xff)
  const plain = Buffer.concat([written((w) => w.int16(length)), bytes])
  const compact = Buffer.concat([written((w) => w.unsignedVarint(length + 1)), bytes])
  return [() => new Reader(plain).string(), () => new Reader(compact).compactString()]
}

describe("strings", () => {
  test("what was read can be written again, whatever the bytes were", () => {
    for (const read of illFormed(10_922)) {
      const text = read()
      expect(text).toBe("\uFFFD".repeat(10_922))
      expect(() => written((w) => w.string(text))).not.toThrow()
    }
    for (const read of illFormed(10_923)) expect(read).toThrow(DecodeError)
    const long = Buffer.concat([written((w) => w.int16(0x7fff)), Buffer.alloc(0x7fff, "a")])
    expect(new Reader(long).string()).toHaveLength(0x7fff)
  })
})

describe("the writer", () => {
  test("patches the first part also when records have cut it off", () => {
    const writer = new Writer(8)
    writer.int32(0)
    writer.records(Buffer.from("abc"))
    writer.int64(7)
    writer.patchInt32(0, 0x01020304)
    expect(Buffer.from(writer.concat()).toString("hex")).toBe(
      "01020304 00000003616263 0000000000000007".replaceAll(" ", ""),
    )
  })

  test("keeps what was written when it grows behind a cut", () => {
    const writer = new Writer(4)
    for (let i = 0; i < 50; i++) {
      writer.int32(i)
      writer.records(new Uint8Array([i]))
    }
    const back = new Reader(writer.concat())
    for (let i = 0; i < 50; i++) {
      expect(back.int32()).toBe(i)
      expect(back.blob()?.[0]).toBe(i)
    }
    back.expectEnd()
  })

  test("a tagged field of more than 127 bytes", () => {
    const writer = new Writer(4)
    const at = writer.beginTagged(3)
    writer.copy(Buffer.alloc(300, 1))
    writer.endTagged(at)
    const back = new Reader(writer.concat())
    expect([back.unsignedVarint(), back.unsignedVarint()]).toEqual([3, 300])
    expect(back.slice(300).every((byte) => byte === 1)).toBe(true)
    back.expectEnd()
  })
})

describe("uuids", () => {
  test("as Kafka prints them", () => {
    // The id of Kafka's metadata topic, and the zero id.
    expect(uuidToBase64("00000000000000000000000000000001")).toBe("AAAAAAAAAAAAAAAAAAAAAQ")
    expect(uuidToBase64(zeroUuid)).toBe("AAAAAAAAAAAAAAAAAAAAAA")
    expect(uuidFromBase64("AAAAAAAAAAAAAAAAAAAAAQ")).toBe("00000000000000000000000000000001")
  })

  test("both ways, and nothing else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const id = Buffer.from(bytes).toString("hex")
        expect(isUuid(id)).toBe(true)
        expect(uuidFromBase64(uuidToBase64(id))).toBe(id)
        expect(new Reader(written((w) => w.uuid(id))).uuid()).toBe(id)
      }),
      { numRuns: 100, seed: 1 },
    )
    for (const text of [
      "",
      "AAAA",
      "AAAAAAAAAAAAAAAAAAAAA+",
      "AAAAAAAAAAAAAAAAAAAAAB",
      "x".repeat(23),
    ]) {
      expect(uuidFromBase64(text)).toBeUndefined()
    }
  })
})
