/**
 * Random worlds of the core alone (src/sim/bare). A failing seed is replayed by SEED=n; SEEDS=n
 * runs more of them, and `varve sim --core` very many.
 */
import { expect, test } from "bun:test"
import { runBareSeed } from "../../src/sim/bare/run.ts"

const first = Number(process.env["SEED"] ?? 1)
const count = process.env["SEED"] === undefined ? Number(process.env["SEEDS"] ?? 300) : 1

test(`${count} seeds from ${first}: safe in every step, and alive after healing`, () => {
  const met = new Map<string, number>()
  for (let seed = first; seed < first + count; seed++) {
    const { rare, violation } = runBareSeed(seed)
    if (violation !== undefined) throw new Error(`SEED=${seed}: ${violation.detail}`)
    for (const [name, times] of Object.entries(rare)) met.set(name, (met.get(name) ?? 0) + times)
  }
  if (count <= 100) return
  expect(met.get("committed")).toBeGreaterThan(count * 10)
  expect(met.get("crash")).toBeGreaterThan(count)
  expect(met.get("damage")).toBeGreaterThan(count / 2)
  expect(met.get("snapshotSent")).toBeGreaterThan(count / 2)
  expect(met.get("voterGone")).toBeGreaterThan(count / 10)
}, 600_000)

test("the same seed gives the same run", () => {
  for (const seed of [3, 8, 21]) expect(runBareSeed(seed)).toEqual(runBareSeed(seed))
  expect(runBareSeed(3).hash).not.toBe(runBareSeed(4).hash)
})
