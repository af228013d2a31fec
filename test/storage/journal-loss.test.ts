/**
 * What only the autopsy can see: transactions of the journal behind a bad frame, so fresh that the
 * sentinel did not know of them yet (VERIFICATION D1).
 */
import { afterEach, expect, test } from "bun:test"
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { openSqliteWal, type SqliteWal } from "../../storage/index.ts"
import { hardState, run } from "./entries.ts"
import { folder } from "./shim/power.ts"

const journal = "segment-000001.db-wal"
const folders: Array<string> = []
afterEach(() => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true })
})

function newFolder(): string {
  const dir = folder("varve-")
  folders.push(dir)
  return dir
}

interface Opened {
  readonly wal: SqliteWal
  readonly lines: ReadonlyArray<string>
  readonly durable: (through: number) => Promise<void>
}

async function open(dir: string): Promise<Opened> {
  const lines: Array<string> = []
  const waiting = new Map<number, () => void>()
  const wal = await openSqliteWal({
    dir,
    log: (line) => void lines.push(line),
    onDurable: (through) => {
      for (const [number, done] of waiting) if (number <= through) done()
    },
    onFailure: (error) => {
      throw error
    },
  })
  const durable = (through: number) =>
    new Promise<void>((resolve) => void waiting.set(through, resolve))
  return { wal, lines, durable }
}

/** The folder as a crash leaves it, with the sentinel as it was before the last commits. */
async function crashed(): Promise<string> {
  const [dir, copy] = [newFolder(), newFolder()]
  const { wal, durable } = await open(dir)
  await durable(wal.commit([{ group: 4, entries: run(5, 1, -1), hardState: hardState(1, "1:d") }]))
  copyFileSync(join(dir, "sentinel"), join(copy, "sentinel"))
  for (let index = 6; index <= 30; index++) {
    await durable(wal.commit([{ group: 4, entries: run(1, index, index - 2) }]))
  }
  for (const name of readdirSync(dir)) {
    if (/^segment-.*\.db(-wal)?$/.test(name)) copyFileSync(join(dir, name), join(copy, name))
  }
  await wal.close()
  return copy
}

test("an untouched journal loses nothing, and nobody is doubted", async () => {
  const { wal } = await open(await crashed())
  expect([wal.log(4).lastIndex, wal.log(4).hardState.standing]).toEqual([30, "trusted"])
  await wal.close()
})

test("one bit in the middle: recovering, and a line that says how much is lost", async () => {
  const dir = await crashed()
  const path = join(dir, journal)
  const bytes = readFileSync(path)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 4
  writeFileSync(path, bytes)
  const { wal, lines } = await open(dir)
  expect(wal.log(4).lastIndex).toBeLessThan(30)
  expect(wal.log(4).hardState.standing).toBe("recovering")
  expect(lines.join("\n")).toMatch(/-wal is damaged: \d+ transactions/)
  await wal.close()
})
