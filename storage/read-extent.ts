/**
 * A group's run of entries in one row, as it was read from its file. The hash chain is verified
 * along all of it; an entry becomes an object only when it is asked for, because a look-up wants
 * one of thousands.
 */
import type { EntryType, LogIndex } from "../raft/types.ts"
import { chainLink } from "./checksum.ts"
import type { Directory } from "./directory.ts"
import { guarded, type Located } from "./row-source.ts"
import { CorruptEntry } from "./wal.ts"
import type { EntryMeta, GroupId } from "./wal.ts"

/** What an entry can be found by. */
export interface Findable {
  readonly type: EntryType
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly payloadBytes: number
}

export class ReadExtent {
  private readonly group: GroupId
  private readonly firstIndex: LogIndex
  private readonly directory: Directory
  private readonly slots: ReadonlyArray<number>
  private before = Number.NaN
  private end = Number.NaN

  /** Throws `CorruptEntry` for an entry that is missing. */
  constructor(group: GroupId, firstIndex: LogIndex, { directory, slots }: Located) {
    this.group = group
    this.firstIndex = firstIndex
    this.directory = directory
    this.slots = slots
    const missing = slots.indexOf(-1)
    if (missing >= 0) {
      throw new CorruptEntry(group, firstIndex + missing, "missing in its directory")
    }
  }

  /**
   * Throws `CorruptEntry` unless the chain leads from the link before the extent (NaN: not known)
   * to its end.
   */
  verify(before: number, end: number): void {
    const { directory } = this
    let chain = before
    let index = this.firstIndex
    for (const slot of this.slots) {
      const stored = directory.chain(slot)
      chain = Number.isNaN(chain)
        ? stored
        : chainLink(chain, directory.entryCrc(slot), directory.index(slot), directory.term(slot))
      if (stored !== chain) throw new CorruptEntry(this.group, index, "hash chain is broken")
      index += 1
    }
    if (chain !== end) {
      const why = "hash chain does not lead to the known end"
      throw new CorruptEntry(this.group, this.firstIndex, why)
    }
    this.before = before
    this.end = end
  }

  /** These entries, verified between these links. */
  isOf(firstIndex: LogIndex, count: number, before: number, end: number): boolean {
    const isSame = firstIndex === this.firstIndex && count === this.slots.length
    return isSame && before === this.before && end === this.end
  }

  /** Chain link of an entry of the extent. */
  chain(index: LogIndex): number {
    return this.directory.chain(this.slot(index))
  }

  /** Byte place of the entry's payload in the row's. */
  position(index: LogIndex): number {
    return this.directory.position(this.slot(index))
  }

  meta(index: LogIndex): EntryMeta {
    return guarded(this.group, index, () => this.directory.meta(this.slot(index)))
  }

  /** Of the extent's entries in [lo, hi). */
  metas(lo: LogIndex, hi: LogIndex): Array<EntryMeta> {
    const end = Math.min(hi, this.firstIndex + this.slots.length)
    return Array.from({ length: Math.max(0, end - lo) }, (_, n) => this.meta(lo + n))
  }

  get payloadBytes(): number {
    return this.slots.reduce((sum, slot) => sum + this.directory.bytesOf(slot), 0)
  }

  /** The first entry at or above `lo` that matches. */
  find(lo: LogIndex, matches: (entry: Findable) => boolean): LogIndex | undefined {
    const at = new Place(this.directory)
    for (let n = lo - this.firstIndex; n < this.slots.length; n++) {
      at.slot = this.slots[n] ?? -1
      const index = this.firstIndex + n
      if (guarded(this.group, index, () => matches(at))) return index
    }
    return undefined
  }

  private slot(index: LogIndex): number {
    const slot = this.slots[index - this.firstIndex]
    if (slot === undefined) throw new CorruptEntry(this.group, index, "missing in its extent")
    return slot
  }
}

/** Looks like the entry in its slot, whichever that is now. */
class Place implements Findable {
  slot = 0
  private readonly directory: Directory

  constructor(directory: Directory) {
    this.directory = directory
  }

  get type(): EntryType {
    return this.directory.type(this.slot)
  }
  get lastOffset(): number {
    return this.directory.lastOffset(this.slot)
  }
  get maxTimestamp(): number {
    return this.directory.maxTimestamp(this.slot)
  }
  get payloadBytes(): number {
    return this.directory.bytesOf(this.slot)
  }
}
