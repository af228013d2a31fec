import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../../scripts/harness/target.ts"

/** docs/acceptance.md: every row of the list, and nothing shown by a file that is not there. */

const page = readFileSync(join(root, "docs", "acceptance.md"), "utf8")
const rows = page.split("\n").flatMap((line) => {
  const [, id = "", what = "", shownBy = "", open = ""] = line.split("|").map((one) => one.trim())
  return /^(\d{3}-\d+|M-\d+|T\d+)$/.test(id) ? [{ id, what, shownBy, open }] : []
})

const list = join(root, "..", "shared", "ACCEPTANCE.md")

describe("the acceptance table", () => {
  test("has rows, each of them once", () => {
    expect(rows.length).toBe(236)
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  })

  test("names files that are there", () => {
    const named = rows.flatMap(({ id, shownBy }) =>
      Array.from(shownBy.matchAll(/`([^`]+)`/g), ([, path = ""]) => ({ id, path })),
    )
    expect(named.length).toBeGreaterThan(200)
    expect(named.filter(({ path }) => !existsSync(join(root, path)))).toEqual([])
  })

  test("says of every row what shows it or what is open", () => {
    const silent = rows.filter(({ shownBy, open }) => !shownBy.includes("`") && open === "")
    expect(silent).toEqual([])
  })

  test("counts itself right", () => {
    const isShown = ({ shownBy }: (typeof rows)[number]) => shownBy.includes("`")
    const shown = rows.filter((row) => isShown(row) && row.open === "").length
    const inPart = rows.filter((row) => isShown(row) && row.open !== "").length
    const open = rows.length - shown - inPart
    expect(page).toContain(
      `Of ${rows.length} rows ${shown} are shown, ${inPart} in part, ${open} are open.`,
    )
  })

  test.skipIf(!existsSync(list))("has every id of the list, where the list is beside it", () => {
    const ids = Array.from(
      readFileSync(list, "utf8").matchAll(/^\| (\d{3}-\d+|M-\d+|T\d+) \|/gm),
      ([, id = ""]) => id,
    )
    expect(new Set(rows.map(({ id }) => id))).toEqual(new Set(ids))
  })
})
