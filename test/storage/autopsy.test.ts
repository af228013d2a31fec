/**
 * The autopsy against journals that SQLite wrote: what it says must agree with what SQLite takes
 * over, no crash may look like rot, and rot of an acknowledged transaction may not look like a
 * crash.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { rmSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import * as fc from "fast-check"
import { Prng } from "../../raft/prng.ts"
import { autopsy, type Autopsy } from "../../storage/autopsy.ts"
import { frameHeaderBytes, journalHeaderBytes, sum } from "../../storage/journal.ts"
import { flipped, rowsWith, writeJournal, type Journal } from "./journals.ts"

const journals: Array<Journal> = []
for (const [n, pageBytes] of [512, 1024, 4096, 32_768].entries()) {
  const prng = new Prng(n)
  const use = () => Array.from({ length: 3 + prng.below(6) }, () => 1 + prng.below(5))
  journals.push(writeJournal({ pageBytes, uses: [[9, 9, 9, 9, 9], [4, 4], use()] }, prng))
  journals.push(writeJournal({ pageBytes, uses: [use()] }, prng))
  journals.push(writeJournal({ pageBytes, uses: [[30, 9, 9], [8]] }, prng))
}
afterAll(() => {
  for (const { path } of journals) rmSync(dirname(dirname(path)), { recursive: true })
})

function examined(journal: Journal, bytes: Uint8Array): Autopsy {
  writeFileSync(`${journal.path}-wal`, bytes)
  return autopsy(journal.path)
}

const anyJournal = fc.nat(journals.length - 1).map((n) => {
  const journal = journals[n]
  if (journal === undefined) throw new Error("no journal")
  return journal
})
const frameBytes = (journal: Journal) => frameHeaderBytes + journal.pageBytes
const frameStart = (journal: Journal, n: number) =>
  journalHeaderBytes + (n - 1) * frameBytes(journal)

describe("an intact journal", () => {
  test("is whole, also with the frames of earlier uses behind it", () => {
    for (const journal of journals) {
      expect(examined(journal, journal.bytes)).toEqual({
        verdict: "whole",
        bytesFound: journal.bytes.length,
        frames: journal.frames,
        committedFrames: journal.frames,
        lostFrames: 0,
        lostCommits: 0,
      })
      expect(rowsWith(journal, journal.bytes)).toBe(journal.rows)
    }
    const used = journals.filter(({ bytes, frames, pageBytes }) => {
      return bytes.length > journalHeaderBytes + frames * (frameHeaderBytes + pageBytes)
    })
    expect(used.length).toBeGreaterThan(3)
  })

  test("none, or an empty one, is absent", () => {
    const [journal] = journals
    if (journal === undefined) throw new Error("no journal")
    expect(autopsy(`${journal.path}.none`).verdict).toBe("absent")
    expect(examined(journal, new Uint8Array(0)).verdict).toBe("absent")
  })

  test("with sums over big-endian words", () => {
    for (const journal of journals) {
      const bytes = inBigEndian(journal)
      expect(rowsWith(journal, bytes)).toBe(journal.rows)
      const found = examined(journal, bytes)
      expect([found.verdict, found.committedFrames]).toEqual(["whole", journal.frames])
    }
  })
})

/** The journal as a big-endian machine would have written it. */
function inBigEndian(journal: Journal): Buffer {
  const bytes = Buffer.from(journal.bytes)
  bytes.writeUInt32BE(0x377f0683, 0)
  const whole = new Uint8Array(bytes)
  let running = sum(whole, 0, 24, true, { s0: 0, s1: 0 })
  bytes.writeUInt32BE(running.s0, 24)
  bytes.writeUInt32BE(running.s1, 28)
  for (let n = 1; n <= journal.frames; n++) {
    const at = frameStart(journal, n)
    running = sum(whole, at, at + 8, true, running)
    running = sum(whole, at + frameHeaderBytes, at + frameBytes(journal), true, running)
    bytes.writeUInt32BE(running.s0, at + 16)
    bytes.writeUInt32BE(running.s1, at + 20)
  }
  return bytes
}

describe("one flipped bit", () => {
  test("before the last transaction is proven; in it, never called whole if it is lost", () => {
    const flip = fc.tuple(anyJournal, fc.nat(), fc.nat(), fc.nat(7), fc.boolean())
    let proven = 0
    let ambiguous = 0
    fc.assert(
      fc.property(flip, ([journal, where, within, bit, inHead]) => {
        const n = 1 + (where % journal.frames)
        const place = within % (inHead ? frameHeaderBytes : frameBytes(journal))
        const bytes = flipped(journal.bytes, frameStart(journal, n) + place, bit)
        const { verdict, committedFrames, lostCommits } = examined(journal, bytes)
        expect(committedFrames).toBeLessThan(n)
        expect(rowsWith(journal, bytes)).toBeLessThan(journal.rows)
        if (n <= journal.framesBefore) {
          proven += 1
          expect(verdict).toBe("corruptMiddle")
          expect(lostCommits).toBeGreaterThan(0)
        } else {
          ambiguous += 1
          expect(verdict).not.toBe("whole")
        }
      }),
      { numRuns: 250, seed: 4 },
    )
    expect(proven).toBeGreaterThan(50)
    expect(ambiguous).toBeGreaterThan(10)
  })

  test("anywhere in the header is proven, unless SQLite reads on all the same", () => {
    for (const journal of journals) {
      for (let bit = 0; bit < journalHeaderBytes * 8; bit += journal.pageBytes > 1024 ? 5 : 1) {
        const bytes = flipped(journal.bytes, bit >>> 3, bit & 7)
        const { verdict, lostCommits, committedFrames } = examined(journal, bytes)
        expect([verdict, committedFrames]).toEqual(["corruptMiddle", 0])
        expect(lostCommits).toBeGreaterThan(0)
        if (bit % 16 === 0) expect(rowsWith(journal, bytes)).toBeLessThan(journal.rows)
      }
    }
  })

  test("in frames of an earlier use is without effect", () => {
    const [journal] = journals
    if (journal === undefined) throw new Error("no journal")
    const prng = new Prng(8)
    const start = frameStart(journal, journal.frames + 1)
    expect(journal.bytes.length).toBeGreaterThan(start)
    for (let n = 0; n < 40; n++) {
      const bytes = flipped(journal.bytes, start + prng.below(journal.bytes.length - start), n & 7)
      expect(examined(journal, bytes).verdict).toBe("whole")
      expect(rowsWith(journal, bytes)).toBe(journal.rows)
    }
  })

  test("twice in the header: bad, without proof", () => {
    const [journal] = journals
    if (journal === undefined) throw new Error("no journal")
    const bytes = flipped(flipped(journal.bytes, 17, 3), 21, 5)
    expect(examined(journal, bytes).verdict).toBe("headerBad")
    expect(rowsWith(journal, bytes)).toBeLessThan(journal.rows)
  })
})

describe("a crash", () => {
  test("that left any sectors of the last transaction is never taken for rot", () => {
    const torn = fc.tuple(anyJournal, fc.nat(), fc.nat(100))
    let seen = 0
    fc.assert(
      fc.property(torn, ([journal, seed, percent]) => {
        const bytes = tornCopy(journal, new Prng(seed), percent)
        const found = examined(journal, bytes)
        expect(found.verdict).not.toBe("corruptMiddle")
        if (journal.framesBefore === 0) return
        expect(found.committedFrames).toBeGreaterThanOrEqual(journal.framesBefore)
        if (found.verdict === "tornTail") seen += 1
      }),
      { numRuns: 400, seed: 5 },
    )
    expect(seen).toBeGreaterThan(100)
  })

  test("that cut the file is a torn tail, or whole at the end of a frame", () => {
    fc.assert(
      fc.property(fc.tuple(anyJournal, fc.nat()), ([journal, cut]) => {
        const length = cut % frameStart(journal, journal.frames + 1)
        const bytes = journal.bytes.subarray(0, length)
        const { verdict, frames, committedFrames } = examined(journal, bytes)
        expect(["absent", "headerBad", "whole", "tornTail"]).toContain(verdict)
        if (length < journalHeaderBytes) return
        expect(frames).toBe(Math.floor((length - journalHeaderBytes) / frameBytes(journal)))
        if (verdict === "whole") expect(committedFrames).toBe(frames)
      }),
      { numRuns: 200, seed: 6 },
    )
  })
})

/**
 * A power cut during the last transaction: of its sectors some are there. The header of a new use
 * is: SQLite fsyncs it before the first frame.
 */
function tornCopy(journal: Journal, prng: Prng, percent: number): Buffer {
  const { bytes, bytesBefore } = journal
  const copy = Buffer.from(bytesBefore)
  if (journal.framesBefore === 0) bytes.copy(copy, 0, 0, journalHeaderBytes)
  const end = frameStart(journal, journal.frames + 1)
  const grown = Buffer.alloc(Math.max(copy.length, end))
  copy.copy(grown)
  for (let at = 0; at < end; at += 512) {
    if (prng.below(100) < percent) bytes.copy(grown, at, at, Math.min(at + 512, end))
  }
  return prng.below(3) === 0 ? grown.subarray(0, Math.max(copy.length, prng.below(end))) : grown
}
