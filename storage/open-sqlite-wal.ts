/** Opening: the worker takes the file over, makes it durable, then its directories are replayed. */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { admit, giveUp, unusableMark, type Admission } from "./admission.ts"
import { CorruptRow } from "./directory.ts"
import { Damages, UnusableSegment } from "./damages.ts"
import { replay, type RecoveryReport } from "./recovery.ts"
import type { Pragmas } from "./schema.ts"
import { Segment } from "./segment.ts"
import { SqliteGroupLog } from "./sqlite-group-log.ts"
import { defaultLimits, type SqliteWalLimits, type SqliteWalOptions } from "./sqlite-wal-options.ts"
import { SqliteWal } from "./sqlite-wal.ts"
import { judgeLog, type Judgement } from "./trust.ts"
import { CorruptEntry, type GroupId } from "./wal.ts"
import { WorkerHandle } from "./worker-handle.ts"

export const segmentFile = "segment-000001.db"

/**
 * Damage does not refuse the open: what can be read is salvaged, every group is judged, and its
 * standing is durable when this resolves. Rejects when the disk fails, or with a file of a newer or
 * another program.
 */
export async function openSqliteWal(options: SqliteWalOptions): Promise<SqliteWal> {
  const limits = { ...defaultLimits, ...options.limits }
  const path = join(options.dir, segmentFile)
  mkdirSync(options.dir, { recursive: true })
  const admission = admit(options.dir)
  for (const line of admission.lines) options.log?.(line)
  let wal: SqliteWal | undefined
  const worker = new WorkerHandle(options.workerUrl ?? defaultWorkerUrl(), {
    onCommitted: (_number, elapsedMs) => wal?.onCommitted(elapsedMs),
    onFailure: (error) => wal?.onFailure(error),
  })
  try {
    const opened = await worker.open(path, limits)
    const recovered = recover(path, limits, { ...opened, admission })
    const { segment, logs, recovery, judgement } = recovered
    options.log?.(describe(path, recovery))
    for (const line of judgement.lines) options.log?.(line)
    await worker.guard(options.dir, judgement.sentinel)
    const events = { onDurable: options.onDurable, onFailure: options.onFailure }
    const unclean = admission.unclean !== undefined
    wal = new SqliteWal({ segment, worker, logs, recovery, limits, events, unclean })
    await wal.correct(judgement.corrections)
    return wal
  } catch (error) {
    await worker.close()
    if (error instanceof UnusableSegment) {
      for (const line of giveUp(error.path, error.message)) options.log?.(line)
    } else if (!existsSync(unusableMark(path))) throw error
    return openSqliteWal(options)
  }
}

interface Opened {
  readonly pragmas: Pragmas
  readonly pagesReplayed: number
  readonly admission: Admission
}

interface Recovered {
  readonly segment: Segment
  readonly logs: Map<GroupId, SqliteGroupLog>
  readonly recovery: RecoveryReport
  readonly judgement: Judgement
}

function recover(path: string, limits: SqliteWalLimits, opened: Opened): Recovered {
  const startedMs = performance.now()
  const segment = new Segment(path, limits.directoryCacheBytes)
  const logs = new Map<GroupId, SqliteGroupLog>()
  const logOf = (group: GroupId): SqliteGroupLog => {
    let log = logs.get(group)
    if (log === undefined) logs.set(group, (log = new SqliteGroupLog(group, segment)))
    return log
  }
  const damages = new Damages()
  try {
    const { rows, slots, nextSeq } = replay(segment, logOf, damages)
    for (const log of logs.values()) finish(log, damages)
    const { admission, pagesReplayed, pragmas } = opened
    const { journal } = admission
    const dropped = new Set(segment.dropped().keys())
    const judgement = judgeLog({
      admission,
      journal: journal.verdict,
      logs,
      logOf,
      damages,
      dropped,
    })
    const all = [...logs.values()]
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
      journal: { ...journal, pagesReplayed },
      losses: [...admission.lines, ...judgement.lines],
    }
    return { segment, logs, recovery, judgement }
  } catch (error) {
    segment.close()
    throw error instanceof CorruptRow ? new UnusableSegment(path, error.message) : error
  }
}

/** A log whose beginning is not there has nothing that can be placed. */
function finish(log: SqliteGroupLog, damages: Damages): void {
  try {
    log.replayed()
  } catch (error) {
    if (!(error instanceof CorruptEntry)) throw error
    damages.group(log.group, error.message, true)
  }
  if (damages.groups.get(log.group)?.cutLost !== true) return
  const state = log.storedHardState
  log.clear()
  log.storedHardState = state
}

function describe(path: string, report: RecoveryReport): string {
  const { pragmas, journal } = report
  return [
    `log ${path}: ${report.groups} groups, ${report.entries} entries, ${report.payloadBytes} bytes`,
    `read in ${report.elapsedMs.toFixed(1)} ms`,
    `${report.entriesReplaced} replaced`,
    `journal ${journal.verdict}, ${journal.bytesFound} bytes, ${journal.pagesReplayed} pages taken over`,
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
