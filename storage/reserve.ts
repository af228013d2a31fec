/**
 * Room on the disk. A full disk must be noticed before SQLite meets it: a commit that fails stops
 * the broker (D5), while a produce that is refused comes again. Below `bytes` of free space the log
 * says "low"; below half of it a file that was laid by is given up, so that votes and metadata can
 * still be written whoever else fills the disk. When there is room again it is laid by again.
 */
import { rmSync, statSync } from "node:fs"
import { open, statfs } from "node:fs/promises"
import { join } from "node:path"

export interface ReserveOptions {
  readonly dir: string
  /** Of the ballast, and of free space besides it below which space is "low". 0 = off. */
  readonly bytes: number
  readonly log: (line: string) => void
  /** Bytes that anybody may still write. The default asks the file system. */
  readonly freeBytes?: (dir: string) => Promise<number>
}

/** While writing; while space is low it is looked at as often without a write. */
const intervalMs = 250
/** Bytes on disk per payload byte, journal included (DESIGN.md, "Figures"), rounded up. */
const writtenPerByte = 3
const pieceBytes = 1_048_576

export const ballastFile = "reserve"

export class Reserve {
  space: "ample" | "low" = "ample"
  private readonly options: ReserveOptions
  private readonly path: string
  private readonly freeBytes: (dir: string) => Promise<number>
  /** Free space when it was last asked for, less what was written since then. */
  private estimate = Infinity
  private askedMs = -Infinity
  private asking: Promise<void> | undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private closed = false

  constructor(options: ReserveOptions) {
    this.options = options
    this.path = join(options.dir, ballastFile)
    this.freeBytes = options.freeBytes ?? freeOf
  }

  /** Looks at the disk and lays the ballast by, in the background; resolves when that is done. */
  async begin(): Promise<void> {
    if (this.options.bytes === 0) return
    this.ask()
    await this.asking
  }

  /** Payload bytes went to disk. */
  wrote(bytes: number): void {
    if (this.options.bytes === 0 || this.closed) return
    this.estimate -= bytes * writtenPerByte
    const gone = this.estimate < this.options.bytes
    if (gone || performance.now() - this.askedMs >= intervalMs) this.ask()
    // It is not known yet: better refuse for some milliseconds.
    if (gone) this.becomeLow(this.estimate)
  }

  async close(): Promise<void> {
    this.closed = true
    clearTimeout(this.timer)
    await this.asking
  }

  private ask(): void {
    if (this.closed) return
    this.asking ??= this.look()
      // Nobody knows how much is free: as before.
      .catch((error: unknown) => this.options.log(`the disk's free space: ${String(error)}`))
      .finally(() => (this.asking = undefined))
  }

  private async look(): Promise<void> {
    this.askedMs = performance.now()
    const free = await this.freeBytes(this.options.dir)
    const { bytes, log } = this.options
    this.estimate = free
    if (free < bytes) this.becomeLow(free)
    if (free < bytes / 2 && this.ballastBytes() > 0) {
      rmSync(this.path, { force: true })
      log(`the disk is nearly full (${free} bytes free): the reserve of ${bytes} bytes is given up`)
    }
    // With room for the ballast, and as much again before space is low the next time.
    const wanted = 2 * bytes + (bytes - this.ballastBytes())
    if (free >= wanted) {
      if (this.space === "low") log(`the disk has room again (${free} bytes free)`)
      this.space = "ample"
      await this.layBy()
    }
    if (this.space === "low" && !this.closed) this.lookAgain()
  }

  private becomeLow(free: number): void {
    if (this.space === "low") return
    this.space = "low"
    const bytes = Math.max(0, Math.round(free))
    this.options.log(`the disk is nearly full (${bytes} bytes free): no records are taken on`)
    this.lookAgain()
  }

  private lookAgain(): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.ask(), intervalMs)
  }

  private ballastBytes(): number {
    return statSync(this.path, { throwIfNoEntry: false })?.size ?? 0
  }

  /** Zeros that are written: a hole would reserve nothing. */
  private async layBy(): Promise<void> {
    const present = this.ballastBytes()
    if (present >= this.options.bytes) return
    const file = await open(this.path, "a")
    try {
      const piece = new Uint8Array(pieceBytes)
      let left = this.options.bytes - present
      while (left > 0 && !this.closed) {
        const { bytesWritten } = await file.write(piece, 0, Math.min(left, pieceBytes))
        left -= bytesWritten
      }
      // Some file systems find the room only when they must.
      await file.datasync()
    } catch (error) {
      this.options.log(`the reserve could not be laid by: ${String(error)}`)
    } finally {
      await file.close()
    }
  }
}

async function freeOf(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}
