/** Files of the log: rolled, sealed, removed, copied forward; what is read stays the same. */
import { afterEach, describe, expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Entry, LogIndex } from "../../raft/types.ts"
import { MemoryWal, type SqliteWal } from "../../storage/index.ts"
import { checkpointAt, data, hardState, plain, run, snapshotAt } from "./entries.ts"
import { openSqlite, temporaryFolder, type OpenWal } from "./open-wals.ts"
import { expectSame } from "./same-logs.ts"

const everything = Number.MAX_SAFE_INTEGER
/** A file is full after this; entries of 1 KB. */
const segmentBytes = 10_000
const limits = { segmentBytes, cacheBytes: 0, rowBytesMax: 4000 }

let opened: OpenWal<SqliteWal> | undefined
let dir = ""

afterEach(async () => {
  await opened?.dispose()
  opened = undefined
})

async function start(chosen = limits): Promise<SqliteWal> {
  dir = temporaryFolder()
  opened = await openSqlite(chosen, dir)
  return opened.wal
}

/** Everything committed is durable, and housekeeping has nothing left to do. */
async function settled(): Promise<void> {
  await opened?.durable()
  await opened?.wal.tidied()
}

async function reopened(): Promise<SqliteWal> {
  if (opened === undefined) throw new Error("not open")
  opened = await opened.reopen()
  return opened.wal
}

const files = (): ReadonlyArray<string> =>
  readdirSync(dir)
    .filter((name) => name.startsWith("segment-"))
    .sort()

/** Commits them in pieces, each durable before the next. */
async function append(group: number, entries: ReadonlyArray<Entry>, piece = 4): Promise<void> {
  for (let at = 0; at < entries.length; at += piece) {
    opened?.wal.commit([{ group, entries: entries.slice(at, at + piece) }])
    await opened?.durable()
  }
}

const large = { bytes: 1000 }

/** Fills the file that is written to, so that what follows goes into the next one. */
async function fill(): Promise<void> {
  const log = opened?.wal.log(99)
  if (log === undefined) throw new Error("not open")
  await append(99, run(12, log.lastIndex + 1, log.lastOffset, large), 12)
}

function expectEntries(wal: SqliteWal, group: number, entries: ReadonlyArray<Entry>): void {
  const log = wal.log(group)
  expect(log.entries(log.firstIndex, everything, everything).map(plain)).toEqual(entries.map(plain))
}

/** Indexes of the group's entries in a file, also of those that do not count. */
function stored(file: string, group: number): ReadonlyArray<LogIndex> {
  const db = new Database(join(dir, file), { readonly: true })
  const rows = db
    .query<{ directory: Uint8Array }, []>("SELECT directory FROM log ORDER BY seq")
    .all()
  db.close()
  return rows.flatMap(({ directory }) => {
    const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength)
    const slots = Array.from({ length: view.getUint32(16) }, (_, slot) => 24 + slot * 96)
    return slots
      .filter((at) => view.getInt32(at) === group)
      .map((at) => Number(view.getBigInt64(at + 8)))
  })
}

describe("rolling and sealing", () => {
  test("a log in many files reads as one, before and after a reopen", async () => {
    const wal = await start()
    const entries = run(60, 1, -1, large)
    wal.commit([{ group: 7, entries: [], hardState: hardState(3, "a") }])
    await append(1, entries)
    await settled()
    expect(files().length).toBeGreaterThan(4)
    expectEntries(wal, 1, entries)
    const again = await reopened()
    expectEntries(again, 1, entries)
    expect(again.log(7).hardState).toEqual(hardState(3, "a"))
    // Only the newest file's directories were looked at.
    expect(again.recovery.slots).toBeLessThan(20)
    expect(again.recovery.losses).toEqual([])
  })

  test("sealed files are one file each, know their groups, and never change again", async () => {
    const wal = await start()
    await append(1, run(40, 1, -1, large))
    await settled()
    const sealed = files()
      .filter((name) => name.endsWith(".db"))
      .slice(0, -1)
    expect(files().filter((name) => sealed.some((file) => name.startsWith(`${file}-`)))).toEqual([])
    const before = sealed.map((name) => Bun.file(join(dir, name)).lastModified)
    const ranges = sealed.map((name) => {
      const db = new Database(join(dir, name), { readonly: true })
      const sql = `SELECT grp, first_index, last_index, first_offset, last_offset, records, bytes,
                          max_timestamp FROM group_index`
      const [row] = db.query(sql).values()
      db.close()
      return row
    })
    expect(ranges[0]).toEqual([1, 1, 12, 0, 11, 12, 12_000, 1012])
    expect(ranges[1]).toEqual([1, 13, 24, 12, 23, 12, 12_000, 1024])
    await append(1, run(4, 41, 39, large))
    wal.commit([{ group: 1, entries: run(1, 35, 33, { term: 2 }) }])
    await settled()
    await reopened()
    expect(sealed.map((name) => Bun.file(join(dir, name)).lastModified)).toEqual(before)
  })

  test("cuts, checkpoints and votes of idle groups are in the newest file", async () => {
    const wal = await start()
    const entries = run(6, 1, -1, large)
    wal.commit([
      { group: 1, entries, hardState: hardState(2, "b"), checkpoint: checkpointAt(5, 1) },
    ])
    const snapshot = snapshotAt(data(3, 1))
    wal.commit([{ group: 1, entries: [], cut: snapshot }])
    for (let n = 0; n < 5; n++) await fill()
    await settled()
    for (const at of [wal, await reopened()]) {
      expect(at.log(1).snapshot()).toEqual(snapshot)
      expect(at.log(1).checkpoint()).toEqual(checkpointAt(5, 1))
      expect(at.log(1).hardState).toEqual(hardState(2, "b"))
      expectEntries(at, 1, entries.slice(3))
    }
  })

  test("a file that was made and never begun is removed by the next open", async () => {
    await start()
    await append(1, run(20, 1, -1, large))
    await settled()
    const count = files().length
    await opened?.wal.close()
    const empty = new Database(join(dir, "segment-000099.db"), { create: true })
    empty.run("PRAGMA journal_mode = WAL")
    empty.close()
    writeFileSync(join(dir, "segment-000001-000002-1.db.copying"), "half a copy")
    opened = await openSqlite(limits, dir)
    expect(existsSync(join(dir, "segment-000099.db"))).toBe(false)
    expect(files().some((name) => name.includes("copying"))).toBe(false)
    expect(files().filter((name) => name.endsWith(".db")).length).toBe(count - 2)
    expectEntries(opened.wal, 1, run(20, 1, -1, large))
  })
})

test("a rollback journal of the last step of a seal is undone", async () => {
  await start()
  await append(1, run(20, 1, -1, large))
  await settled()
  await opened?.wal.close()
  const path = join(dir, "segment-000001.db")
  // A writer that died with a changed page in the file and its old version in the journal.
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "journal-child.ts"), path])
  await child.exited
  expect(existsSync(`${path}-journal`)).toBe(true)
  opened = await openSqlite(limits, dir)
  expectEntries(opened.wal, 1, run(20, 1, -1, large))
  expect(existsSync(`${path}-journal`)).toBe(false)
})

describe("overwrites across files", () => {
  test("entries 6..10 of the old term stay gone", async () => {
    const wal = await start()
    await append(1, run(10, 1, -1, { ...large, term: 1 }))
    await fill()
    wal.commit([{ group: 1, entries: [data(5, 3, { term: 2 })] }])
    await fill()
    await settled()
    const expected = [...run(4, 1, -1, { ...large, term: 1 }), data(5, 3, { term: 2 })]
    expectEntries(wal, 1, expected)
    expectEntries(await reopened(), 1, expected)
    expectEntries(await reopened(), 1, expected)
  })

  test("an append that begins inside an older file's row", async () => {
    const wal = await start()
    await append(1, run(12, 1, -1, large), 12)
    for (const first of [10, 7, 3]) {
      wal.commit([{ group: 1, entries: run(6, first, first - 2, { ...large, term: 20 - first }) }])
      await fill()
    }
    await settled()
    const expected = [...run(2, 1, -1, large), ...run(6, 3, 1, { ...large, term: 17 })]
    expectEntries(wal, 1, expected)
    expectEntries(await reopened(), 1, expected)
  })

  test("a removed file does not bring back what it had replaced", async () => {
    const wal = await start()
    // Keeps its file from being copied: most of it is alive.
    await append(2, run(30, 1, -1, large), 30)
    wal.commit([{ group: 1, entries: run(10, 1, -1, { term: 1 }) }])
    await fill()
    const newer = run(3, 5, 3, { ...large, term: 2 })
    wal.commit([{ group: 1, entries: newer }])
    await append(3, run(12, 1, -1, large), 12)
    await fill()
    wal.drop(3)
    wal.drop(99)
    wal.commit([{ group: 1, entries: [], cut: snapshotAt(data(7, 5, { term: 2 })) }])
    await settled()
    const again = await reopened()
    expect([again.log(1).firstIndex, again.log(1).lastIndex]).toEqual([8, 7])
    again.commit([{ group: 1, entries: run(1, 8, 6, { term: 3 }) }])
    await fill()
    await settled()
    expectEntries(await reopened(), 1, run(1, 8, 6, { term: 3 }))
  })
})

describe("space", () => {
  test("a dropped topic's files are removed", async () => {
    const wal = await start()
    await append(1, run(60, 1, -1, large))
    await append(2, run(3, 1, -1, large))
    await settled()
    const before = wal.stats()
    wal.drop(1)
    await fill()
    await settled()
    const after = wal.stats()
    expect(before.liveBytes).toBeGreaterThan(60_000)
    expect(after.storedBytes).toBeLessThan(40_000)
    expect(after.segments).toBeLessThan(before.segments - 2)
    expectEntries(await reopened(), 2, run(3, 1, -1, large))
    expect(opened?.wal.recovery.losses).toEqual([])
  })

  test("a file that is mostly dead is ended and copied, though nothing is written any more", async () => {
    const wal = await start({ ...limits, segmentBytes: 100_000 })
    await append(2, run(3, 1, -1, large))
    await append(1, run(70, 1, -1, large))
    await settled()
    expect(wal.stats().segments).toBe(1)
    wal.drop(1)
    await settled()
    const { storedBytes, segments, liveBytes } = wal.stats()
    expect([segments, storedBytes === liveBytes]).toEqual([2, true])
    expectEntries(await reopened(), 2, run(3, 1, -1, large))
    expect(opened?.wal.wasDropped(1)).toBe(true)
    expect(opened?.wal.recovery.losses).toEqual([])
  })

  test("a dropped group is known as one over every roll and copy", async () => {
    const wal = await start()
    wal.commit([1, 2, 3].map((group) => ({ group, entries: [], hardState: hardState(3) })))
    await append(1, run(12, 1, -1, large))
    wal.drop(1)
    wal.retire(2)
    for (let n = 0; n < 3; n++) await fill()
    await settled()
    const again = await reopened()
    for (let n = 0; n < 3; n++) await fill()
    await settled()
    const after = await reopened()
    for (const at of [wal, again, after]) {
      expect([1, 2, 3, 4].filter((group) => at.wasDropped(group))).toEqual([1])
    }
    expect(opened?.wal.recovery.losses).toEqual([])
  })

  test("a superseded entry is not copied forward and does not come back", async () => {
    const wal = await start()
    const old = run(10, 1, -1, { ...large, term: 1 })
    await append(1, old, 10)
    await fill()
    wal.commit([{ group: 1, entries: [data(3, 1, { term: 2 })] }])
    await fill()
    await settled()
    const copies = files().filter((name) => /-\d+-\d+-\d+\.db$/.test(name))
    expect(copies.length).toBe(1)
    expect(stored(copies[0] ?? "", 1)).toEqual([1, 2])
    const expected = [...old.slice(0, 2), data(3, 1, { term: 2 })]
    expectEntries(wal, 1, expected)
    expectEntries(await reopened(), 1, expected)
    await fill()
    expectEntries(await reopened(), 1, expected)
  })

  test("disk stays at 1.5 × what is alive and two files; one group keeps everything", async () => {
    const wal = await start({ ...limits, segmentBytes: 40_000 })
    const kept: Array<Entry> = []
    for (let n = 0; n < 40; n++) {
      const log = wal.log(2)
      const entry = data(n + 1, n - 1, { bytes: 300 })
      kept.push(entry)
      wal.commit([
        { group: 1, entries: [entry] },
        { group: 2, entries: run(8, log.lastIndex + 1, log.lastOffset, large) },
      ])
      await opened?.durable()
      const end = log.lastIndex
      const [last] = log.metas(end - 2, end - 1, 1)
      if (n % 3 === 2 && last !== undefined) {
        wal.commit([{ group: 2, entries: [], cut: snapshotAt(last) }])
      }
    }
    await settled()
    const { liveBytes, storedBytes, segments } = wal.stats()
    expect(storedBytes).toBeLessThanOrEqual(1.5 * liveBytes + 2 * 42_000)
    expect(segments).toBeLessThan(12)
    expectEntries(wal, 1, kept)
    expectEntries(await reopened(), 1, kept)
  })

  test("many small files become few", async () => {
    const wal = await start({ ...limits, segmentBytes: 10_000 })
    for (let n = 0; n < 60; n++) {
      // Half of what is written is dropped: each file keeps 2 KB.
      wal.commit([{ group: 1, entries: run(2, 2 * n + 1, 2 * n - 1, large) }])
      wal.commit([{ group: 5, entries: run(10, 1, -1, large) }])
      await opened?.durable()
      wal.drop(5)
    }
    await settled()
    expect(wal.stats().segments).toBeLessThan(25)
    expectEntries(wal, 1, run(120, 1, -1, large))
    expectEntries(await reopened(), 1, run(120, 1, -1, large))
  })

  test("reads go on while files are removed and copied", async () => {
    const wal = await start()
    const log = wal.log(1)
    const held: Array<readonly [Entry, object]> = []
    for (let n = 0; n < 30; n++) {
      wal.commit([{ group: 1, entries: run(4, 4 * n + 1, 4 * n - 1, large) }])
      await opened?.durable()
      for (const entry of log.entries(log.firstIndex, everything, 8000)) {
        held.push([entry, plain(entry)])
      }
      const [end] = log.metas(log.lastIndex - 9, log.lastIndex - 8, 1)
      if (n % 4 === 3 && end !== undefined) {
        wal.commit([{ group: 1, entries: [], cut: snapshotAt(end) }])
      }
    }
    await settled()
    for (const [entry, before] of held) expect(plain(entry)).toEqual(before)
  })
})

test("1,000 groups over several files look as in memory", async () => {
  const wal = await start({ segmentBytes: 400_000, cacheBytes: 0, rowBytesMax: 60_000 })
  const memory = new MemoryWal({ onDurable: () => {} })
  const groups = Array.from({ length: 1000 }, (_, n) => n)
  for (let round = 0; round < 6; round++) {
    const writes = groups.map((group) => ({
      group,
      entries: run(1, round + 1, round - 1, { bytes: 200, term: 1 + (group % 3) }),
      hardState: hardState(round + 1, `m${group}`),
    }))
    wal.commit(writes)
    memory.commit(writes)
    await opened?.durable()
  }
  const cuts = groups.slice(0, 500).map((group) => {
    const cut = snapshotAt(data(4, 2, { term: 1 + (group % 3) }))
    return { group, entries: [], cut }
  })
  wal.commit(cuts)
  memory.commit(cuts)
  await settled()
  expect(wal.stats().segments).toBeGreaterThan(2)
  expectSame(wal, memory, groups)
  expectSame(await reopened(), memory, groups)
}, 30_000)

test("a damaged index is made again from the file's rows", async () => {
  await start()
  const entries = run(40, 1, -1, large)
  await append(1, entries)
  await settled()
  await opened?.wal.close()
  const db = new Database(join(dir, "segment-000002.db"))
  db.run("UPDATE group_index SET last_index = last_index + 1")
  db.close()
  opened = await openSqlite(limits, dir)
  expectEntries(opened.wal, 1, entries)
})

test("a sealed file that is gone is noticed, and what is before it is kept", async () => {
  await start()
  const entries = run(40, 1, -1, large)
  await append(1, entries)
  await settled()
  await opened?.wal.close()
  rmSync(join(dir, "segment-000002.db"))
  opened = await openSqlite(limits, dir)
  expectEntries(opened.wal, 1, entries.slice(0, 12))
  expect(opened.wal.recovery.losses.join()).toContain("entries from 13 on are missing")
  expect(opened.wal.log(1).hardState.standing).toBe("recovering")
})

test("files of an earlier format stay readable beside new ones, open after open", async () => {
  await start()
  const entries = run(40, 1, -1, large)
  await append(5, entries)
  await settled()
  await opened?.wal.close()
  for (const name of files().filter((file) => file.endsWith(".db"))) {
    const db = new Database(join(dir, name))
    db.run("DROP TABLE compacted")
    db.run("PRAGMA user_version = 2")
    db.close()
  }
  opened = await openSqlite(limits, dir)
  for (let n = 0; n < 3; n++) {
    const wal = await reopened()
    expect(wal.recovery.losses).toEqual([])
    expect(wal.log(5).entries(1, 41 + n, everything)).toHaveLength(40 + n)
    await append(5, run(1, 41 + n, 39 + n, large))
  }
})
