/**
 * One process per data folder: two on one disk would be one voter that votes twice (DESIGN §2).
 * SQLite's exclusive lock is the kernel's, so SIGKILL frees it; nobody else in the process may open
 * lock.db (closing any descriptor of a file gives up all of the process's POSIX locks on it).
 */
import { Database, SQLiteError } from "bun:sqlite"
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"

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
  const db = new Database(join(dir, "lock.db"), { create: true })
  try {
    db.run("PRAGMA locking_mode = EXCLUSIVE")
    db.run("PRAGMA journal_mode = MEMORY")
    db.run("BEGIN EXCLUSIVE")
    db.run("CREATE TABLE IF NOT EXISTS holder (id INTEGER PRIMARY KEY, pid INTEGER NOT NULL)")
    db.run("INSERT OR REPLACE INTO holder (id, pid) VALUES (1, ?)", [process.pid])
    db.run("COMMIT")
  } catch (error) {
    db.close()
    if (error instanceof SQLiteError && error.code === "SQLITE_BUSY") {
      throw new LockHeld(dir, readPid(pidFile))
    }
    throw error
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
