import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { FrameSplitter, FrameTooLarge } from "../../src/protocol/frame.ts"

const framed = (payload: Uint8Array): Buffer => {
  const frame = Buffer.alloc(4 + payload.length)
  frame.writeInt32BE(payload.length)
  frame.set(payload, 4)
  return frame
}

const texts = (frames: ReadonlyArray<Uint8Array>): ReadonlyArray<string> =>
  frames.map((frame) => Buffer.from(frame).toString())

describe("FrameSplitter", () => {
  test("any frames in any chunks come out as they went in", () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 30 })), (sent, sizes) => {
        const stream = Buffer.concat(sent.map(framed))
        const splitter = new FrameSplitter(40)
        const received: Array<string> = []
        let at = 0
        for (const size of [...sizes, Infinity]) {
          const chunk = stream.subarray(at, at + Math.min(size, stream.length))
          at += chunk.length
          for (const frame of splitter.push(chunk))
            received.push(Buffer.from(frame).toString("hex"))
        }
        expect(received).toEqual(sent.map((payload) => Buffer.from(payload).toString("hex")))
        expect(splitter.pending).toBe(0)
      }),
      { numRuns: 300, seed: 1 },
    )
  })

  test("one byte at a time", () => {
    const stream = Buffer.concat([
      framed(Buffer.from("abc")),
      framed(Buffer.alloc(0)),
      framed(Buffer.from("d")),
    ])
    const splitter = new FrameSplitter(10)
    const received = [...stream].flatMap((byte) => texts(splitter.push(Buffer.from([byte]))))
    expect(received).toEqual(["abc", "", "d"])
  })

  test("a frame within one chunk is a view on it", () => {
    const chunk = Buffer.concat([framed(Buffer.from("one")), framed(Buffer.from("two"))])
    const frames = new FrameSplitter(10).push(chunk)
    expect(texts(frames)).toEqual(["one", "two"])
    for (const frame of frames) expect(frame.buffer).toBe(chunk.buffer)
  })

  test("the limit is exact", () => {
    expect(texts(new FrameSplitter(3).push(framed(Buffer.from("abc"))))).toEqual(["abc"])
    expect(() => new FrameSplitter(2).push(framed(Buffer.from("abc")))).toThrow(FrameTooLarge)
  })

  test.each([
    ["a negative length", "ffffffff"],
    ["a TLS hello", "16030100"],
    ["an HTTP request", Buffer.from("GET ").toString("hex")],
    ["an SSH banner", Buffer.from("SSH-").toString("hex")],
  ])("%s is refused by its first four bytes, whole or in pieces", (_, hex) => {
    const bytes = Buffer.from(hex, "hex")
    expect(() => new FrameSplitter(100 * 1024 * 1024).push(bytes)).toThrow(FrameTooLarge)
    const slow = new FrameSplitter(100 * 1024 * 1024)
    slow.push(bytes.subarray(0, 3))
    expect(() => slow.push(bytes.subarray(3))).toThrow(FrameTooLarge)
  })

  test("a length alone allocates nothing", () => {
    const splitter = new FrameSplitter(2 ** 31 - 1)
    expect(splitter.push(Buffer.from("7fffffff", "hex"))).toEqual([])
    expect(splitter.push(Buffer.from("abc"))).toEqual([])
    expect(splitter.pending).toBe(7)
  })
})
