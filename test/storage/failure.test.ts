/** A write that fails: reported once, nothing is durable after it, everything before it is (D5). */
import { afterEach, beforeEach, expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { rmSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { openSqliteWal, type SqliteWal } from "../../storage/index.ts"
import { run } from "./entries.ts"
import { openSqlite, rejection, temporaryFolder } from "./open-wals.ts"

let dir = ""
beforeEach(() => (dir = temporaryFolder()))
afterEach(() => rmSync(dir, { recursive: true }))

/** Fills a log whose file may not grow beyond 40 pages (E6: the portable full disk). */
async function fillUntilFailure() {
  const reported: Array<number> = []
  const failures: Array<Error> = []
  const failed = Promise.withResolvers<void>()
  const wal = await openSqliteWal({
    dir,
    limits: { pagesMax: 40, transactionBytesMax: 1 },
    onDurable: (through) => void reported.push(through),
    onFailure: (error) => {
      failures.push(error)
      failed.resolve()
    },
  })
  // Twice what fits, so that commits wait behind the one that fails.
  for (let n = 0; n < 80; n++)
    wal.commit([{ group: 1, entries: run(1, n + 1, n - 1, { bytes: 30_000 }) }])
  await failed.promise
  return { wal, reported, failures }
}

/** Whether another thread, about to end, still holds what taking over the journal needs. */
function isLocked(path: string): boolean {
  const db = new Database(path)
  try {
    return db.query("PRAGMA wal_checkpoint(TRUNCATE)").values()[0]?.[0] !== 0
  } finally {
    db.close()
  }
}

test("a full disk is reported once, then nothing is durable and commits are refused", async () => {
  const { wal, reported, failures } = await fillUntilFailure()
  expect(failures.map(({ message }) => message)).toEqual([expect.stringMatching(/full/)])
  const last = reported.at(-1) ?? 0
  expect(last).toBeGreaterThan(5)
  expect(last).toBeLessThan(80)
  expect(() => wal.commit([])).toThrow(/full/)
  expect(() => wal.drop(1)).toThrow(/full/)
  expect(await rejection(wal.selfCheck())).toMatch(/full/)
  await wal.close()
  expect(reported.at(-1)).toBe(last)
  expect(failures.length).toBe(1)
})

test("everything reported before the failure is there when the disk has room again", async () => {
  const { wal, reported } = await fillUntilFailure()
  await wal.close()
  expect(isLocked(join(dir, "segment-000001.db"))).toBe(false)
  const reopened = await openSqlite({}, dir)
  const last = reported.at(-1) ?? 0
  expect(reopened.wal.log(1).lastIndex).toBeGreaterThanOrEqual(last)
  const entries = reopened.wal.log(1).entries(1, last + 1, Number.MAX_SAFE_INTEGER)
  expect(entries.length).toBe(last)
  reopened.wal.commit([{ group: 2, entries: run(1, 1, -1) }])
  await reopened.durable()
  await reopened.wal.close()
})

test("an entry that cannot be written is a failure, not a silence", async () => {
  const failures: Array<string> = []
  const onFailure = (error: Error) => void failures.push(String(error))
  const wal = await openSqliteWal({ dir, onDurable: () => {}, onFailure })
  const [entry] = run(1, 1, -1)
  if (entry === undefined) throw new Error("no entry")
  wal.commit([{ group: 1, entries: [{ ...entry, appendMs: Number.NaN }] }])
  expect(() => wal.commit([])).toThrow("safe integer")
  await Promise.resolve()
  expect(failures).toEqual(["RangeError: NaN is not a safe integer"])
  await wal.close()
  expect(failures.length).toBe(1)
})

test("the writer runs with synchronous=FULL in WAL mode, and says so in the log", async () => {
  const lines: Array<string> = []
  const wal: SqliteWal = await openSqliteWal({
    dir,
    log: (line) => void lines.push(line),
    onDurable: () => {},
    onFailure: () => {},
  })
  expect(await wal.selfCheck()).toEqual({
    journalMode: "wal",
    synchronous: 2,
    pageBytes: 32_768,
    checkpointPages: 128,
  })
  expect(lines.join()).toContain("journal_mode=wal synchronous=2, page_size=32768")
  await wal.close()
  expect(() => wal.commit([])).toThrow("closed")
})

test("a worker that does not start fails the open", async () => {
  const workerUrl = pathToFileURL("/nowhere/wal-worker.ts")
  const opening = openSqliteWal({ dir, workerUrl, onDurable: () => {}, onFailure: () => {} })
  expect(await rejection(opening)).toContain("storage worker")
})

test("a file that cannot be opened fails the open", async () => {
  const opening = openSqliteWal({ dir: "/dev/null/x", onDurable: () => {}, onFailure: () => {} })
  expect(await rejection(opening)).toContain("ENOTDIR")
})
