/**
 * The storage's trouble, inside the broker: what the patched places call (edits.ts). Commits come
 * from the storage worker's thread, which may stand still; the question for free space from the
 * main one.
 */
import type { ControlFolder, StorageTrouble } from "../control-folder.ts"
import { CommandFile, noteDeed } from "./command-file.ts"

/** What the thread sleeps between two looks at the command. */
const sliceMs = 10

export class StorageInBroker {
  private readonly deeds: string
  private readonly file: CommandFile<StorageTrouble>
  private current: StorageTrouble | undefined
  /** Since the command came. */
  private commits = 0

  constructor(folder: ControlFolder) {
    this.deeds = folder.deedsFile
    this.file = new CommandFile(folder.storage)
  }

  /** Throws what SQLite would. */
  commit(really: () => void): void {
    const trouble = this.file.read()
    if (trouble !== this.current) this.commits = 0
    this.current = trouble
    switch (trouble?._tag) {
      case "fsyncError":
        if (this.commits++ < trouble.afterCommits) return really()
        this.did(trouble)
        if (trouble.written) really()
        throw sqliteError("disk I/O error", "SQLITE_IOERR_FSYNC", 1034)
      case "full":
        this.did(trouble)
        throw sqliteError("database or disk is full", "SQLITE_FULL", 13)
      case "held":
      case "slow":
        this.did(trouble, this.wait(trouble))
        return really()
      default:
        return really()
    }
  }

  freeBytes(truth: number): number {
    const trouble = this.file.read()
    if (trouble?._tag !== "space") return truth
    this.did(trouble)
    return Math.min(truth, trouble.freeBytes)
  }

  /** How long it was. Ends with the command. */
  private wait(trouble: StorageTrouble): number {
    const beganMs = performance.now()
    const ms = trouble._tag === "slow" ? trouble.ms * (1 + Math.random()) : Infinity
    while (performance.now() - beganMs < ms && this.file.read() === trouble) {
      Bun.sleepSync(Math.min(sliceMs, ms))
    }
    return Math.round(performance.now() - beganMs)
  }

  private did({ _tag }: StorageTrouble, ms = 0): void {
    noteDeed(this.deeds, { _tag, ms })
  }
}

const sqliteError = (message: string, code: string, errno: number): Error =>
  Object.assign(new Error(message), { code, errno })
