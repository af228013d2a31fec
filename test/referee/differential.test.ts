import { afterAll, describe, expect, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { familyOf, type Place } from "../../scripts/harness/referee/agreement.ts"
import { checkFile } from "../../src/chaos/check-file.ts"

/**
 * Generated histories, valid ones and such with a planted anomaly, judged by varve's checkers and
 * by the second checker in Python: they must say the same. VARVE_REFEREE_SEED, _COUNT: others,
 * more.
 */

interface Generated {
  readonly file: string
  readonly plant: string
  readonly partition: string | null
}

interface Second {
  readonly valid: boolean
  readonly places: ReadonlyArray<Place>
}

const hasPython = spawnSync("python3", ["-c", "import dataclasses"]).status === 0
if (!hasPython) console.log("no python3: the second checker is not compared")

const seed = process.env["VARVE_REFEREE_SEED"] ?? "1"
const count = process.env["VARVE_REFEREE_COUNT"] ?? "90"
const folder = mkdtempSync(join(tmpdir(), "varve-referee-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function python<T>(script: string, words: ReadonlyArray<string>): Array<T> {
  const child = spawnSync("python3", [join(import.meta.dir, script), ...words], {
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
  })
  if (child.stderr !== "") throw new Error(child.stderr)
  return child.stdout
    .trim()
    .split("\n")
    .map((line): T => JSON.parse(line))
}

/**
 * What one of them finds and the other does not, where the format leaves room (README.md, "Where
 * they differ"). Nothing else may be found by one alone.
 */
const known: ReadonlySet<string> = new Set([
  "remove-lost",
  "log-start-regress",
  "wrong-offset-for-time",
  "int-poll-skip",
  "generation-regress",
  "stale-offsets",
])

const named = (places: ReadonlyArray<Place>) =>
  [...new Set(places.map(({ kind, partition }) => `${kind} ${partition}`))].toSorted().join(", ")

describe.skipIf(!hasPython)("the second checker", () => {
  const generated = hasPython ? python<Generated>("generate.py", [folder, seed, count]) : []
  const second = hasPython
    ? python<Second>(
        "referee.py",
        generated.map(({ file }) => file),
      )
    : []

  test("says the same as varve's of every generated history", async () => {
    const differences: Array<string> = []
    for (const [index, { file, plant, partition }] of generated.entries()) {
      const { anomalies, counts } = (await checkFile(file)).history
      const others = second[index]?.places ?? []
      const found = [...anomalies, ...others]
      const what = `${file} (${partition}): varve [${named(anomalies)}], Python [${named(others)}]`
      if (plant === "" && found.length > 0) differences.push(`valid: ${what}`)
      if (plant !== "nudge" && plant !== "" && found.length === 0)
        differences.push(`missed: ${what}`)
      const isSame = counts.size > 0 === others.length > 0
      if (!isSame && !found.every(({ kind }) => known.has(kind))) differences.push(what)
      const families = new Set(others.map(({ kind }) => familyOf(kind)))
      if (isSame && counts.size > 0 && !anomalies.some(({ kind }) => families.has(familyOf(kind))))
        differences.push(`other families: ${what}`)
    }
    expect(differences).toEqual([])
  })

  test("finds the smallest history of each anomaly", () => {
    const child = spawnSync("python3", ["-B", "-m", "unittest"], { cwd: import.meta.dir })
    expect({ status: child.status, said: child.stderr.toString().slice(-2000) }).toMatchObject({
      status: 0,
    })
  })
})
