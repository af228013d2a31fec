/**
 * A folder as a disk has it: what was fsynced is there, of what was not any part may be. Fed with
 * the record of the shim (power.c); a power cut can be played after each of its events.
 *
 * Data: since the last fsync of a file every sector of 512 bytes is in one of the versions it had.
 * Names: since the last fsync of a folder the first few of its changes are there.
 */
import { readFileSync } from "node:fs"
import { dirname } from "node:path"
import type { Prng } from "../../../../raft/prng.ts"
import { anySectors, firstFew, type Span } from "./choice.ts"

export type DiskEvent =
  | {
      readonly _tag: "opened"
      readonly path: string
      readonly inode: number
      readonly size: number
    }
  | { readonly _tag: "directory"; readonly path: string; readonly inode: number }
  | { readonly _tag: "written"; readonly inode: number; readonly at: number; readonly data: Buffer }
  | { readonly _tag: "truncated"; readonly inode: number; readonly size: number }
  | { readonly _tag: "renamed"; readonly from: string; readonly to: string }
  | { readonly _tag: "unlinked"; readonly path: string }
  | { readonly _tag: "synced"; readonly inode: number }
  | { readonly _tag: "mark"; readonly node: number; readonly number: number }

const headBytes = 32

/** A record whose end was cut by a kill is left out. */
export function readRecord(path: string): ReadonlyArray<DiskEvent> {
  const bytes = readFileSync(path)
  const events: Array<DiskEvent> = []
  let at = 0
  while (at + headBytes <= bytes.length) {
    const kind = bytes.readUInt32LE(at)
    const pathEnd = at + headBytes + bytes.readUInt32LE(at + 4)
    const inode = Number(bytes.readBigUInt64LE(at + 8))
    const position = Number(bytes.readBigUInt64LE(at + 16))
    const end = pathEnd + Number(bytes.readBigUInt64LE(at + 24))
    if (end > bytes.length) break
    const name = bytes.toString("utf8", at + headBytes, pathEnd)
    events.push(eventOf(kind, name, inode, position, bytes.subarray(pathEnd, end)))
    at = end
  }
  return events
}

function eventOf(
  kind: number,
  path: string,
  inode: number,
  position: number,
  data: Buffer,
): DiskEvent {
  switch (kind) {
    case 1:
      return { _tag: "opened", path, inode, size: position }
    case 2:
      return { _tag: "written", inode, at: position, data }
    case 3:
      return { _tag: "truncated", inode, size: position }
    case 4:
      return { _tag: "renamed", from: path, to: data.toString() }
    case 5:
      return { _tag: "unlinked", path }
    case 6:
    case 7:
      return { _tag: "synced", inode }
    case 8:
      return { _tag: "mark", node: inode, number: position }
    case 9:
      return { _tag: "directory", path, inode }
    default:
      throw new Error(`an event of kind ${kind}`)
  }
}

type Change =
  | { readonly _tag: "written"; readonly at: number; readonly data: Buffer }
  | { readonly _tag: "truncated"; readonly size: number }

/** A growing array of bytes. What it was made from stays as it is. */
class Contents {
  size: number
  private bytes: Buffer
  private isOwn = false

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.size = bytes.length
    this.bytes = bytes
  }

  /** Not to be changed. The very buffer it was made from, if nothing was written since. */
  view(): Buffer {
    this.isOwn = false
    return this.size === this.bytes.length ? this.bytes : this.bytes.subarray(0, this.size)
  }

  apply(change: Change, part?: Span): void {
    if (!this.isOwn) this.bytes = Buffer.from(this.bytes)
    this.isOwn = true
    if (change._tag === "truncated") return this.resize(change.size)
    const { at, data } = change
    const { from, to } = part ?? { from: at, to: at + data.length }
    if (to > this.size) this.resize(to)
    data.copy(this.bytes, from, from - at, to - at)
  }

  private resize(size: number): void {
    if (size > this.bytes.length) {
      const grown = Buffer.alloc(Math.max(size, this.bytes.length * 2))
      this.bytes.copy(grown, 0, 0, this.size)
      this.bytes = grown
    } else if (size > this.size) this.bytes.fill(0, this.size, size)
    this.size = size
  }
}

class Inode {
  readonly durable: Contents
  /** As a reader sees it now. */
  size: number
  pending: Array<Change> = []

  constructor(durable?: Buffer) {
    this.durable = new Contents(durable)
    this.size = this.durable.size
  }

  change(change: Change): void {
    this.pending.push(change)
    this.size =
      change._tag === "truncated"
        ? change.size
        : Math.max(this.size, change.at + change.data.length)
  }

  sync(): void {
    for (const change of this.pending) this.durable.apply(change)
    this.pending = []
  }

  /** What a cut leaves of it when writes reach the disk in their order: the first few. */
  prefix(prng: Prng): Buffer {
    return this.with(firstFew(this.changes(), prng))
  }

  /** What a cut leaves of it. `share`: percent of what is not fsynced that is there. */
  left(prng: Prng, share: number): Buffer {
    return this.with(anySectors(this.changes(), prng, share))
  }

  private changes() {
    return this.pending.map((change) =>
      change._tag === "written" ? { ...change, bytes: change.data.length } : change,
    )
  }

  private with(spans: ReadonlyArray<Span>): Buffer {
    const contents = new Contents(this.durable.view())
    for (const span of spans) {
      const change = this.pending[span.change]
      if (change !== undefined) contents.apply(change, span)
    }
    return contents.view()
  }
}

interface NameChange {
  readonly path: string
  readonly inode: Inode | undefined
}

export class DiskImage {
  private readonly inodes = new Map<number, Inode>()
  private readonly directories = new Map<number, string>()
  private readonly names = new Map<string, Inode>()
  private readonly durableNames = new Map<string, Inode>()
  /** By folder; a rename is two changes that are there together. */
  private readonly pendingNames = new Map<string, Array<ReadonlyArray<NameChange>>>()

  /** A file that is there and durable before the record begins. */
  present(path: string, inode: number, bytes: Buffer): void {
    const file = new Inode(bytes)
    this.inodes.set(inode, file)
    this.names.set(path, file)
    this.durableNames.set(path, file)
  }

  /** Changes of files and of names that no fsync has covered yet. */
  get pending(): number {
    const names = [...this.pendingNames.values()].reduce((sum, list) => sum + list.length, 0)
    return [...this.names.values()].reduce((sum, { pending }) => sum + pending.length, names)
  }

  apply(event: DiskEvent): void {
    switch (event._tag) {
      case "opened":
        return this.opened(event.path, event.inode, event.size)
      case "directory":
        this.directories.set(event.inode, event.path.replace(/\/$/, ""))
        return
      case "written":
      case "truncated":
        return this.inodes.get(event.inode)?.change(event)
      case "renamed": {
        const inode = this.names.get(event.from)
        return this.named([
          { path: event.from, inode: undefined },
          { path: event.to, inode },
        ])
      }
      case "unlinked":
        return this.named([{ path: event.path, inode: undefined }])
      case "synced":
        return this.synced(event.inode)
      case "mark":
        return
      default:
        return event satisfies never
    }
  }

  /**
   * The files that a cut at this moment leaves, by path. `share`: percent of what is not fsynced
   * that is there; with 100 it is what a kill of the process leaves. Drawn when it is not given.
   */
  cut(prng: Prng, given?: number): ReadonlyMap<string, Buffer> {
    const share = given ?? [0, 50, 100, prng.below(100)][prng.below(4)] ?? 0
    const names = this.namesLeft(prng, share)
    return new Map([...names].map(([path, inode]) => [path, inode.left(prng, share)]))
  }

  /** The same on a disk that does not reorder the writes of one file. */
  cutInOrder(prng: Prng): ReadonlyMap<string, Buffer> {
    const names = this.namesLeft(prng, 0)
    return new Map([...names].map(([path, inode]) => [path, inode.prefix(prng)]))
  }

  private namesLeft(prng: Prng, share: number): ReadonlyMap<string, Inode> {
    const names = new Map(this.durableNames)
    for (const changes of this.pendingNames.values()) {
      const kept = prng.below(100) < share ? changes.length : prng.below(changes.length + 1)
      for (const change of changes.slice(0, kept)) rename(names, change)
    }
    return names
  }

  private opened(path: string, number: number, size: number): void {
    let inode = this.inodes.get(number)
    if (inode === undefined || this.names.get(path) !== inode) {
      inode = new Inode()
      this.inodes.set(number, inode)
      this.named([{ path, inode }])
    }
    if (size < inode.size) inode.change({ _tag: "truncated", size })
  }

  private named(change: ReadonlyArray<NameChange>): void {
    rename(this.names, change)
    const dir = dirname(change[0]?.path ?? "")
    this.pendingNames.set(dir, [...(this.pendingNames.get(dir) ?? []), change])
  }

  private synced(number: number): void {
    const dir = this.directories.get(number)
    if (dir === undefined) return this.inodes.get(number)?.sync()
    for (const change of this.pendingNames.get(dir) ?? []) rename(this.durableNames, change)
    this.pendingNames.delete(dir)
  }
}

function rename(names: Map<string, Inode>, change: ReadonlyArray<NameChange>): void {
  for (const { path, inode } of change) {
    if (inode === undefined) names.delete(path)
    else names.set(path, inode)
  }
}
