/**
 * Rot is found by going round, told once, and found no more when it is cut off or was a mistake.
 */
import { afterEach, beforeEach, expect, test } from "bun:test"
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Scrub } from "../../storage/scrub.ts"
import { openSqliteWal, type Damage, type SqliteWal } from "../../storage/index.ts"
import { hardState, run } from "./entries.ts"
import { folder } from "./shim/power.ts"

const entries = run(40, 1, -1, { bytes: 5000 })
let dir = ""
let wal: SqliteWal
let damages: Array<Damage> = []

beforeEach(async () => {
  dir = folder("varve-")
  damages = []
  await write()
})
afterEach(async () => {
  await wal.close()
  rmSync(dir, { recursive: true })
})

async function open(scrubBytesPerSecond: number): Promise<SqliteWal> {
  return openSqliteWal({
    dir,
    scrubBytesPerSecond,
    limits: { rowBytesMax: 20_000, cacheBytes: 0 },
    onDurable: () => {},
    onFailure: () => {},
    onDamage: (damage) => void damages.push(damage),
  })
}

async function write(): Promise<void> {
  const first = await open(0)
  first.commit([
    { group: 1, entries, hardState: hardState(1) },
    { group: 2, entries: run(30, 1, -1, { salt: 3, bytes: 100 }) },
  ])
  await first.close()
}

function flipPayload(index: number): void {
  const [name = ""] = readdirSync(dir).filter((file) => file.endsWith(".db"))
  const bytes = readFileSync(join(dir, name))
  const at = bytes.indexOf(entries[index - 1]?.payload.subarray(0, 40) ?? "")
  expect(at).toBeGreaterThan(0)
  bytes.writeUInt8(bytes.readUInt8(at + 20) ^ 1, at + 20)
  writeFileSync(join(dir, name), bytes)
}

function scrubOf(log: SqliteWal): Scrub {
  return new Scrub({
    groups: () => log.groups(),
    logOf: (group) => log.log(group),
    bytesPerSecond: 1,
    onDamage: (damage) => void damages.push(damage),
  })
}

test("nothing is told of a sound log, and once round is once round", async () => {
  wal = await open(0)
  const scrub = scrubOf(wal)
  const readsBefore = wal.stats().payloadReads
  for (let n = 0; n < 20; n++) scrub.spend(1e9)
  expect(damages).toEqual([])
  expect(scrub.rounds).toBe(20)
  expect(wal.stats().payloadReads - readsBefore).toBeGreaterThan(20 * 10)
})

test("two rotten entries are told once each, in whatever slices they are found", async () => {
  flipPayload(7)
  flipPayload(33)
  wal = await open(0)
  const scrub = scrubOf(wal)
  for (let n = 0; n < 3000; n++) scrub.spend(1000)
  expect(scrub.rounds).toBeGreaterThan(2)
  expect(damages.map(({ group, index }) => [group, index])).toEqual([
    [1, 7],
    [1, 33],
  ])
  expect(damages[0]?.what).toContain("checksum does not match")
})

test("a budget is kept over time, whatever the entries' size", async () => {
  wal = await open(0)
  const scrub = scrubOf(wal)
  const before = wal.stats().payloadReads
  // The log's 200 KB are read at once, and paid for by the next two hundred thousand bytes.
  for (let n = 0; n < 150; n++) scrub.spend(1000)
  expect(wal.stats().payloadReads - before).toBe(10)
  for (let n = 0; n < 400; n++) scrub.spend(1000)
  expect(wal.stats().payloadReads - before).toBeLessThanOrEqual(40)
  expect(wal.stats().payloadReads - before).toBeGreaterThan(10)
})

test("an open log does it by itself; what was amputated is told no more", async () => {
  flipPayload(20)
  wal = await open(1e8)
  while (damages.length === 0) await Bun.sleep(5)
  expect(damages).toEqual([expect.objectContaining({ group: 1, index: 20 })])
  wal.amputate(1, 20)
  expect([wal.log(1).lastIndex, wal.log(1).hardState.standing]).toEqual([19, "recovering"])
  await wal.close()
  wal = await open(0)
  expect([wal.log(1).lastIndex, wal.log(1).hardState.standing]).toEqual([19, "recovering"])
  const scrub = scrubOf(wal)
  scrub.spend(1e9)
  scrub.spend(1e9)
  expect(damages.length).toBe(1)
})
