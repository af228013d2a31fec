/**
 * The n-th fsync fails, or the disk is full after so many bytes: the log stops there and then, and
 * the next open has everything that was reported (VERIFICATION D5, E3, E6). SQLite by itself would
 * go on after a failed fsync, with pages that the kernel has dropped.
 */
import { describe, expect, test } from "bun:test"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { buildShim } from "../../src/chaos/disk/power/library.ts"
import { Expected, playCuts, record, survivalOf } from "./shim/power.ts"

const shim = buildShim()
const library = "library" in shim ? shim.library : ""
if ("missing" in shim) console.log(`errors of the disk are not made: ${shim.missing}`)

const expected = new Expected(false)

/** What the process said as it stopped, and what the next one found. */
async function stopped(env: Record<string, string>) {
  const load = { library, nodes: 1, commits: 40, steady: false, env }
  const recorded = await record(load)
  const marks = recorded.events.flatMap((event) => (event._tag === "mark" ? [event.number] : []))
  const reported = marks.at(-1) ?? 0
  const found = await survivalOf(join(recorded.root, "node-0"), 0, reported, expected)
  // And if the power goes as well: of what the failed fsync was for, any part is there.
  const cuts: Array<boolean> = []
  await playCuts(recorded, 1, expected, { count: 3, seed: 1 }, (cut) => {
    cuts.push(cut.found >= cut.reported && cut.identical && cut.distrusted.length === 0)
  })
  rmSync(recorded.root, { recursive: true })
  return { ...recorded, ...found, cuts }
}

describe("an fsync that fails", () => {
  for (const n of [2, 10, 15, 20, 28]) {
    test.skipIf(library === "")(
      `the ${n}th: the process stops, nothing reported is lost`,
      async () => {
        const { exitCode, stderr, found, reported, identical, distrusted, cuts } = await stopped({
          POWER_EIO: String(n),
        })
        expect(exitCode).not.toBe(0)
        expect(stderr).toMatch(/I\/O|EIO/)
        expect(reported).toBeLessThan(40)
        expect(found).toBeGreaterThanOrEqual(reported)
        // One transaction was under way, of one or a few commits.
        expect([identical, distrusted, cuts]).toEqual([true, [], [true, true, true]])
      },
    )
  }
})

test.skipIf(library === "")(
  "of a folder, SQLite's own: it says nothing, and ours comes after it",
  async () => {
    // The 9th is for the name of the journal; the 13th, of the same folder, is the log's.
    const { exitCode, found, identical, distrusted, cuts } = await stopped({ POWER_EIO: "9" })
    expect([exitCode, found, identical, distrusted]).toEqual([0, 40, true, []])
    expect(cuts).toEqual([true, true, true])
  },
)

describe("a full disk", () => {
  for (const bytes of [300_000, 700_000]) {
    test.skipIf(library === "")(`after ${bytes} bytes: the same`, async () => {
      const { exitCode, stderr, found, reported, identical, distrusted, cuts } = await stopped({
        POWER_FULL: String(bytes),
      })
      expect(exitCode).not.toBe(0)
      expect(stderr).toMatch(/full|EIO/)
      expect(reported).toBeLessThan(40)
      expect(found).toBeGreaterThanOrEqual(reported)
      expect([identical, distrusted, cuts]).toEqual([true, [], [true, true, true]])
    })
  }
})
