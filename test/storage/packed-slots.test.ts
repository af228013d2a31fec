/** Directories of compacted rows: packed for the file, the same for whoever reads them. */
import { describe, expect, test } from "bun:test"
import * as fc from "fast-check"
import { withKept } from "../../raft/entry.ts"
import { chainNext, chainStart } from "../../storage/checksum.ts"
import { CorruptRow, Directory, encodeDirectory, packed } from "../../storage/directory.ts"
import { packSlots, unpackSlots } from "../../storage/packed-slots.ts"
import { run } from "./entries.ts"

function emptied(count: number): Directory {
  let chain = chainStart
  const slots = run(count, 1000, 5000, { bytes: 80 }).map((entry) => {
    chain = chainNext(chain, entry)
    return { group: 7, entry: withKept(entry, new Uint8Array(0)), position: 0, chain }
  })
  return new Directory(42, encodeDirectory(42, 0, slots))
}

const metas = (directory: Directory) =>
  Array.from({ length: directory.count }, (_, slot) => [
    directory.group(slot),
    directory.kind(slot),
    directory.chain(slot),
    directory.position(slot),
    directory.meta(slot),
  ])

describe("a packed directory", () => {
  test("says what the plain one says, in a quarter of the space", () => {
    const plain = emptied(1000)
    const stored = packed(plain)
    const read = new Directory(42, stored)
    expect(metas(read)).toEqual(metas(plain))
    expect(read.payloadBytes).toBe(0)
    expect(read.isKept(500)).toBe(true)
    expect(stored.length).toBeLessThan(plain.bytes.length / 4)
    // And may be copied and packed again.
    expect(packed(read)).toEqual(stored)
  })

  test("stays plain where nothing is gained", () => {
    const one = emptied(1)
    const stored = packed(one)
    expect(stored.length).toBeLessThanOrEqual(one.bytes.length)
    expect(metas(new Directory(42, stored))).toEqual(metas(one))
  })

  test("every flipped bit is noticed, and one in another row's place", () => {
    const stored = packed(emptied(20))
    for (let bit = 0; bit < stored.length * 8; bit++) {
      const damaged = stored.slice()
      damaged[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => new Directory(42, damaged)).toThrow(CorruptRow)
    }
    expect(() => new Directory(43, stored)).toThrow(CorruptRow)
    expect(() => new Directory(42, stored.subarray(0, 30))).toThrow(CorruptRow)
  })

  test("any slots come back", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.integer({ min: 1, max: 9 }),
        (bytes, size) => {
          const slots = bytes.subarray(0, bytes.length - (bytes.length % size))
          const count = slots.length / size
          expect([...unpackSlots(packSlots(slots, size), count, size)]).toEqual([...slots])
          expect(() => unpackSlots(packSlots(slots, size), count + 1, size)).toThrow()
        },
      ),
    )
  })
})
