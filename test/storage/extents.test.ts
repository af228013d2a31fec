/** Extents against a plain array, so many that blocks are skipped and removed ones closed up. */
import { expect, test } from "bun:test"
import { Prng } from "../../raft/prng.ts"
import { Extents } from "../../storage/extents.ts"
import type { EntryEnvelope } from "../../raft/types.ts"

interface Plain {
  index: number
  timestamp: number
}

const entry = (index: number, maxTimestamp: number): EntryEnvelope => ({
  term: 1,
  index,
  type: "data",
  appendMs: 0,
  firstOffset: index,
  lastOffset: index,
  maxTimestamp,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  entryCrc: 0,
  keptCrc: 0,
})

class Both {
  readonly extents = new Extents()
  plain: Array<Plain> = []
  readonly #prng: Prng
  #next = 1

  constructor(seed: number) {
    this.#prng = new Prng(seed)
  }

  append(count: number): void {
    for (let n = 0; n < count; n++) {
      // Mostly rising, as time does, with some far out.
      const jump = this.#prng.below(500) === 0 ? this.#prng.below(20_000) : 0
      const timestamp = this.#next + this.#prng.below(50) + jump
      this.extents.append(entry(this.#next, timestamp), 1, this.#next, 0)
      this.plain.push({ index: this.#next++, timestamp })
    }
  }

  removeFirst(count: number): void {
    for (let left = Math.min(count, this.plain.length); left > 0; left--) {
      this.extents.removeFirst(1)
      this.plain.shift()
    }
  }

  removeLast(count: number): void {
    for (let left = Math.min(count, this.plain.length); left > 0; left--) {
      this.extents.removeLast()
      this.#next = this.plain.pop()?.index ?? 1
    }
  }

  check(): void {
    const { extents, plain } = this
    expect(extents.length).toBe(plain.length)
    for (let n = 0; n < 20 && plain.length > 0; n++) {
      const at = this.#prng.below(plain.length)
      const to = at + this.#prng.below(plain.length - at + 1)
      const timestamp = (plain[at]?.timestamp ?? 0) + this.#prng.below(3) - 1
      const from = this.#prng.below(plain.length)
      expect(extents.find(plain[at]?.index ?? 0)).toBe(at)
      const found = plain.findIndex((one, place) => place >= from && one.timestamp >= timestamp)
      expect(extents.findTimestamp(timestamp, from)).toBe(found < 0 ? plain.length : found)
      const greatest = plain
        .slice(at, to)
        .reduce((most, one) => Math.max(most, one.timestamp), -Infinity)
      expect(extents.greatestTimestamp(at, to)).toBe(greatest)
    }
  }
}

test("look-ups agree with an array through appends, cuts and truncations", () => {
  for (let seed = 1; seed <= 3; seed++) {
    const prng = new Prng(seed)
    const both = new Both(seed)
    for (let round = 0; round < 25; round++) {
      both.append(prng.below(2_000))
      if (prng.below(3) > 0) both.removeFirst(prng.below(2_000))
      if (prng.below(4) === 0) both.removeLast(prng.below(600))
      both.check()
      const numbers = both.extents.numbers(0, both.extents.length)
      expect(new Extents(numbers.slice()).length).toBe(both.plain.length)
    }
  }
})
