/**
 * One process per data folder: two on one disk would be one voter that votes twice (DESIGN §2).
 * SQLite's exclusive lock is the kernel's, so SIGKILL frees it; nobody else in the process may open
 * lock.db (closing any descriptor of a file gives up all of the process's POSIX locks on it).
 */
import { Database, SQLiteError } from "bun:sqlite"
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { isMalformed } from "./admission.ts"

export interface Lock {
  /** Idempotent. */
  release(): void
}

export class LockHeld extends Error {
  /** Undefined when the holder has not written it yet. */
  readonly pid: number | undefined
  constructor(dir: string, pid: number | undefined) {
    super(`${dir} is in use by ${pid === undefined ? "another process" : `process ${pid}`}`)
    this.name = "LockHeld"
    this.pid = pid
  }
}

/**
 * Keeps the connections reachable: one that is collected is closed, and the lock gone, though
 * nobody released it.
 */
const connections = new Set<Database>()

/** Throws `LockHeld` when another process (or this one) has the folder. */
export function acquireLock(dir: string): Lock {
  mkdirSync(dir, { recursive: true })
  const pidFile = join(dir, "lock.pid")
  const path = join(dir, "lock.db")
  let db: Database
  try {
    db = lockFile(path)
  } catch (error) {
    if (!(error instanceof SQLiteError)) throw error
    if (error.code === "SQLITE_BUSY") throw new LockHeld(dir, readPid(pidFile))
    if (!isMalformed(error)) throw error
    // Nobody can hold what nobody can read, and of those who find it so only one gets the lock.
    truncateSync(path)
    db = lockFile(path)
  }
  // The lock itself cannot be read while it is held: the pid stands beside it, for the message
  // alone.
  writeFileSync(pidFile, `${process.pid}\n`)
  connections.add(db)
  return {
    release: () => {
      if (!connections.delete(db)) return
      rmSync(pidFile, { force: true })
      db.close()
    },
  }
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(path, "utf8"), 10)
    return Number.isSafeInteger(pid) ? pid : undefined
  } catch {
    return undefined
  }
}

/**
 * The transaction stays open and never writes: the file is empty for good, so that no power cut can
 * leave something in it which keeps the broker from starting.
 */
function lockFile(path: string): Database {
  const db = new Database(path, { create: true })
  try {
    db.run("PRAGMA locking_mode = EXCLUSIVE")
    db.run("PRAGMA journal_mode = MEMORY")
    db.run("BEGIN EXCLUSIVE")
    return db
  } catch (error) {
    db.close()
    throw error
  }
}
