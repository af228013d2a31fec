/**
 * The folder of one broker that runs under the shim, and what a power cut leaves of it. The folder
 * itself is the image: whatever no fsync has covered can be taken back from it, for the shim keeps
 * what each change takes away. So a folder of any size costs nothing until its power is cut.
 */
import { linkSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import type { Prng } from "../../../../raft/prng.ts"
import { anySectors, firstFew } from "./choice.ts"
import { PendingChanges } from "./pending-changes.ts"
import { PendingNames } from "./pending-names.ts"
import { recordKinds, RecordReader, type RecordEvent } from "./record-reader.ts"

export const powerPreload = join(import.meta.dir, "preload.ts")

/** What a cut left of a disk. */
export interface Cut {
  /** Changes that no fsync had covered. */
  readonly unsynced: number
  /** How many of them are not there, or not whole. */
  readonly lost: number
  /** "in order": of each file the first few; else any sectors. */
  readonly writes: "in order" | "torn"
}

export interface PowerDiskOptions {
  /** The broker's folder; its subfolders are not part of the disk. */
  readonly dir: string
  /** Where the shim writes down what happens, beside the folder and on the same file system. */
  readonly record: string
  /** While this file is there, the next fsync fails with EIO, and the file is gone. */
  readonly failFsync?: string
  /** Of the shim. */
  readonly library: string
  /** What every fsync takes longer: without it hardly a cut comes between a write and its fsync. */
  readonly slowUs: number
}

/** The record is read so often while the broker runs, so that what is of no use any more can go. */
const readEveryMs = 1_000

export class PowerDisk {
  private readonly options: PowerDiskOptions
  private readonly keep: string
  private reader: RecordReader
  private files = new Map<number, PendingChanges>()
  private names = new PendingNames(new Map())
  private timer: ReturnType<typeof setInterval> | undefined

  constructor(options: PowerDiskOptions) {
    this.options = options
    this.keep = `${options.record}.keep`
    this.reader = new RecordReader(options.record)
  }

  /** Before every start of the broker: the environment that it needs, beside `powerPreload`. */
  begin(): Readonly<Record<string, string>> {
    const { dir, failFsync, library, record, slowUs } = this.options
    this.end()
    mkdirSync(this.keep, { recursive: true })
    this.reader = new RecordReader(record)
    this.files = new Map()
    this.names = new PendingNames(namesIn(dir))
    this.timer = setInterval(() => this.read(), readEveryMs)
    this.timer.unref()
    return {
      LD_PRELOAD: library,
      POWER_LIBRARY: library,
      POWER_DIR: dir,
      POWER_LOG: record,
      POWER_KEEP: this.keep,
      POWER_SLOW: String(slowUs),
      ...(failFsync === undefined ? {} : { POWER_FAIL: failFsync }),
    }
  }

  /** Once the process is gone: the folder is then what a cut may leave of it. */
  cut(prng: Prng, inOrder: boolean): Cut {
    this.read()
    const unsynced = this.unsynced
    const share = inOrder ? 0 : ([0, 50, 100, prng.below(100)][prng.below(4)] ?? 0)
    this.linkAll()
    let lost = this.cutFiles(prng, inOrder, share)
    const kept = (changes: number) => (prng.below(100) < share ? changes : prng.below(changes + 1))
    const left = this.names.cut(kept)
    lost += left.lost
    for (const [path, inode] of left.names) {
      rmSync(path, { force: true })
      if (inode !== undefined) linkSync(this.keptAs(inode), path)
    }
    const { dir } = this.options
    for (const name of readdirSync(dir).filter((other) => other.endsWith("-shm"))) {
      rmSync(join(dir, name))
    }
    this.end()
    return { unsynced, lost, writes: inOrder ? "in order" : "torn" }
  }

  /** Nothing more is kept. */
  end(): void {
    clearInterval(this.timer)
    this.reader.close()
    rmSync(this.keep, { recursive: true, force: true })
    const { record } = this.options
    const own = new RegExp(`^${RegExp.escape(basename(record))}\\.\\d+$`)
    mkdirSync(dirname(record), { recursive: true })
    for (const name of readdirSync(dirname(record)).filter((one) => own.test(one))) {
      rmSync(join(dirname(record), name))
    }
  }

  private get unsynced(): number {
    return this.names.count + [...this.files.values()].reduce((sum, { count }) => sum + count, 0)
  }

  private read(): void {
    for (const event of this.reader.read()) this.apply(event)
    const first = [...this.files.values()].reduce(
      (min, file) => Math.min(min, file.firstFile),
      Infinity,
    )
    this.reader.forgetBelow(first)
  }

  private apply(event: RecordEvent): void {
    const { kind, path, inode, position, data } = event
    switch (kind) {
      case recordKinds.before:
        return this.file(inode).about({ at: position, data })
      case recordKinds.written:
        return this.came(inode, { _tag: "written", at: position, bytes: data.bytes }, data)
      case recordKinds.truncated:
        return this.came(inode, { _tag: "truncated", size: position }, data)
      case recordKinds.opened:
        this.names.opened(path, inode)
        // By the opening itself.
        this.file(inode).came({ _tag: "truncated", size: position }, data)
        return
      case recordKinds.renamed:
        return this.names.renamed(path, this.reader.dataOf(data).toString("utf8"))
      case recordKinds.unlinked:
        return this.names.unlinked(path)
      case recordKinds.directory:
        return this.names.folder(path, inode)
      case recordKinds.synced:
        return this.files.get(inode)?.synced()
      case recordKinds.directorySynced:
        return this.forget(this.names.synced(inode))
      default:
        return
    }
  }

  private came(
    inode: number,
    change: Parameters<PendingChanges["came"]>[0],
    data: RecordEvent["data"],
  ): void {
    if (!this.file(inode).came(change, data)) {
      throw new Error(`the record of ${this.options.dir} misses what a change took away`)
    }
  }

  private file(inode: number): PendingChanges {
    const file = this.files.get(inode) ?? new PendingChanges()
    this.files.set(inode, file)
    return file
  }

  /** Inodes that no name of the disk leads to any more. */
  private forget(inodes: ReadonlyArray<number>): void {
    for (const inode of inodes) {
      this.files.delete(inode)
      rmSync(this.keptAs(inode), { force: true })
    }
  }

  private cutFiles(prng: Prng, inOrder: boolean, share: number): number {
    let lost = 0
    for (const [inode, file] of this.files) {
      if (file.count === 0) continue
      lost += file.cut(this.keptAs(inode), this.reader, (pending) =>
        inOrder ? firstFew(pending, prng) : anySectors(pending, prng, share),
      )
    }
    return lost
  }

  /** Whatever is concerned can be reached by its number. */
  private linkAll(): void {
    for (const [path, inode] of this.names.present) {
      const changed = (this.files.get(inode)?.count ?? 0) > 0 || this.names.concerns(inode)
      if (changed && !isThere(this.keptAs(inode))) linkSync(path, this.keptAs(inode))
    }
  }

  private keptAs(inode: number): string {
    return join(this.keep, String(inode))
  }
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined

function namesIn(dir: string): ReadonlyMap<string, number> {
  const paths = readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(dir, name))
  return new Map(paths.map((path) => [path, statSync(path).ino]))
}
