/** Opening: the worker takes the file over, makes it durable, then its directories are replayed. */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { CorruptRow } from "./directory.ts"
import { CorruptLog, replay, type RecoveryReport } from "./recovery.ts"
import type { Pragmas } from "./schema.ts"
import type { JournalReport } from "./recovery.ts"
import { Segment } from "./segment.ts"
import { SqliteGroupLog } from "./sqlite-group-log.ts"
import { defaultLimits, type SqliteWalLimits, type SqliteWalOptions } from "./sqlite-wal-options.ts"
import { SqliteWal } from "./sqlite-wal.ts"
import { CorruptEntry, type GroupId } from "./wal.ts"
import { WorkerHandle } from "./worker-handle.ts"

export const segmentFile = "segment-000001.db"

/** Rejects with `CorruptLog` when the file is damaged; then nothing of it may be used. */
export async function openSqliteWal(options: SqliteWalOptions): Promise<SqliteWal> {
  const limits = { ...defaultLimits, ...options.limits }
  const path = join(options.dir, segmentFile)
  mkdirSync(options.dir, { recursive: true })
  let wal: SqliteWal | undefined
  const worker = new WorkerHandle(options.workerUrl ?? defaultWorkerUrl(), {
    onCommitted: (_number, elapsedMs) => wal?.onCommitted(elapsedMs),
    onFailure: (error) => wal?.onFailure(error),
  })
  try {
    const opened = await worker.open(path, limits)
    const { segment, logs, recovery } = recover(path, limits, opened)
    options.log?.(describe(path, recovery))
    const events = { onDurable: options.onDurable, onFailure: options.onFailure }
    wal = new SqliteWal({ segment, worker, logs, recovery, limits, events })
    return wal
  } catch (error) {
    await worker.close()
    throw error
  }
}

function recover(
  path: string,
  limits: SqliteWalLimits,
  { pragmas, journal }: { readonly pragmas: Pragmas; readonly journal: JournalReport },
): { segment: Segment; logs: Map<GroupId, SqliteGroupLog>; recovery: RecoveryReport } {
  const startedMs = performance.now()
  const segment = new Segment(path, limits.directoryCacheBytes)
  const logs = new Map<GroupId, SqliteGroupLog>()
  try {
    const { rows, slots, nextSeq } = replay(segment, (group) => {
      let log = logs.get(group)
      if (log === undefined) logs.set(group, (log = new SqliteGroupLog(group, segment)))
      return log
    })
    const all = [...logs.values()]
    for (const log of all) log.replayed()
    const entries = all.reduce((sum, log) => sum + log.lastIndex - log.cut.index, 0)
    const recovery: RecoveryReport = {
      groups: logs.size,
      rows,
      entries,
      entriesReplaced: slots - entries,
      payloadBytes: all.reduce((sum, log) => sum + log.payloadBytes, 0),
      nextSeq,
      elapsedMs: performance.now() - startedMs,
      pragmas,
      journal,
    }
    return { segment, logs, recovery }
  } catch (error) {
    segment.close()
    if (error instanceof CorruptRow || error instanceof CorruptEntry) {
      throw new CorruptLog(path, [error.message])
    }
    throw error
  }
}

function describe(path: string, report: RecoveryReport): string {
  const { pragmas, journal } = report
  return [
    `log ${path}: ${report.groups} groups, ${report.entries} entries, ${report.payloadBytes} bytes`,
    `read in ${report.elapsedMs.toFixed(1)} ms`,
    `${report.entriesReplaced} replaced`,
    `journal ${journal.bytesFound} bytes, ${journal.pagesReplayed} pages taken over`,
    `journal_mode=${pragmas.journalMode} synchronous=${pragmas.synchronous}`,
    `page_size=${pragmas.pageBytes} wal_autocheckpoint=${pragmas.checkpointPages}`,
  ].join(", ")
}

/**
 * Beside this file in the sources; as `wal-worker.js` beside the bundle, or under its folder, when
 * bundled.
 */
function defaultWorkerUrl(): URL {
  const source = new URL("./wal-worker.ts", import.meta.url)
  const candidates = [
    source,
    "./wal-worker.js",
    "./storage/wal-worker.js",
    "../storage/wal-worker.js",
  ]
  for (const candidate of candidates) {
    const url = new URL(candidate, import.meta.url)
    if (existsSync(fileURLToPath(url))) return url
  }
  return source
}
