/**
 * One damage anywhere in the files of a log: it is told, or nothing is different. Never another
 * entry, never a log that is believed though it lost something, never a vote that was not given.
 * `scripts/flips.ts` does the same by the thousand.
 */
import { describe, expect, test } from "bun:test"
import { Prng } from "../../raft/prng.ts"
import { damageClasses } from "./damage.ts"
import { openDamaged, writeSpecimen } from "./specimen.ts"

const specimens = [await writeSpecimen(1, "in use", 40), await writeSpecimen(2, "closed", 40)]
const each = 2

/** Damage of these is never without a word: everything in them is in use, or was lost. */
const alwaysDetected = ["wal header", "wal frame header", "wal page", "wal removed", "db removed"]
/** And these are read from a copy, or nobody reads them. */
const neverHarmful = ["sentinel record", "sentinel anywhere"]

describe("one damage", () => {
  test("none: everything reads back as it was written", async () => {
    for (const specimen of specimens) {
      const { outcome, why } = await openDamaged(specimen.files, specimen)
      expect([outcome, why]).toEqual(["without effect", ""])
    }
  })

  for (const [number, { name, inflict }] of damageClasses.entries()) {
    test(`${name}: detected or without effect`, async () => {
      const prng = new Prng(number)
      const outcomes = new Set<string>()
      for (let n = 0; n < each; n++) {
        for (const specimen of specimens) {
          const files = inflict(specimen, prng)
          if (files === undefined) continue
          const { outcome, why, lines } = await openDamaged(files, specimen)
          expect([outcome, why, lines]).not.toEqual(["wrong", why, lines])
          outcomes.add(outcome)
        }
      }
      // Only a journal that was begun anew has frames of an earlier use.
      if (name !== "wal frame of an earlier use") expect(outcomes.size).toBeGreaterThan(0)
      if (alwaysDetected.includes(name)) expect([...outcomes]).toEqual(["detected"])
      if (neverHarmful.includes(name)) expect([...outcomes]).toEqual(["without effect"])
    })
  }
})
