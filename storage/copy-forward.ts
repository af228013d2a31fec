/**
 * Copying forward: what is still alive in some consecutive sealed files goes into one new file that
 * takes their place in the order of things. Rows keep their seq, entries their index; a copy
 * removes nothing, and what was superseded is not copied, so it never comes back. The old files
 * stay until the new one is there for good.
 */
import { Database } from "bun:sqlite"
import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { isIntact } from "../raft/entry.ts"
import { CorruptRow, encodeCopy, packed, storedBytes, type Directory } from "./directory.ts"
import { KeptLookup, type KeptOfGroup, type KeptPayload } from "./kept-entries.ts"
import { reached } from "./kill-point.ts"
import { migrate, type WriterSettings } from "./schema.ts"
import { addCopies } from "./seal.ts"
import { Segment } from "./segment.ts"
import { copySuffix, type SegmentName } from "./segment-files.ts"
import { syncDirectory } from "./segment-writer.ts"
import { SqliteGroupLog } from "./sqlite-group-log.ts"
import { StateWriter } from "./state-writer.ts"
import type { GroupId } from "./wal.ts"

export interface CopyJob {
  /** Consecutive and sealed, in the order of their seqs. */
  readonly sources: ReadonlyArray<string>
  readonly target: SegmentName
  readonly baseSeq: number
  readonly endSeq: number
  /** Row, group, first and last index of everything alive; in no order, that is for this thread. */
  readonly live: Float64Array
  /** Entries that get another payload. */
  readonly kept: ReadonlyArray<KeptOfGroup>
  /** Not 0: give it up. */
  readonly cancelled: Int32Array
}

/** Numbers of an extent in `CopyJob.live`. */
export const liveStride = 4
const [ROW, GROUP, FIRST, LAST] = [0, 1, 2, 3] as const

/** Bytes between two fsyncs: one for everything would hold up the log's own. */
const bytesPerSync = 8 * 1024 * 1024
const cacheBytes = 2 * 1024 * 1024

/** The new file is complete and durable under its name when this returns. */
export function copyForward(job: CopyJob, settings: WriterSettings): void {
  const { path } = job.target
  const temporary = `${path}${copySuffix}`
  rmSync(temporary, { force: true })
  const copy = new Copy(temporary, job, settings)
  try {
    for (const source of job.sources) copy.from(source)
    copy.finish()
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  } finally {
    copy.close()
  }
  reached("written")
  renameSync(temporary, path)
  syncDirectory(dirname(path))
}

class Copy {
  private readonly db: Database
  private readonly states: StateWriter
  private readonly job: CopyJob
  /** As in the job, by row. */
  private readonly live: Float64Array
  private readonly path: string
  private readonly logs = new Map<GroupId, SqliteGroupLog>()
  private readonly kept: KeptLookup
  /** Place in `live`. */
  private next = 0
  private bytes = 0
  private unsynced = 0

  constructor(path: string, job: CopyJob, settings: WriterSettings) {
    this.path = path
    this.job = job
    this.live = byRow(job.live)
    this.kept = new KeptLookup(job.kept)
    this.db = new Database(path, { create: true, readwrite: true })
    this.db.run(`PRAGMA page_size = ${settings.pageBytes}`)
    // Nobody reads the file before it was fsynced and renamed.
    this.db.run("PRAGMA journal_mode = OFF")
    this.db.run("PRAGMA synchronous = OFF")
    migrate(this.db)
    this.states = new StateWriter(this.db)
    this.db.run("BEGIN")
  }

  from(path: string): void {
    const segment = new Segment(path, cacheBytes, true)
    const insert = this.db.prepare("INSERT INTO log (seq, directory, payload) VALUES (?, ?, ?)")
    try {
      const { live } = this
      const { cancelled } = this.job
      const end = segment.info()?.endSeq ?? 0
      while (this.next < live.length && (live[this.next + ROW] ?? Infinity) < end) {
        if (Atomics.load(cancelled, 0) !== 0) throw new Error("given up")
        const directory = segment.directory(live[this.next + ROW] ?? -1)
        const slots = this.liveSlots(directory)
        const row = this.copied(segment, directory, slots)
        insert.run(row.directory.seq, storedDirectory(row.directory), row.payload)
        addCopies(row.directory, (group) => this.logOf(group, segment))
        this.bytes += storedBytes(row.payload.length, row.directory.count)
        this.sync(row.payload.length)
      }
    } finally {
      insert.finalize()
      segment.close()
    }
  }

  /** Nothing is read of a row whose payloads are all replaced or empty. */
  private copied(segment: Segment, directory: Directory, slots: ReadonlyArray<number>) {
    const kept = new Map<number, KeptPayload>()
    let isRead = false
    for (const slot of slots) {
      const found = this.keptOf(directory, slot)
      if (found !== undefined) kept.set(slot, found)
      else if (directory.meta(slot).payloadBytes > 0) isRead = true
    }
    const bytes = isRead ? directory.payloadBytes : 0
    const payload = segment.payload(directory.seq, 0, bytes)
    return encodeCopy(directory, slots, payload, (slot) => kept.get(slot))
  }

  private keptOf(directory: Directory, slot: number): KeptPayload | undefined {
    const group = directory.group(slot)
    const meta = directory.meta(slot)
    const kept = this.kept.of(group, meta.index, meta.entryCrc)
    if (kept === undefined || isIntact({ ...meta, keptCrc: kept.keptCrc }, kept.payload))
      return kept
    throw new CorruptRow(`group ${group} index ${meta.index}: what is to be kept of it is damaged`)
  }

  finish(): void {
    const { target, baseSeq, endSeq } = this.job
    this.states.writeIndexes([...this.logs.values()].flatMap((log) => log.toIndex() ?? []))
    this.states.begin({ ...target, baseSeq })
    this.states.end(endSeq, this.bytes)
    this.db.run("COMMIT")
    syncFile(this.path)
  }

  close(): void {
    this.states.close()
    this.db.close()
  }

  /** The directory's slots that are alive; goes on to the next row. */
  private liveSlots(directory: Directory): ReadonlyArray<number> {
    const { live } = this
    const slots: Array<number> = []
    for (; live[this.next + ROW] === directory.seq; this.next += liveStride) {
      const group = live[this.next + GROUP] ?? 0
      const [first, last] = [live[this.next + FIRST] ?? 0, live[this.next + LAST] ?? -1]
      slots.push(...directory.slotsOf(group, first, last + 1).filter((slot) => slot >= 0))
    }
    return slots.toSorted((a, b) => a - b)
  }

  private logOf(group: GroupId, segment: Segment): SqliteGroupLog {
    let log = this.logs.get(group)
    if (log === undefined) this.logs.set(group, (log = new SqliteGroupLog(group, segment)))
    return log
  }

  private sync(bytes: number): void {
    this.unsynced += bytes
    if (this.unsynced < bytesPerSync) return
    this.unsynced = 0
    this.db.run("COMMIT")
    syncFile(this.path)
    reached("halfCopied")
    this.db.run("BEGIN")
  }
}

/** Where much is empty, directories are what takes the space. */
function storedDirectory(directory: Directory): Uint8Array {
  for (let slot = 0; slot < directory.count; slot++) {
    if (directory.isKept(slot)) return packed(directory)
  }
  return directory.bytes
}

function byRow(live: Float64Array): Float64Array {
  const order = Array.from({ length: live.length / liveStride }, (_, n) => n * liveStride)
  order.sort((a, b) => (live[a] ?? 0) - (live[b] ?? 0))
  const sorted = new Float64Array(live.length)
  for (const [n, at] of order.entries()) {
    sorted.set(live.subarray(at, at + liveStride), n * liveStride)
  }
  return sorted
}

function syncFile(path: string): void {
  const descriptor = openSync(path, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
