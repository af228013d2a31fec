/**
 * What a chaos run and a broker under it say to each other about the broker's disk and clock: files
 * in a folder of their own, beside the broker's. The broker looks when it commits or asks for the
 * time; a file that is not there means that all is well.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { faketimeText } from "./faketime.ts"

/** What the storage does from now on. */
export type StorageTrouble =
  /**
   * One commit, the n-th from now, fails as SQLite says it when an fsync does. `written`: its
   * transaction is on the disk all the same.
   */
  | { readonly _tag: "fsyncError"; readonly afterCommits: number; readonly written: boolean }
  /** The next commit finds the disk full. */
  | { readonly _tag: "full" }
  /** No transaction reaches SQLite. */
  | { readonly _tag: "held" }
  /** Each waits at least `ms`, evenly spread up to twice that. */
  | { readonly _tag: "slow"; readonly ms: number }
  /** So much the file system says is free. */
  | { readonly _tag: "space"; readonly freeBytes: number }

/** The wall clock: `offsetMs` ahead, and `rate` seconds pass in one. */
export interface ClockTrouble {
  readonly offsetMs: number
  readonly rate: number
  /** Of the true clock, ms since 1970: from when on the rate counts. */
  readonly sinceMs: number
  /** Right for so long, then wrong for as long; 0: wrong all the time. */
  readonly strobeMs: number
}

/** What the broker did of it; a line of JSON each. */
export interface Deed {
  readonly _tag: StorageTrouble["_tag"] | "clock"
  readonly ms: number
}

export class ControlFolder {
  readonly dir: string
  readonly storage: string
  readonly clock: string
  /** For libfaketime. */
  readonly faketime: string
  readonly deedsFile: string
  /** Of the power shim: what happened, and where the next fsync is told to fail. */
  readonly record: string
  readonly failFsync: string

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true })
    this.dir = dir
    this.storage = join(dir, "storage.json")
    this.clock = join(dir, "clock.json")
    this.faketime = join(dir, "faketime")
    this.deedsFile = join(dir, "deeds")
    this.record = join(dir, "record")
    this.failFsync = join(dir, "fail-fsync")
  }

  troubleStorage(trouble: StorageTrouble): void {
    writeWhole(this.storage, JSON.stringify(trouble))
  }

  troubleClock(trouble: ClockTrouble): void {
    writeWhole(this.clock, JSON.stringify(trouble))
  }

  /** All is well again; deeds stay until `deeds` was asked. */
  calm(): void {
    for (const path of [this.storage, this.clock, this.failFsync]) rmSync(path, { force: true })
    if (existsSync(this.faketime)) writeWhole(this.faketime, faketimeText(0, 1))
  }

  /** Whether a commit was failed since the deeds were asked for. */
  failed(): boolean {
    return this.deeds().some(({ _tag }) => _tag === "fsyncError" || _tag === "full")
  }

  /** Since this was asked last. */
  deeds(): ReadonlyArray<Deed> {
    if (!existsSync(this.deedsFile)) return []
    const lines = readFileSync(this.deedsFile, "utf8").split("\n").slice(0, -1)
    rmSync(this.deedsFile)
    return lines.map(parseDeed)
  }
}

/** Nobody reads half of it. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text)
  renameSync(`${path}.new`, path)
}

function parseDeed(line: string): Deed {
  // Written by our own preload.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(line) as Deed
}
