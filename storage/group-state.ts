/**
 * What is known of a group's log without reading it: extents, terms, places of configurations, the
 * facts of its last entry, and the tail that is still in memory. The same code follows a running
 * log and replays one on open.
 */
import type { Entry, EntryEnvelope, EntryType, HardState, LogIndex } from "../raft/types.ts"
import { emptyLogEnd, type LogEnd } from "./append-rules.ts"
import { chainNext, chainStart } from "./checksum.ts"
import { CorruptRow, type Directory } from "./directory.ts"
import { Extents } from "./extents.ts"
import { Tail } from "./tail.ts"
import { TermRuns } from "./term-runs.ts"
import { CorruptEntry, type EntryMeta, type GroupId } from "./wal.ts"

/** Entries of one group in one row. */
export interface Located {
  readonly directory: Directory
  /** By index; −1 where the directory has no such entry. */
  readonly slots: ReadonlyArray<number>
}

/** Reads rows that have left memory. Throws `CorruptRow`. */
export interface RowSource {
  locate(row: number, group: GroupId, lo: LogIndex, hi: LogIndex): Located
  payload(row: number, position: number, bytes: number): Uint8Array
}

/** A verified extent: its entries' chain holds from the entry before it to its last. */
export interface ReadExtent extends Located {
  readonly metas: ReadonlyArray<EntryMeta>
}

export class GroupState {
  readonly group: GroupId
  /** undefined until one was written. */
  storedHardState: HardState | undefined
  payloadBytes = 0
  lastAppendMs = 0
  readonly tail = new Tail()
  protected readonly extents = new Extents()
  protected readonly runs = new TermRuns()
  protected configurations: Array<LogIndex> = []
  protected source: RowSource

  constructor(group: GroupId, source: RowSource) {
    this.group = group
    this.source = source
  }

  get lastIndex(): LogIndex {
    const { length } = this.extents
    return length === 0 ? 0 : this.extents.lastIndex(length - 1)
  }

  get lastOffset(): number {
    const { length } = this.extents
    return length === 0 ? -1 : this.extents.lastOffset(length - 1)
  }

  /** Chain link of the last entry. */
  get chain(): number {
    return this.chainBefore(this.extents.length)
  }

  get isEmpty(): boolean {
    return this.extents.length === 0 && this.storedHardState === undefined
  }

  readFrom(source: RowSource): void {
    this.source = source
  }

  /** Takes the entry behind the last one; answers its chain link. */
  append(entry: EntryEnvelope, payloadBytes: number, row: number): number {
    const chain = chainNext(this.chain, entry)
    this.extents.append(entry, payloadBytes, row, chain)
    this.runs.append(entry.term, entry.index)
    if (entry.type === "configuration") this.configurations.push(entry.index)
    this.lastAppendMs = entry.appendMs
    this.payloadBytes += payloadBytes
    return chain
  }

  /** Removes every entry with an index ≥ `index`. */
  truncateFrom(index: LogIndex): void {
    if (index > this.lastIndex) return
    const { extents } = this
    while (extents.length > 0 && extents.firstIndex(extents.length - 1) >= index) {
      this.payloadBytes -= extents.bytes(extents.length - 1)
      extents.removeLast()
    }
    if (this.lastIndex >= index) this.trimLast(index)
    this.runs.truncateFrom(index)
    while ((this.configurations.at(-1) ?? 0) >= index) this.configurations.pop()
    this.tail.truncateFrom(index)
    this.lastAppendMs = this.lastIndex === 0 ? 0 : this.envelopeAt(this.lastIndex).appendMs
  }

  clear(): void {
    this.storedHardState = undefined
    this.payloadBytes = 0
    this.lastAppendMs = 0
    this.extents.clear()
    this.runs.truncateFrom(0)
    this.configurations = []
    this.tail.clear()
  }

  endBefore(index: LogIndex): LogEnd {
    if (index === 1) return emptyLogEnd
    if (index === this.lastIndex + 1) {
      return { index: index - 1, term: this.runs.lastTerm, lastOffset: this.lastOffset }
    }
    return this.envelopeAt(index - 1)
  }

  /** Entry or meta of an index in the log. */
  protected envelopeAt(index: LogIndex): EntryEnvelope {
    const held = this.tail.at(index)
    if (held !== undefined) return held
    const at = this.extents.find(index)
    const envelope = this.readExtent(at).metas[index - this.extents.firstIndex(at)]
    if (envelope === undefined) throw new CorruptEntry(this.group, index, "missing in its extent")
    return envelope
  }

  /** Reads an extent's directory and verifies its chain. */
  protected readExtent(at: number): ReadExtent {
    const { extents, group } = this
    const firstIndex = extents.firstIndex(at)
    const located = guarded(group, firstIndex, () =>
      this.source.locate(extents.row(at), group, firstIndex, extents.lastIndex(at) + 1),
    )
    let chain = this.chainBefore(at)
    const metas = located.slots.map((slot, place) => {
      if (slot < 0) throw new CorruptEntry(group, firstIndex + place, "missing in its directory")
      const meta = guarded(group, firstIndex + place, () => located.directory.meta(slot))
      chain = chainNext(chain, meta)
      if (located.directory.chain(slot) !== chain) {
        throw new CorruptEntry(group, firstIndex + place, "hash chain is broken")
      }
      return meta
    })
    if (chain !== extents.chain(at)) {
      throw new CorruptEntry(group, firstIndex, "hash chain does not lead to the known end")
    }
    return { ...located, metas }
  }

  private chainBefore(at: number): number {
    return at === 0 ? chainStart : this.extents.chain(at - 1)
  }

  /** Cuts the last extent, which holds entries on both sides of `index`. */
  private trimLast(index: LogIndex): void {
    const { extents } = this
    const at = extents.length - 1
    const firstIndex = extents.firstIndex(at)
    const kept = this.keptOf(at, index)
    const last = kept.at(-1)
    if (last === undefined) throw new Error(`group ${this.group}: nothing left before ${index}`)
    const bytes = kept.reduce((sum, part) => sum + part.bytes, 0)
    this.payloadBytes -= extents.bytes(at) - bytes
    extents.replaceLast({
      firstIndex,
      lastIndex: index - 1,
      firstOffset: extents.firstOffset(at),
      lastOffset: last.envelope.lastOffset,
      maxTimestamp: kept.reduce(
        (max, part) => Math.max(max, dataTimestamp(part.envelope)),
        -Infinity,
      ),
      row: extents.row(at),
      chain: kept.reduce((chain, part) => chainNext(chain, part.envelope), this.chainBefore(at)),
      bytes,
    })
  }

  /**
   * The extent's entries below `index`, from the tail or from disk: an extent is wholly in the one
   * or the other.
   */
  private keptOf(
    at: number,
    index: LogIndex,
  ): ReadonlyArray<{ envelope: EntryEnvelope; bytes: number }> {
    const firstIndex = this.extents.firstIndex(at)
    if (firstIndex < this.tail.firstIndex) {
      const metas = this.readExtent(at).metas.slice(0, index - firstIndex)
      return metas.map((meta) => ({ envelope: meta, bytes: meta.payloadBytes }))
    }
    const entries: Array<Entry> = []
    for (let next = firstIndex; next < index; next++) {
      const entry = this.tail.at(next)
      if (entry !== undefined) entries.push(entry)
    }
    return entries.map((entry) => ({ envelope: entry, bytes: entry.payload.length }))
  }
}

/** Timestamp by which a lookup finds the entry; internal entries are never found. */
function dataTimestamp(entry: { readonly type: EntryType; readonly maxTimestamp: number }): number {
  return entry.type === "data" ? entry.maxTimestamp : -Infinity
}

/** Turns whatever a damaged file makes a read throw into a `CorruptEntry`; other errors pass. */
export function guarded<A>(group: GroupId, index: LogIndex, read: () => A): A {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof CorruptRow)) throw error
    throw new CorruptEntry(group, index, error.message)
  }
}
