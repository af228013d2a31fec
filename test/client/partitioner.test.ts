import { expect, test } from "bun:test"
import { murmur2, partitionOfKey } from "../../src/client/partitioner.ts"

/** From the tests of Kafka's own `Utils.murmur2`. */
const known: ReadonlyArray<readonly [string, number]> = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
]

test("murmur2 is Kafka's", () => {
  expect(known.map(([text]) => [text, murmur2(Buffer.from(text))])).toEqual(
    known.map(([text, hash]) => [text, hash]),
  )
  expect(murmur2(Buffer.from("abc"))).toBe(479470107)
  expect(murmur2(new Uint8Array(0))).toBe(275646681)
})

test("a key's partition is never negative", () => {
  for (let i = 0; i < 1000; i++) {
    const partition = partitionOfKey(Buffer.from(`key-${i}`), 7)
    expect(partition).toBeGreaterThanOrEqual(0)
    expect(partition).toBeLessThan(7)
  }
})
