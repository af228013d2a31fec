/**
 * The folder of one broker that runs under the shim, with what a power cut would leave of it. The
 * image is in memory: a folder of some hundred megabytes takes as much of it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs"
import { writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Prng } from "../../../../raft/prng.ts"
import { DiskImage, readRecord } from "./image.ts"

export const powerPreload = join(import.meta.dir, "preload.ts")

/** What a cut left of a disk. */
export interface Cut {
  /** Changes that no fsync had covered. */
  readonly unsynced: number
  /** Of the files: how many are not what a kill alone would have left. */
  readonly changedFiles: number
  /** "in order": of each file the first few; else any sectors. */
  readonly writes: "in order" | "torn"
}

export interface PowerDiskOptions {
  /** The broker's folder; its subfolders are not part of the disk. */
  readonly dir: string
  /** Where the shim writes down what happens. */
  readonly record: string
  /** While this file is there, the next fsync fails with EIO, and the file is gone. */
  readonly failFsync?: string
  /** Of the shim. */
  readonly library: string
  /** What every fsync takes longer: without it hardly a cut comes between a write and its fsync. */
  readonly slowUs: number
}

/**
 * Not part of a disk image: what a process leaves for people, and what is there only to take room.
 */
const isOutside = (name: string) =>
  name.endsWith("-shm") || /^(broker\.(log(\.1)?|pid)|output\.log|lock\.pid|reserve)$/.test(name)

export class PowerDisk {
  private readonly options: PowerDiskOptions
  /** As they were when it was started. */
  private files: ReadonlyMap<string, Buffer> = new Map()
  /** What the last cut left; undefined: whatever there is now. */
  private left: ReadonlyMap<string, Buffer> | undefined
  private image = new DiskImage()

  constructor(options: PowerDiskOptions) {
    this.options = options
  }

  /** Before every start of the broker: the environment that it needs, beside `powerPreload`. */
  begin(): Readonly<Record<string, string>> {
    const { dir, failFsync, library, record, slowUs } = this.options
    rmSync(record, { force: true })
    this.image = new DiskImage()
    this.files = this.left ?? filesIn(dir)
    this.left = undefined
    for (const [path, bytes] of this.files) this.image.present(path, statSync(path).ino, bytes)
    return {
      LD_PRELOAD: library,
      POWER_LIBRARY: library,
      POWER_DIR: dir,
      POWER_LOG: record,
      POWER_SLOW: String(slowUs),
      ...(failFsync === undefined ? {} : { POWER_FAIL: failFsync }),
    }
  }

  /** Once the process is gone: puts in the place of the folder what a cut may leave of it. */
  cut(prng: Prng, inOrder: boolean): Cut {
    const { dir, record } = this.options
    if (existsSync(record)) for (const event of readRecord(record)) this.image.apply(event)
    const unsynced = this.image.pending
    const left = inOrder ? this.image.cutInOrder(prng) : this.image.cut(prng)
    let changedFiles = 0
    for (const path of pathsIn(dir)) {
      const bytes = left.get(path)
      if (bytes !== undefined && bytes === this.files.get(path)) continue
      if (bytes === undefined || !bytes.equals(readFileSync(path))) changedFiles += 1
      rmSync(path)
    }
    for (const name of readdirSync(dir).filter((other) => other.endsWith("-shm"))) {
      rmSync(join(dir, name))
    }
    for (const [path, bytes] of left) {
      if (existsSync(path)) continue
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, bytes)
    }
    this.left = left
    return { unsynced, changedFiles, writes: inOrder ? "in order" : "torn" }
  }
}

function filesIn(dir: string): ReadonlyMap<string, Buffer> {
  return new Map(pathsIn(dir).map((path) => [path, readFileSync(path)]))
}

function pathsIn(dir: string): ReadonlyArray<string> {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !isOutside(entry.name))
    .map(({ name }) => join(dir, name))
}
