import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../../scripts/harness/target.ts"
import { advertisedApis } from "../../src/node/advertised.ts"
import { allApis } from "../../src/protocol/index.ts"

/** docs/kips.md: says nothing that the broker's own table of APIs contradicts. */

const page = readFileSync(join(root, "docs", "kips.md"), "utf8")
const rows = page.split("\n").flatMap((line) => {
  const [, kips = "", what = "", served = "", how = "", by = ""] = line
    .split("|")
    .map((one) => one.trim())
  return /^\d[\d, ]*$/.test(kips) ? [{ kips, what, served, how, by }] : []
})
const offered = new Set(advertisedApis.map(({ key }) => key))

/** APIs that a row names. */
const apisIn = ({ how }: (typeof rows)[number]) =>
  allApis.filter(({ name }) => new RegExp(`\\b${name}\\b`).test(how))

describe("the table of KIPs", () => {
  test("counts itself right", () => {
    const some = rows.filter(({ served }) => served === "in part").length
    const none = rows.filter(({ served }) => served === "no").length
    expect(page).toContain(
      `Of ${rows.length} rows ${rows.length - some - none} are served, ${some} in part, ${none} not at all.`,
    )
    expect(rows.filter(({ served }) => !/^(yes|its own|in part|no)$/.test(served))).toEqual([])
  })

  test("names a file that is there for all that is served, and for nothing else", () => {
    const wrong = rows.filter(({ served, by }) => {
      const paths = Array.from(by.matchAll(/`([^`]+)`/g), ([, path = ""]) => path)
      return served === "no"
        ? paths.length > 0
        : paths.length === 0 || paths.some((path) => !existsSync(join(root, path)))
    })
    expect(wrong).toEqual([])
  })

  test("names no API that is not offered", () => {
    const named = rows.flatMap((row) => apisIn(row).map(({ key, name }) => ({ key, name })))
    expect(named.length).toBeGreaterThan(25)
    expect(named.filter(({ key }) => !offered.has(key))).toEqual([])
  })
})
