/**
 * The file `sentinel`: what the log was when it was last durable, kept outside SQLite's files, so
 * that a log which lost its end can be told from one that never had it (VERIFICATION D2).
 *
 * Two slots of equal size. Each holds an image of all groups and behind it the changes since then;
 * when a slot is full, an image of the next generation goes into the other one. So there is always
 * one slot with everything that was fsynced, whatever the write under way leaves of the other.
 * A file whose slots have become too small is written anew and renamed into place.
 *
 * Everything is there twice, far apart (slot 0, slot 1, and the same again): one damaged place
 * costs nothing, and a vote that cannot be read is the exception it has to be.
 */
import { closeSync, existsSync, fdatasyncSync, fsyncSync, openSync, readFileSync } from "node:fs"
import { renameSync, writeSync } from "node:fs"
import { dirname } from "node:path"
import { schemaVersion } from "./schema.ts"
import { syncDirectory } from "./segment-writer.ts"
import { decodeRecord, encodeRecord, sectorBytes } from "./sentinel-record.ts"
import type { Cell, GroupSentinel, SentinelRecord } from "./sentinel-record.ts"
import type { GroupId } from "./wal.ts"

export interface SentinelContents {
  /** Schema version of the files that it was written with. */
  readonly format: number
  readonly groups: ReadonlyMap<GroupId, GroupSentinel>
  /** What the files looked like after an orderly close; undefined while the log is in use. */
  readonly closed: string | undefined
  /** A journal that had lost acknowledged transactions was opened, and not yet judged. */
  readonly suspect: boolean
  /** Earlier contents were lost: groups that are not here may have had votes (Wal.forgetful). */
  readonly forgetful: boolean
}

export type SentinelFound =
  | { readonly _tag: "absent" }
  /** Something that had been fsynced cannot be read: nothing of it can be relied on. */
  | { readonly _tag: "damaged" }
  | {
      readonly _tag: "readable"
      readonly contents: SentinelContents
      /** Records of which one copy was damaged and the other was read. */
      readonly mended: number
    }

export function readSentinel(path: string): SentinelFound {
  if (!existsSync(path)) return { _tag: "absent" }
  const found = recordsOf(new Uint8Array(readFileSync(path)))
  const newest = Math.max(...found.map(({ generation }) => generation))
  const records = new Map<number, SentinelRecord>()
  const copies = new Map<number, number>()
  for (const record of found) {
    if (record.generation !== newest) continue
    records.set(record.ordinal, record)
    copies.set(record.ordinal, (copies.get(record.ordinal) ?? 0) + 1)
  }
  const last = Math.max(...records.keys())
  // A gap is something that was fsynced, since what came after it was written.
  if (records.size !== last + 1) return { _tag: "damaged" }
  const mended = [...copies].filter(([ordinal, count]) => ordinal < last && count < 2).length
  return { _tag: "readable", contents: replay(records), mended }
}

/** Every copy of a record in the file, of all generations. */
function recordsOf(file: Uint8Array<ArrayBuffer>): ReadonlyArray<SentinelRecord> {
  const found: Array<SentinelRecord> = []
  let at = 0
  while (at < file.length) {
    const decoded = decodeRecord(file, at)
    if (decoded !== undefined) found.push(decoded.record)
    at = decoded?.end ?? at + sectorBytes
  }
  return found
}

function replay(records: ReadonlyMap<number, SentinelRecord>): SentinelContents {
  const groups = new Map<GroupId, GroupSentinel>()
  let last: SentinelRecord | undefined
  for (let ordinal = 0; ordinal < records.size; ordinal++) {
    last = records.get(ordinal)
    for (const cell of last?.cells ?? []) applyCell(groups, cell)
  }
  const closed = last?.closed === true ? last.text : undefined
  const { format = 0, suspect = false, forgetful = false } = last ?? {}
  return { format, groups, closed, suspect, forgetful }
}

function applyCell(groups: Map<GroupId, GroupSentinel>, cell: Cell): void {
  if (cell._tag === "removed") groups.delete(cell.group)
  else if (cell._tag === "whole") groups.set(cell.group, cell.sentinel)
  else {
    const known = groups.get(cell.group)
    if (known === undefined) throw new Error(`the sentinel lacks group ${cell.group}`)
    const { height, chain, commitIndex } = cell
    groups.set(cell.group, { ...known, height, chain, commitIndex })
  }
}

/** What a record says besides its cells. */
export interface Marks {
  readonly closed?: string
  readonly suspect?: boolean
  readonly forgetful?: boolean
}

const slotBytesMin = 65_536
/** An image may fill this share of a slot: the rest is for changes. */
const imageShare = 0.25

/** The only writer of the file. Whatever is written is durable when the call returns. */
export class SentinelFile {
  private readonly path: string
  private file = -1
  private slotBytes = 0
  private slot = 0
  private position = 0
  private generation = 0
  private ordinal = 0
  /** What a benchmark divides by. */
  bytesWritten = 0

  /** Replaces the file, if there is one, by one that holds these groups; all or nothing. */
  constructor(path: string, groups: ReadonlyMap<GroupId, GroupSentinel>, marks: Marks = {}) {
    this.path = path
    this.rebuild(groups, marks)
  }

  /** Adds the changes; `groups` is for an image of all, should the slot be full. */
  write(
    cells: ReadonlyArray<Cell>,
    groups: ReadonlyMap<GroupId, GroupSentinel>,
    marks: Marks = {},
  ) {
    const bytes = this.encode(cells, marks)
    if (this.position + bytes.length <= (this.slot + 1) * this.slotBytes) this.put(bytes)
    else this.nextGeneration(groups, marks)
  }

  close(): void {
    closeSync(this.file)
  }

  private nextGeneration(groups: ReadonlyMap<GroupId, GroupSentinel>, marks: Marks): void {
    this.generation += 1
    this.ordinal = 0
    const image = this.encode(wholeCells(groups), marks)
    if (image.length > this.slotBytes * imageShare) {
      closeSync(this.file)
      this.rebuild(groups, marks)
      return
    }
    this.slot = 1 - this.slot
    this.position = this.slot * this.slotBytes
    this.put(image)
  }

  private rebuild(groups: ReadonlyMap<GroupId, GroupSentinel>, marks: Marks): void {
    const aside = `${this.path}.new`
    this.generation += 1
    this.ordinal = 0
    const image = this.encode(wholeCells(groups), marks)
    const wanted = Math.max(slotBytesMin, image.length / imageShare)
    this.slotBytes = Math.ceil(wanted / sectorBytes) * sectorBytes
    this.file = openSync(aside, "w+")
    // Zeros are written, not skipped: a later write then needs no block of its own, and fdatasync
    // has only data to wait for.
    writeSync(this.file, new Uint8Array(this.slotBytes * 4), 0, this.slotBytes * 4, 0)
    this.slot = 0
    this.position = 0
    this.put(image)
    fsyncSync(this.file)
    renameSync(aside, this.path)
    syncDirectory(dirname(this.path))
  }

  private encode(cells: ReadonlyArray<Cell>, marks: Marks): Uint8Array<ArrayBuffer> {
    const { closed, suspect = false, forgetful = false } = marks
    return encodeRecord({
      generation: this.generation,
      ordinal: this.ordinal,
      format: schemaVersion,
      closed: closed !== undefined,
      suspect,
      forgetful,
      cells,
      text: closed ?? "",
    })
  }

  private put(bytes: Uint8Array): void {
    this.writeAt(bytes, this.position)
    this.writeAt(bytes, this.position + this.slotBytes * 2)
    if (process.platform === "linux") fdatasyncSync(this.file)
    else fsyncSync(this.file)
    this.position += bytes.length
    this.ordinal += 1
    this.bytesWritten += bytes.length * 2
  }

  private writeAt(bytes: Uint8Array, position: number): void {
    let done = 0
    while (done < bytes.length) {
      done += writeSync(this.file, bytes, done, bytes.length - done, position + done)
    }
  }
}

function wholeCells(groups: ReadonlyMap<GroupId, GroupSentinel>): ReadonlyArray<Cell> {
  return [...groups].map(([group, sentinel]) => ({ _tag: "whole", group, sentinel }))
}
