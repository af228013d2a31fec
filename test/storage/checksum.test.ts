import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { chainNext, chainStart } from "../../storage/checksum.ts"
import { readInt64, writeInt64 } from "../../storage/int64.ts"

const entry = fc.record({
  entryCrc: fc.nat(0xffffffff),
  index: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  term: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
})

describe("chain", () => {
  test("is pinned: a change of it makes every log on disk unreadable", () => {
    const first = chainNext(chainStart, { entryCrc: 0xdeadbeef, index: 1, term: 1 })
    const second = chainNext(first, { entryCrc: 1, index: 2 ** 40, term: 2 ** 35 })
    expect([first, second]).toMatchInlineSnapshot(`
      [
        3926613313468395,
        4223684872915888,
      ]
    `)
  })

  test("any change of one field, or of what came before, changes the link", () => {
    fc.assert(
      fc.property(
        entry,
        fc.nat(2 ** 52 - 1),
        fc.nat(2),
        fc.nat(30),
        (base, previous, field, bit) => {
          const link = chainNext(previous, base)
          expect(Number.isSafeInteger(link) && link >= 0 && link < 2 ** 52).toBe(true)
          const name = (["entryCrc", "index", "term"] as const)[field] ?? "term"
          expect(chainNext(previous, { ...base, [name]: flip(base[name], bit) })).not.toBe(link)
          expect(chainNext(flip(previous, bit), base)).not.toBe(link)
        },
      ),
    )
  })
})

test("int64 round trip over all safe integers, refusal beyond", () => {
  const view = new DataView(new ArrayBuffer(8))
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      writeInt64(view, 0, value)
      expect(readInt64(view, 0)).toBe(value)
      expect(Number(view.getBigInt64(0))).toBe(value)
    }),
  )
  for (const bad of [0.5, 2 ** 53, NaN, Infinity])
    expect(() => writeInt64(view, 0, bad)).toThrow(RangeError)
})

function flip(value: number, bit: number): number {
  const low = value % 2 ** 31
  return value - low + ((low ^ (1 << bit)) >>> 0)
}
