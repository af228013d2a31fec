/**
 * The names in a folder, and which of their changes no fsync of the folder has covered: since the
 * last one the first few of them are there after a power cut.
 */
import { dirname } from "node:path"

interface NameChange {
  readonly path: string
  /** Inodes; undefined: no such name. */
  readonly before: number | undefined
  readonly after: number | undefined
}

/** Of every name that has changed: its inode, or undefined when it is not there. */
export interface NamesLeft {
  readonly names: ReadonlyMap<string, number | undefined>
  /** Changes that are not there. */
  readonly lost: number
}

export class PendingNames {
  /** As a reader of the folder sees them. */
  private readonly now: Map<string, number>
  private readonly folders = new Map<number, string>()
  /** By folder; changes that are there together stand together. */
  private readonly pending = new Map<string, Array<ReadonlyArray<NameChange>>>()

  constructor(present: ReadonlyMap<string, number>) {
    this.now = new Map(present)
  }

  get present(): ReadonlyMap<string, number> {
    return this.now
  }

  get count(): number {
    return [...this.pending.values()].reduce((sum, changes) => sum + changes.length, 0)
  }

  concerns(inode: number): boolean {
    return [...this.pending.values()].some((changes) =>
      changes.flat().some(({ before, after }) => before === inode || after === inode),
    )
  }

  folder(path: string, inode: number): void {
    this.folders.set(inode, path.replace(/\/$/, ""))
  }

  opened(path: string, inode: number): void {
    const before = this.now.get(path)
    if (before !== inode) this.change([{ path, before, after: inode }])
  }

  renamed(from: string, to: string): void {
    const inode = this.now.get(from)
    this.change([
      { path: from, before: inode, after: undefined },
      { path: to, before: this.now.get(to), after: inode },
    ])
  }

  unlinked(path: string): void {
    this.change([{ path, before: this.now.get(path), after: undefined }])
  }

  /** The folder was fsynced; the inodes that are gone for good with that. */
  synced(folder: number): ReadonlyArray<number> {
    const dir = this.folders.get(folder)
    const changes = this.pending.get(dir ?? "")?.flat() ?? []
    this.pending.delete(dir ?? "")
    const present = new Set(this.now.values())
    return changes.flatMap(({ before }) =>
      before === undefined || present.has(before) || this.concerns(before) ? [] : [before],
    )
  }

  /** `kept`: of so many changes of a folder, how many are there. */
  cut(kept: (changes: number) => number): NamesLeft {
    const names = new Map<string, number | undefined>()
    let lost = 0
    for (const changes of this.pending.values()) {
      for (const { path, before } of changes.toReversed().flatMap((one) => one.toReversed())) {
        names.set(path, before)
      }
      const count = kept(changes.length)
      lost += changes.length - count
      for (const { path, after } of changes.slice(0, count).flat()) names.set(path, after)
    }
    return { names, lost }
  }

  private change(change: ReadonlyArray<NameChange>): void {
    for (const { path, after } of change) {
      if (after === undefined) this.now.delete(path)
      else this.now.set(path, after)
    }
    const dir = dirname(change[0]?.path ?? "")
    this.pending.set(dir, [...(this.pending.get(dir) ?? []), change])
  }
}
