/**
 * Journals that SQLite wrote, to be damaged: a folder with a database and its -wal as a kill leaves
 * them.
 */
import { Database } from "bun:sqlite"
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Prng } from "../../raft/prng.ts"
import { JournalHeader, journalHeaderBytes, frameHeaderBytes } from "../../storage/journal.ts"
import { folder } from "./shim/power.ts"

export interface Journal {
  /** Of the database; the journal is beside it. */
  readonly path: string
  readonly pageBytes: number
  readonly bytes: Buffer
  /** As the file was before the last transaction. */
  readonly bytesBefore: Buffer
  /** Frames of the present use, and how many of them were there before the last transaction. */
  readonly frames: number
  readonly framesBefore: number
  readonly rows: number
}

export interface JournalPlan {
  readonly pageBytes: number
  /** Transactions, each of so many rows, in each use of the file but the last one. */
  readonly uses: ReadonlyArray<ReadonlyArray<number>>
}

/** Writes `uses` one after the other into one journal, which begins anew in between. */
export function writeJournal(plan: JournalPlan, prng: Prng): Journal {
  const dir = folder("varve-")
  const live = join(dir, "live.db")
  const db = new Database(live, { create: true })
  db.run(`PRAGMA page_size = ${plan.pageBytes}`)
  db.run("PRAGMA journal_mode = WAL")
  db.run("PRAGMA wal_autocheckpoint = 0")
  db.run("CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)")
  let rows = 0
  let bytesBefore: Buffer = Buffer.alloc(0)
  for (const [n, use] of plan.uses.entries()) {
    if (n > 0) db.query("PRAGMA wal_checkpoint(RESTART)").values()
    for (const count of use) {
      bytesBefore = readFileSync(`${live}-wal`)
      db.run("BEGIN")
      for (let row = 0; row < count; row++) {
        db.run("INSERT INTO t VALUES (?, randomblob(?))", [++rows, 50 + prng.below(3000)])
      }
      db.run("COMMIT")
    }
  }
  const kept = join(dir, "kept")
  mkdirSync(kept)
  const path = join(kept, "live.db")
  copyFileSync(live, path)
  copyFileSync(`${live}-wal`, `${path}-wal`)
  const bytes = readFileSync(`${path}-wal`)
  db.close()
  return {
    path,
    pageBytes: plan.pageBytes,
    bytes,
    bytesBefore,
    frames: framesOf(bytes),
    // When the last transaction is the first of its use there was nothing of it before.
    framesBefore:
      bytesBefore.readUInt32BE(16) === bytes.readUInt32BE(16) ? framesOf(bytesBefore) : 0,
    rows,
  }
}

/** Frames that carry the header's salts. */
function framesOf(bytes: Buffer): number {
  const header = JournalHeader.read(new Uint8Array(bytes.subarray(0, journalHeaderBytes)))
  if (header === undefined) return 0
  let n = 0
  for (;;) {
    const at = journalHeaderBytes + n * (frameHeaderBytes + header.pageBytes)
    if (at >= bytes.length || bytes.readUInt32BE(at + 8) !== header.salt1) return n
    n += 1
  }
}

/** Rows that SQLite finds with this journal beside a copy of the database. */
export function rowsWith(journal: Journal, bytes: Uint8Array): number {
  const path = `${journal.path}.copy`
  copyFileSync(journal.path, path)
  writeFileSync(`${path}-wal`, bytes)
  rmSync(`${path}-shm`, { force: true })
  const db = new Database(path)
  try {
    const [row] = db.query<{ n: number }, []>("SELECT count(*) AS n FROM t").all()
    return row?.n ?? 0
  } catch {
    return 0
  } finally {
    db.close()
    for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true })
  }
}

export function flipped(bytes: Buffer, position: number, bit: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(position) ^ (1 << bit), position)
  return copy
}
