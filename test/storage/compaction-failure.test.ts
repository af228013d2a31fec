/** A compaction that cannot be stored: it says so, and everything reads as before. */
import { expect, test } from "bun:test"
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { withKept } from "../../raft/entry.ts"
import type { Entry } from "../../raft/types.ts"
import { CorruptEntry, type SqliteWal } from "../../storage/index.ts"
import { plain, run } from "./entries.ts"
import { openSqlite, temporaryFolder } from "./open-wals.ts"

const limits = { segmentBytes: 10_000, cacheBytes: 0, rowBytesMax: 4000, directoryCacheBytes: 0 }

const kept = (wal: SqliteWal, entries: ReadonlyArray<Entry>): Promise<string> => {
  const compaction = wal.compaction()
  for (const entry of entries) compaction.keep(1, withKept(entry, entry.payload.subarray(0, 10)))
  return new Promise((resolve) => compaction.finish(resolve))
}

async function written(dir: string) {
  const opened = await openSqlite(limits, dir)
  const entries = run(40, 1, -1, { bytes: 1000 })
  for (let at = 0; at < entries.length; at += 4) {
    opened.wal.commit([{ group: 1, entries: entries.slice(at, at + 4) }])
    await opened.durable()
  }
  await opened.wal.tidied()
  return { opened, entries }
}

test("a file with a damaged directory stays as it is; those before it are compacted", async () => {
  const dir = temporaryFolder()
  const { opened, entries } = await written(dir)
  const { wal } = opened
  const files = readdirSync(dir).filter((name) => /^segment-\d+\.db$/.test(name))
  const second = join(dir, files.toSorted()[1] ?? "")
  const bytes = readFileSync(second)
  const at = bytes.indexOf("VDR1") + 40
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(second, bytes)
  expect(await kept(wal, entries)).toBe("failed")
  const first = wal.log(1).entries(1, 5, 1e6)
  expect(first.map(({ payload }) => payload.length)).toEqual([10, 10, 10, 10])
  // Nothing of a later file is gone while something before it may be left.
  const last = wal.log(1).entries(37, 41, 1e6)
  expect(last.map(plain)).toEqual(entries.slice(36).map(plain))
  expect(() => wal.log(1).entries(13, 25, 1e6)).toThrow(CorruptEntry)
  await wal.close()
  rmSync(dir, { recursive: true })
})

test("entries out of order, whole ones and a second end are the caller's bugs", async () => {
  const dir = temporaryFolder()
  const { opened, entries } = await written(dir)
  const { wal } = opened
  const compaction = wal.compaction()
  const [one, two] = entries.map((entry) => withKept(entry, entry.payload.subarray(0, 1)))
  if (one === undefined || two === undefined) throw new Error("there are entries")
  expect(() => compaction.keep(1, entries[0] ?? one)).toThrow("nothing was taken")
  expect(compaction.bytes).toBe(0)
  compaction.keep(1, two)
  expect(() => compaction.keep(1, one)).toThrow("not in order")
  expect(compaction.bytes).toBeGreaterThan(0)
  const settled = new Promise<string>((resolve) => compaction.finish(resolve))
  expect(() => compaction.finish(() => {})).toThrow("finished")
  expect(await settled).toBe("done")
  expect(wal.log(1).entries(2, 3, 0)[0]?.payload).toHaveLength(1)
  await wal.close()
  expect(() => wal.compaction().finish(() => {})).toThrow("closed")
  rmSync(dir, { recursive: true })
})

test("a kept payload that rots is found, too", async () => {
  const dir = temporaryFolder()
  const { opened, entries } = await written(dir)
  expect(await kept(opened.wal, entries)).toBe("done")
  await opened.wal.close()
  const mark = Buffer.from(entries[7]?.payload.subarray(0, 10) ?? [])
  for (const name of readdirSync(dir).filter((file) => /^segment-.*\.db$/.test(file))) {
    const bytes = readFileSync(join(dir, name))
    const at = bytes.indexOf(mark)
    if (at < 0) continue
    bytes[at + 3] = (bytes[at + 3] ?? 0) ^ 4
    writeFileSync(join(dir, name), bytes)
  }
  const { wal } = await openSqlite(limits, dir)
  expect(() => wal.log(1).entries(8, 9, 0)).toThrow(CorruptEntry)
  expect(wal.log(1).entries(7, 8, 0)[0]?.payload).toHaveLength(10)
  await wal.close()
  rmSync(dir, { recursive: true })
})
