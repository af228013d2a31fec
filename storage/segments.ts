/**
 * The files of a log together: which one a row is in, how much of each is alive, and reading them.
 * The last one is written to; the others are sealed, or soon will be.
 */
import { statSync } from "node:fs"
import { CorruptRow, storedBytes } from "./directory.ts"
import { DirectoryCache } from "./directory-cache.ts"
import type { CheckpointRow, CutRow } from "./cut-record.ts"
import type { GroupState } from "./group-state.ts"
import type { Located, RowSource } from "./row-source.ts"
import { Segment, type SegmentInfo } from "./segment.ts"
import { withCompanions, type SegmentName } from "./segment-files.ts"
import type { StateSource } from "./sqlite-group-log.ts"
import type { GroupId } from "./wal.ts"

export class SegmentFile {
  readonly name: SegmentName
  readonly baseSeq: number
  /** Behind its last seq; Infinity while it is written to. */
  endSeq: number
  sealed: boolean
  /** What payloads and directories take, also those that do not count any more. */
  bytes: number
  /** What entries of logs take in it. */
  liveBytes = 0
  /** Copying it forward failed: its damage is for reads to find. */
  stuck = false
  private reader: Segment | undefined
  private readonly directories: DirectoryCache

  constructor(
    name: SegmentName,
    { baseSeq, endSeq, bytes }: Pick<SegmentInfo, "baseSeq" | "endSeq" | "bytes">,
    directories: DirectoryCache,
  ) {
    this.name = name
    this.baseSeq = baseSeq
    this.endSeq = endSeq ?? Infinity
    this.sealed = endSeq !== null
    this.bytes = bytes ?? 0
    this.directories = directories
  }

  /** Opened at the first read. */
  get open(): Segment {
    return (this.reader ??= new Segment(this.name.path, this.directories, this.sealed))
  }

  get payloadReads(): number {
    return this.reader?.payloadReads ?? 0
  }

  close(): void {
    this.reader?.close()
    this.reader = undefined
  }

  /** The file has its index and does not change any more. */
  seal(): void {
    this.close()
    this.sealed = true
  }

  bytesOnDisk(): number {
    const sizes = withCompanions(this.name.path)
      .filter((path) => !path.endsWith("-shm"))
      .map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0)
    return sizes.reduce((sum, size) => sum + size, 0)
  }
}

export class Segments implements RowSource, StateSource {
  readonly directories: DirectoryCache
  /** In the order of their seqs; the last one is written to. */
  private files: Array<SegmentFile>
  /** Whose tables hold the newest durable states. */
  private states: SegmentFile
  /** Reads of files that are gone. */
  private pastReads = 0
  private hasChanged = true

  constructor(files: ReadonlyArray<SegmentFile>, directories: DirectoryCache) {
    this.files = [...files]
    this.directories = directories
    this.states = this.active
  }

  get all(): ReadonlyArray<SegmentFile> {
    return this.files
  }

  get active(): SegmentFile {
    const last = this.files.at(-1)
    if (last === undefined) throw new Error("a log without a file")
    return last
  }

  get payloadReads(): number {
    return this.files.reduce((sum, file) => sum + file.payloadReads, this.pastReads)
  }

  locate(row: number, group: GroupId, lo: number, hi: number): Located {
    return this.reader(row).locate(row, group, lo, hi)
  }

  payload(row: number, position: number, bytes: number): Uint8Array {
    return this.reader(row).payload(row, position, bytes)
  }

  cutRow(group: GroupId): CutRow | undefined {
    return this.states.open.cutRow(group)
  }

  checkpointRow(group: GroupId): CheckpointRow | undefined {
    return this.states.open.checkpointRow(group)
  }

  /** Undefined when the file is gone. */
  fileOf(row: number): SegmentFile | undefined {
    let lo = 0
    let hi = this.files.length
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      if ((this.files[middle]?.baseSeq ?? Infinity) <= row) lo = middle + 1
      else hi = middle
    }
    const file = this.files[lo - 1]
    return file !== undefined && row < file.endSeq ? file : undefined
  }

  /** Whether anything was rolled, cut, dropped or overwritten since the last call. */
  changed(): boolean {
    const { hasChanged } = this
    this.hasChanged = false
    return hasChanged
  }

  /** A file that may be sealed: a newer one has its first transaction. */
  full(): SegmentFile | undefined {
    const newest = this.files.indexOf(this.states)
    return this.files.slice(0, newest).find(({ sealed, stuck }) => !sealed && !stuck)
  }

  /** An entry was added to the file that is written to. */
  added(payloadBytes: number): void {
    const { active } = this
    const bytes = storedBytes(payloadBytes, 1)
    active.bytes += bytes
    active.liveBytes += bytes
  }

  /** After a replay: what is alive in each file. */
  count(logs: Iterable<GroupState>): void {
    for (const file of this.files) {
      file.liveBytes = 0
      for (const log of logs) {
        log.eachExtent(file.baseSeq, file.endSeq, (_row, first, last, bytes) => {
          file.liveBytes += storedBytes(bytes, last - first + 1)
        })
      }
    }
  }

  fileEnd(row: number): number {
    return this.fileOf(row)?.endSeq ?? row + 1
  }

  released(row: number, payloadBytes: number, entries: number): void {
    const file = this.fileOf(row)
    if (file !== undefined) file.liveBytes -= storedBytes(payloadBytes, entries)
    this.hasChanged = true
  }

  /** Rows from `baseSeq` on go into another file, which is made with its first transaction. */
  roll(name: SegmentName, baseSeq: number): void {
    this.active.endSeq = baseSeq
    this.files.push(new SegmentFile(name, { baseSeq, endSeq: null, bytes: null }, this.directories))
  }

  /** The next file's first transaction is durable. */
  rolled(): void {
    const next = this.files[this.files.indexOf(this.states) + 1]
    if (next === undefined) throw new Error("no file was begun")
    this.states = next
    this.hasChanged = true
    // Its reader must be there before its writer goes: the last connection's end checkpoints (D5).
    return void next.open
  }

  /** One file stands for some others now; their readers are closed. Undefined: nothing was left. */
  replace(old: ReadonlyArray<SegmentFile>, by: SegmentFile | undefined): void {
    const at = this.files.findIndex((file) => old.includes(file))
    for (const file of old) {
      this.pastReads += file.payloadReads
      file.close()
    }
    // Rows of a copy have fewer entries than they had.
    this.directories.clear()
    this.files = this.files.filter((file) => !old.includes(file))
    if (by === undefined) return
    by.liveBytes = old.reduce((sum, { liveBytes }) => sum + liveBytes, 0)
    this.files.splice(at, 0, by)
  }

  close(): void {
    for (const file of this.files) file.close()
  }

  private reader(row: number): Segment {
    const file = this.fileOf(row)
    if (file === undefined) throw new CorruptRow(`row ${row} is gone`)
    return file.open
  }
}
