/** Opening: the worker takes the file over, makes it durable, then its directories are replayed. */
import { existsSync, mkdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { admit, expectLog, giveUp, unusableMark, type Admission } from "./admission.ts"
import { CorruptRow, storedBytes } from "./directory.ts"
import { Damages, UnusableSegment } from "./damages.ts"
import { replay, type RecoveryReport } from "./recovery.ts"
import type { Pragmas } from "./schema.ts"
import { DirectoryCache } from "./directory-cache.ts"
import { Housekeeper } from "./housekeeper.ts"
import { restoreSealed } from "./restore.ts"
import { Reserve } from "./reserve.ts"
import { undoInterrupted } from "./seal.ts"
import { Segment } from "./segment.ts"
import { listSegments } from "./segment-files.ts"
import { SegmentFile, Segments } from "./segments.ts"
import { SqliteGroupLog } from "./sqlite-group-log.ts"
import { scrubBytesPerSecondDefault } from "./sqlite-wal-options.ts"
import { defaultLimits, type SqliteWalLimits, type SqliteWalOptions } from "./sqlite-wal-options.ts"
import { SqliteWal } from "./sqlite-wal.ts"
import { judgeLog, type Judgement } from "./trust.ts"
import type { GroupId } from "./wal.ts"
import { WorkerHandle } from "./worker-handle.ts"

/**
 * Damage does not refuse the open: what can be read is salvaged, every group is judged, and its
 * standing is durable when this resolves. Rejects when the disk fails, or with a file of a newer or
 * another program.
 */
export async function openSqliteWal(options: SqliteWalOptions): Promise<SqliteWal> {
  const limits = { ...defaultLimits, ...options.limits }
  const url = options.workerUrl ?? defaultWorkerUrl()
  const log = options.log ?? (() => {})
  mkdirSync(options.dir, { recursive: true })
  if (options.expected === true) expectLog(options.dir)
  undoInterrupted(options.dir)
  const admission = admit(options.dir)
  for (const line of admission.lines) log(line)
  let wal: SqliteWal | undefined
  const worker = new WorkerHandle(url, {
    onCommitted: (_number, elapsedMs) => wal?.onCommitted(elapsedMs),
    onFailure: (error) => wal?.onFailure(error),
  })
  try {
    const opened = await worker.open(options.dir, limits)
    const recovered = recover(options.dir, limits, { ...opened, admission })
    const { segments, logs, dropped, recovery, judgement } = recovered
    log(describe(opened.path, recovery))
    for (const line of judgement.lines) log(line)
    const { forgetful } = admission
    await worker.guard(options.dir, judgement.sentinel, forgetful)
    const unclean = admission.unclean !== undefined
    const { dir, scrubBytesPerSecond = scrubBytesPerSecondDefault } = options
    const housekeeper = new Housekeeper(url, limits, log)
    const reserve = new Reserve({ dir, bytes: options.reserveBytes ?? 0, log })
    void reserve.begin()
    const events = options
    const known = { dir, segments, worker, logs, dropped, recovery, limits, events, unclean, log }
    wal = new SqliteWal({ ...known, forgetful, housekeeper, reserve, scrubBytesPerSecond })
    await wal.correct(judgement.corrections)
    return wal
  } catch (error) {
    await worker.close()
    if (error instanceof UnusableSegment) {
      for (const line of giveUp(error.path, error.message)) log(line)
    } else if (!hasUnusable(options.dir)) throw error
    return openSqliteWal(options)
  }
}

/** A write to one of the files failed as malformed: the next open moves it aside. */
const hasUnusable = (dir: string): boolean =>
  listSegments(dir).segments.some(({ path }) => existsSync(unusableMark(path)))

interface Opened {
  readonly path: string
  readonly pragmas: Pragmas
  readonly pagesReplayed: number
  readonly admission: Admission
}

interface Recovered {
  readonly segments: Segments
  readonly logs: Map<GroupId, SqliteGroupLog>
  readonly dropped: ReadonlySet<GroupId>
  readonly recovery: RecoveryReport
  readonly judgement: Judgement
}

function recover(dir: string, limits: SqliteWalLimits, opened: Opened): Recovered {
  const startedMs = performance.now()
  const segments = openSegments(dir, limits)
  const active = segments.active.open
  const logs = new Map<GroupId, SqliteGroupLog>()
  const logOf = (group: GroupId): SqliteGroupLog => {
    let log = logs.get(group)
    if (log === undefined) logs.set(group, (log = new SqliteGroupLog(group, segments)))
    return log
  }
  const damages = new Damages()
  try {
    restoreSealed(segments, active, logOf, damages)
    const replayed = replay(active, segments, logOf, damages)
    for (const log of logs.values()) finish(log, damages)
    segments.active.bytes = storedBytes(replayed.payloadBytes, replayed.slots)
    segments.count([...logs.values()])
    const { admission, pagesReplayed, pragmas } = opened
    const { journal } = admission
    const floors = [...active.dropped().keys()]
    const dropped = new Set(floors.filter((group) => logs.get(group)?.isEmpty !== false))
    const judgement = judgeLog({
      admission,
      journal: journal.verdict,
      logs,
      logOf,
      damages,
      dropped,
    })
    const recovery: RecoveryReport = {
      ...counted([...logs.values()], segments),
      rows: replayed.rows,
      slots: replayed.slots,
      nextSeq: replayed.nextSeq,
      elapsedMs: performance.now() - startedMs,
      pragmas,
      journal: { ...journal, pagesReplayed },
      losses: [...admission.lines, ...judgement.lines],
    }
    return { segments, logs, dropped, recovery, judgement }
  } catch (error) {
    segments.close()
    throw error instanceof CorruptRow ? new UnusableSegment(opened.path, error.message) : error
  }
}

/** Every file of the log that was ever begun. */
function openSegments(dir: string, limits: SqliteWalLimits): Segments {
  const directories = new DirectoryCache(limits.directoryCacheBytes)
  const files = listSegments(dir).segments.flatMap((name) => {
    const reader = new Segment(name.path, 0)
    const info = reader.info()
    reader.close()
    return info === undefined ? [] : [new SegmentFile(name, info, directories)]
  })
  return new Segments(files, directories)
}

function counted(logs: ReadonlyArray<SqliteGroupLog>, segments: Segments) {
  return {
    groups: logs.length,
    segments: segments.all.length,
    entries: logs.reduce((sum, log) => sum + log.lastIndex - log.cut.index, 0),
    payloadBytes: logs.reduce((sum, log) => sum + log.payloadBytes, 0),
    deadBytes: segments.all.reduce((sum, file) => sum + file.bytes - file.liveBytes, 0),
  }
}

/** A log whose beginning is not there has nothing that can be placed. */
function finish(log: SqliteGroupLog, damages: Damages): void {
  const { group } = log
  damages.guard(group, () => log.replayed())
  damages.guard(group, () => {
    const missing = log.firstMissing()
    if (missing === undefined) return
    damages.group(group, `group ${group}: entries from ${missing} on are missing`)
    log.truncateFrom(missing)
  })
  if (damages.groups.get(group)?.cutLost !== true) return
  const state = log.storedHardState
  log.clear()
  log.storedHardState = state
}

function describe(path: string, report: RecoveryReport): string {
  const { pragmas, journal } = report
  return [
    `log ${path}: ${report.groups} groups, ${report.entries} entries, ${report.payloadBytes} bytes`,
    `read in ${report.elapsedMs.toFixed(1)} ms`,
    `${report.segments} files, ${report.slots} entries in the newest, ${report.deadBytes} bytes dead`,
    `journal ${journal.verdict}, ${journal.bytesFound} bytes`,
    `${journal.pagesReplayed} pages taken over`,
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
