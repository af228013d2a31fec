/**
 * The end of a file's life as one that is written to: it gets its index, its journal is emptied,
 * and nothing changes it any more. Runs in the background on a thread of its own, or at an open
 * that finds a file whose sealing was interrupted; each step may be done again.
 */
import { Database, SQLiteError } from "bun:sqlite"
import { existsSync } from "node:fs"
import { Damages } from "./damages.ts"
import { Directory, storedBytes } from "./directory.ts"
import type { FileContents } from "./group-index.ts"
import { reached } from "./kill-point.ts"
import { replay } from "./recovery.ts"
import type { WriterSettings } from "./schema.ts"
import { Segment } from "./segment.ts"
import { listSegments } from "./segment-files.ts"
import { SegmentWriter } from "./segment-writer.ts"
import { SqliteGroupLog } from "./sqlite-group-log.ts"
import type { GroupId } from "./wal.ts"

const cacheBytes = 2 * 1024 * 1024
const rowsPerRead = 256

/** Nobody else may be writing to the file. */
export function sealSegment(path: string, endSeq: number, settings: WriterSettings): void {
  const writer = new SegmentWriter(path, settings)
  const segment = new Segment(path, cacheBytes)
  try {
    writer.seal(endSeq, indexOf(segment))
    reached("indexed")
  } finally {
    segment.close()
    writer.close()
  }
}

/** Once no reader has it open with a journal: from now on it is one file and needs no other. */
export function leaveJournal(path: string): void {
  const db = new Database(path, { readwrite: true, create: false })
  try {
    db.run("PRAGMA journal_mode = DELETE")
  } finally {
    db.close()
  }
}

/**
 * A crash while a file was made, or in the middle of `leaveJournal`, leaves a rollback journal,
 * with which the file cannot be read: back to before it. Nobody has the log open.
 */
export function undoInterrupted(dir: string): void {
  for (const { path } of listSegments(dir).segments) {
    if (!existsSync(`${path}-journal`)) continue
    const db = new Database(path, { readwrite: true, create: false })
    try {
      db.query("SELECT count(*) FROM sqlite_master").all()
    } catch (error) {
      // What is wrong with it is found, and said, by those who need it.
      if (!(error instanceof SQLiteError)) throw error
    } finally {
      db.close()
    }
  }
}

/** What the file by itself knows of every group: its last run of entries in it. */
export function indexOf(segment: Segment): FileContents {
  const logs = new Map<GroupId, SqliteGroupLog>()
  const logOf = (group: GroupId): SqliteGroupLog => {
    let log = logs.get(group)
    if (log === undefined) logs.set(group, (log = new SqliteGroupLog(group, segment)))
    return log
  }
  let bytes = 0
  if ((segment.info()?.generation ?? 0) === 0) {
    // Damage stays where it is; entries that are not in the index are missed by the next open.
    const { slots, payloadBytes } = replay(segment, segment, logOf, new Damages())
    bytes = storedBytes(payloadBytes, slots)
  } else {
    for (const directory of copiedRows(segment)) {
      addCopies(directory, logOf)
      bytes += storedBytes(directory.payloadBytes, directory.count)
    }
  }
  return { groups: [...logs.values()].flatMap((log) => log.toIndex() ?? []), bytes }
}

/** A row of copies: each entry follows those of its group before it. */
export function addCopies(directory: Directory, logOf: (group: GroupId) => SqliteGroupLog): void {
  for (let slot = 0; slot < directory.count; slot++) {
    const meta = directory.meta(slot)
    const log = logOf(directory.group(slot))
    log.replayAppend(meta, meta.payloadBytes, directory.seq, directory.chain(slot))
  }
}

function* copiedRows(segment: Segment): Generator<Directory> {
  for (let after = 0; ;) {
    const heads = segment.heads(after, rowsPerRead)
    for (const { seq, directory } of heads) yield new Directory(seq, directory)
    after = heads.at(-1)?.seq ?? after
    if (heads.length < rowsPerRead) return
  }
}
