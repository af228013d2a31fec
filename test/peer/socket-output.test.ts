import { expect, test } from "bun:test"
import * as fc from "fast-check"
import { SocketOutput } from "../../src/peer/socket-output.ts"

/** Takes at most so many bytes at a time, then some later. */
function slowSocket(takes: ReadonlyArray<number>) {
  const written: Buffer[] = []
  let call = 0
  return {
    written,
    write(data: Uint8Array, offset = 0, length = data.length - offset): number {
      const n = Math.min(length, takes[call++ % takes.length] ?? length)
      written.push(Buffer.from(data.subarray(offset, offset + n)))
      return n
    },
  }
}

test("whatever the socket takes at a time, the bytes arrive whole and in order", () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 40 })
  const takes = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(pieces, takes, (list, sizes) => {
      const output = new SocketOutput()
      const socket = slowSocket([...sizes, 1])
      for (const [i, piece] of list.entries()) {
        output.push(piece)
        if (i % 3 === 0) expect(output.flush(socket)).toBe(true)
      }
      while (output.queuedBytes > 0) output.flush(socket)
      expect(Buffer.concat(socket.written)).toEqual(Buffer.concat(list))
    }),
  )
})

test("large pieces among small ones, beyond the gathering buffer", () => {
  const list = Array.from({ length: 300 }, (_, i) => Buffer.alloc(i % 7 === 0 ? 70_000 : 1000, i))
  const output = new SocketOutput()
  for (const piece of list) output.push(piece)
  const socket = slowSocket([50_000, 1, 128 * 1024])
  while (output.queuedBytes > 0) output.flush(socket)
  expect(Buffer.concat(socket.written).equals(Buffer.concat(list))).toBe(true)
})

test("many small frames are one write; a large piece is not copied", () => {
  const output = new SocketOutput()
  for (let i = 0; i < 100; i++) output.push(Buffer.alloc(10, i))
  const large = Buffer.alloc(100_000)
  output.push(large)
  const seen: Uint8Array[] = []
  output.flush({
    write: (data, _offset, length = 0) => {
      seen.push(data)
      return length
    },
  })
  expect(seen.length).toBe(2)
  expect(seen[1]).toBe(large)
})

test("a closed socket says so", () => {
  const output = new SocketOutput()
  output.push(Buffer.alloc(10))
  expect(output.flush({ write: () => -1 })).toBe(false)
})
