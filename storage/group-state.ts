/**
 * What is known of a group's log without reading it: extents, terms, places of configurations, the
 * facts of its last entry, the tail in memory. The same code follows a log and replays it on open.
 */
import {
  noCut,
  type Entry,
  type EntryEnvelope,
  type EntryType,
  type HardState,
  type LogCut,
  type LogIndex,
} from "../raft/types.ts"
import type { LogEnd } from "./append-rules.ts"
import { chainNext, chainStart } from "./checksum.ts"
import type { Run } from "./boundary.ts"
import type { Directory } from "./directory.ts"
import type { GroupIndex } from "./group-index.ts"
import { Extents, type ExtentFacts } from "./extents.ts"
import { ReadExtent } from "./read-extent.ts"
import { guarded, type RowSource } from "./row-source.ts"
import { Tail } from "./tail.ts"
import { TermRuns } from "./term-runs.ts"
import { loweredTo } from "./compacted-row.ts"
import { CorruptEntry, notCompacted } from "./wal.ts"
import type { CompactedTo, GroupId } from "./wal.ts"

/** Entries of an extent on one side of a place, with the chain link of the last one. */
interface Part {
  readonly entries: ReadonlyArray<EntryEnvelope>
  readonly bytes: number
}

/** Chain link before the first entry while that is not known: during a replay. */
const chainUnknown = Number.NaN

export class GroupState {
  readonly group: GroupId
  /** undefined until one was written. */
  storedHardState: HardState | undefined
  /** The log begins behind it. */
  cut: LogCut = noCut
  payloadBytes = 0
  lastAppendMs = 0
  compacted: CompactedTo = notCompacted
  readonly tail = new Tail()
  protected readonly extents = new Extents()
  protected readonly runs = new TermRuns()
  protected configurations: Array<LogIndex> = []
  protected source: RowSource
  /** Chain link of the entry at the cut. */
  private baseChain = chainStart
  private hasHoles = false
  /** Extents in directories that are in memory: a look-up comes to the same one several times. */
  private readonly verified = new WeakMap<Directory, ReadExtent>()

  constructor(group: GroupId, source: RowSource) {
    this.group = group
    this.source = source
  }

  get lastIndex(): LogIndex {
    const { length } = this.extents
    return length === 0 ? this.cut.index : this.extents.lastIndex(length - 1)
  }

  get lastOffset(): number {
    const { length } = this.extents
    return length === 0 ? this.cut.lastOffset : this.extents.lastOffset(length - 1)
  }

  /** Chain link of the last entry. */
  get chain(): number {
    return this.chainBefore(this.extents.length)
  }

  /** Chain link of the entry at the cut. */
  get cutChain(): number {
    return this.baseChain
  }

  /** Chain link of an entry in the log. */
  chainAt(index: LogIndex): number {
    if (index === this.cut.index) return this.baseChain
    const at = this.extents.find(index)
    if (index === this.extents.lastIndex(at)) return this.extents.chain(at)
    return this.readExtent(at).chain(index)
  }

  readFrom(source: RowSource): void {
    this.source = source
  }

  /** Takes the entry behind the last one; answers its chain link. */
  append(entry: EntryEnvelope, payloadBytes: number, row: number): number {
    const chain = chainNext(this.chain, entry)
    this.take(entry, payloadBytes, row, chain)
    return chain
  }

  /** Removes every entry with an index ≥ `index`. */
  truncateFrom(index: LogIndex): void {
    this.compacted = loweredTo(index, this.compacted)
    if (index > this.lastIndex) return
    const { extents } = this
    while (extents.length > 0 && extents.firstIndex(extents.length - 1) >= index) {
      this.release(extents.length - 1, extents.length)
      extents.removeLast()
    }
    if (extents.length > 0 && this.lastIndex >= index) this.trimLast(index)
    this.runs.truncateFrom(index)
    while ((this.configurations.at(-1) ?? 0) >= index) this.configurations.pop()
    this.tail.truncateFrom(index)
    this.lastAppendMs = this.lastAppend()
  }

  /**
   * The log begins behind the cut now; when it does not have the entry at it, nothing else is left.
   * Reads a directory when the cut lies inside a row.
   */
  cutAt(cut: LogCut): void {
    if (this.extents.length > 0 && cut.index <= this.lastIndex) {
      if (this.runs.termAt(cut.index) === cut.term) return this.cutPrefix(cut)
    }
    this.clearEntries()
    this.baseChain = chainNext(chainStart, { entryCrc: 0, index: cut.index, term: cut.term })
    this.cut = cut
    this.lastAppendMs = cut.appendMs
  }

  clear(): void {
    this.storedHardState = undefined
    this.cut = noCut
    this.baseChain = chainStart
    this.clearEntries()
  }

  endBefore(index: LogIndex): LogEnd {
    if (index === this.cut.index + 1) return this.cut
    if (index === this.lastIndex + 1) {
      return { index: index - 1, term: this.runs.lastTerm, lastOffset: this.lastOffset }
    }
    return this.envelopeAt(index - 1)
  }

  /**
   * Replay: takes an entry as it follows in the file. What was before it may be gone by now (a
   * later cut, a removed segment); then its chain link is believed until `replayCut` or `replayed`.
   */
  replayAppend(entry: EntryEnvelope, payloadBytes: number, row: number, chain: number): void {
    const { extents } = this
    const first = extents.length === 0 ? Infinity : extents.firstIndex(0)
    if (entry.index > 1 && entry.index <= first) {
      this.clearEntries()
      this.baseChain = chainUnknown
      return this.take(entry, payloadBytes, row, chain)
    }
    if (entry.index < 1 || entry.index > this.lastIndex + 1) {
      throw new CorruptEntry(this.group, entry.index, `follows ${this.lastIndex}`)
    }
    if (entry.index === 1) this.baseChain = chainStart
    this.truncateFrom(entry.index)
    const before = this.chain
    if (!Number.isNaN(before) && chainNext(before, entry) !== chain) {
      throw new CorruptEntry(this.group, entry.index, "hash chain is broken")
    }
    this.take(entry, payloadBytes, row, chain)
  }

  /** Replay: the newest cut, once every entry is there. */
  replayCut(cut: LogCut, chain: number): void {
    const { extents } = this
    this.removeThrough(cut.index)
    if (extents.length > 0 && extents.firstIndex(0) <= cut.index) this.trimFirst(cut.index + 1)
    if (extents.length === 0) this.lastAppendMs = cut.appendMs
    this.forgetBefore(cut.index + 1)
    this.cut = cut
    this.baseChain = chain
  }

  /**
   * End of the replay: nothing is missing between the cut and the first entry. Reads a directory.
   */
  replayed(): void {
    const { extents, cut } = this
    if (extents.length === 0) {
      this.baseChain = Number.isNaN(this.baseChain) ? chainStart : this.baseChain
      return
    }
    const first = extents.firstIndex(0)
    if (first !== cut.index + 1 || extents.isHole(0)) {
      throw new CorruptEntry(this.group, first, `entries from ${cut.index + 1} on are missing`)
    }
    if (cut.index > 0) this.readExtent(0)
    this.baseChain = cut.index > 0 ? this.baseChain : chainStart
  }

  /** Opening: entries [lo, hi] that lay in a sealed file when the newest one was begun. */
  restore({ first, last }: Run, index: GroupIndex | undefined): void {
    if (this.extents.length === 0) this.baseChain = first === 1 ? chainStart : chainUnknown
    const from = Math.max(first, index?.firstIndex ?? Infinity)
    const to = Math.min(last, index?.lastIndex ?? -1)
    if (index === undefined || from > to) return this.hole(first, last)
    if (first < from) this.hole(first, from - 1)
    this.restoreExtents(new Extents(index.extents), from, to)
    for (const [n, { term, firstIndex }] of index.terms.entries()) {
      const end = index.terms[n + 1]?.firstIndex ?? Infinity
      if (firstIndex <= to && end > from) this.runs.append(term, Math.max(firstIndex, from))
    }
    this.configurations.push(...index.configurations.filter((at) => at >= from && at <= to))
    if (to < last) this.hole(to + 1, last)
  }

  /**
   * Opening: the index from which on entries are missing in the middle; undefined when none are.
   */
  firstMissing(): LogIndex | undefined {
    if (!this.hasHoles) return undefined
    for (let at = 0; at < this.extents.length; at++) {
      if (this.extents.isHole(at)) return this.extents.firstIndex(at)
    }
    this.hasHoles = false
    return undefined
  }

  /** Where the entries lie, by file; `endOf` says behind which seq a row's file ends. */
  runsByFile(endOf: (row: number) => number): ReadonlyArray<Run> {
    return this.extents.runsByFile(endOf)
  }

  extentsIn(from: number, to: number): number {
    return this.extents.findRow(to) - this.extents.findRow(from)
  }

  /** Of the entries in rows [from, to); undefined without any. */
  indexesIn(from: number, to: number): { first: LogIndex; last: LogIndex } | undefined {
    return this.extents.indexesIn(from, to)
  }

  /** Extents in rows [from, to): what is alive of these. */
  eachExtent(
    from: number,
    to: number,
    visit: (row: number, first: LogIndex, last: LogIndex, bytes: number) => void,
  ): void {
    const { extents } = this
    for (let at = extents.findRow(from); at < extents.length && extents.row(at) < to; at++) {
      visit(extents.row(at), extents.firstIndex(at), extents.lastIndex(at), extents.bytes(at))
    }
  }

  /**
   * Payloads of entries in rows [from, to) were replaced; `index` is that of the file they are in
   * now. Cached entries, which have more, are let go.
   */
  recount(from: number, to: number, index: GroupIndex | undefined): void {
    const { extents } = this
    const found = new Extents(index?.extents)
    const first = extents.findRow(from)
    const end = extents.findRow(to)
    for (let at = first; at < end; at++) {
      const bytes = found.bytesOfSame(extents, at) ?? this.bytesRead(at)
      const gone = extents.bytes(at) - bytes
      if (gone === 0) continue
      extents.setBytes(at, bytes)
      this.payloadBytes -= gone
      this.source.released(extents.row(at), gone, 0)
    }
    if (end > first) this.tail.cutBefore(extents.lastIndex(end - 1) + 1)
  }

  private bytesRead(at: number): number {
    return this.readExtent(at).payloadBytes
  }

  /** For a file's index: everything in this log, which holds what is in that file alone. */
  toIndex(): GroupIndex | undefined {
    const { extents, group, payloadBytes, lastIndex, lastOffset } = this
    if (extents.length === 0) return undefined
    return {
      group,
      firstIndex: extents.firstIndex(0),
      lastIndex,
      firstOffset: extents.firstOffset(0),
      lastOffset,
      bytes: payloadBytes,
      maxTimestamp: Math.max(-1, extents.greatestTimestamp(0, extents.length)),
      terms: this.runs.all,
      configurations: this.configurations,
      extents: extents.numbers(0, extents.length),
    }
  }

  /** Entry or meta of an index in the log. */
  protected envelopeAt(index: LogIndex): EntryEnvelope {
    const held = this.tail.at(index)
    if (held !== undefined) return held
    const at = this.extents.find(index)
    return this.readExtent(at).meta(index)
  }

  /** Reads an extent's directory and verifies its chain. */
  protected readExtent(at: number): ReadExtent {
    const { extents, group } = this
    const firstIndex = extents.firstIndex(at)
    const located = guarded(group, firstIndex, () =>
      this.source.locate(extents.row(at), group, firstIndex, extents.lastIndex(at) + 1),
    )
    const [before, end] = [this.chainBefore(at), extents.chain(at)]
    const known = this.verified.get(located.directory)
    if (known?.isOf(firstIndex, located.slots.length, before, end)) return known
    const extent = new ReadExtent(group, firstIndex, located)
    extent.verify(before, end)
    this.verified.set(located.directory, extent)
    return extent
  }

  private take(entry: EntryEnvelope, payloadBytes: number, row: number, chain: number): void {
    this.extents.append(entry, payloadBytes, row, chain)
    this.runs.append(entry.term, entry.index)
    if (entry.type === "configuration") this.configurations.push(entry.index)
    this.lastAppendMs = entry.appendMs
    this.payloadBytes += payloadBytes
  }

  private chainBefore(at: number): number {
    return at === 0 ? this.baseChain : this.extents.chain(at - 1)
  }

  private clearEntries(): void {
    this.release(0, this.extents.length)
    this.payloadBytes = 0
    this.lastAppendMs = 0
    this.compacted = notCompacted
    this.hasHoles = false
    this.extents.clear()
    this.runs.truncateFrom(0)
    this.configurations = []
    this.tail.clear()
  }

  /** Removes the entries up to the cut, the last of which the log has. */
  private cutPrefix(cut: LogCut): void {
    const { extents } = this
    const at = extents.find(cut.index)
    const chain =
      extents.lastIndex(at) === cut.index ? extents.chain(at) : this.chainInside(at, cut.index)
    const next = extents.lastIndex(at) === cut.index ? undefined : this.factsFrom(at, cut.index + 1)
    this.removeThrough(cut.index)
    if (next !== undefined) this.shrink(0, next)
    this.forgetBefore(cut.index + 1)
    this.cut = cut
    this.baseChain = chain
    if (extents.length === 0) this.lastAppendMs = cut.appendMs
  }

  /** Extents that end at or below `index` go. */
  private removeThrough(index: LogIndex): void {
    const count = this.extents.find(index + 1)
    if (count > 0) this.baseChain = this.extents.chain(count - 1)
    this.release(0, count)
    this.extents.removeFirst(count)
  }

  /** Terms, configurations and cached entries below `index` are gone with their entries. */
  private forgetBefore(index: LogIndex): void {
    if (this.extents.length === 0) this.runs.truncateFrom(0)
    else this.runs.cutBefore(index)
    this.configurations = this.configurations.filter((place) => place >= index)
    this.tail.cutBefore(index)
  }

  /** Cuts the last extent, which holds entries on both sides of `index`. */
  private trimLast(index: LogIndex): void {
    const { extents } = this
    const at = extents.length - 1
    const first = extents.firstIndex(at)
    if (extents.isHole(at)) {
      extents.removeLast()
      return extents.appendHole(first, index - 1)
    }
    const facts = this.factsOf(at, this.partOf(at, first, index), index - 1)
    const chain = this.chainInside(at, index - 1)
    this.shrink(at, { ...facts, chain })
  }

  private trimFirst(index: LogIndex): void {
    if (!this.extents.isHole(0)) this.shrink(0, this.factsFrom(0, index))
  }

  private restoreExtents(found: Extents, from: LogIndex, to: LogIndex): void {
    const { extents } = this
    const [start, end] = [found.find(from), found.find(to) + 1]
    const at = extents.length
    extents.appendAll(found.numbers(start, end))
    for (let n = at; n < extents.length; n++) this.payloadBytes += extents.bytes(n)
    if (extents.firstIndex(at) < from && at === 0) this.trimFirst(from)
    if (this.lastIndex > to) this.trimLast(to + 1)
  }

  private hole(first: LogIndex, last: LogIndex): void {
    this.extents.appendHole(first, last)
    this.hasHoles = true
  }

  private lastAppend(): number {
    const { extents } = this
    if (extents.length === 0) return this.cut.appendMs
    return extents.isHole(extents.length - 1) ? 0 : this.envelopeAt(this.lastIndex).appendMs
  }

  /** Extents [from, to) go; their files are told once each: they may be many. */
  private release(from: number, to: number): void {
    const { extents, source } = this
    for (const { row, bytes, entries } of extents.runs(from, to, (at) => source.fileEnd(at))) {
      this.payloadBytes -= bytes
      source.released(row, bytes, entries)
    }
  }

  /** The extent keeps a part. */
  private shrink(at: number, facts: ExtentFacts): void {
    const { extents } = this
    const gone = extents.lastIndex(at) - extents.firstIndex(at) - facts.lastIndex + facts.firstIndex
    const bytes = extents.bytes(at) - facts.bytes
    this.payloadBytes -= bytes
    this.source.released(extents.row(at), bytes, gone)
    extents.replace(at, facts)
  }

  /** What the extent says once it begins at `index`. */
  private factsFrom(at: number, index: LogIndex): ExtentFacts {
    const last = this.extents.lastIndex(at)
    return this.factsOf(at, this.partOf(at, index, last + 1), last)
  }

  private factsOf(at: number, { entries, bytes }: Part, lastIndex: LogIndex): ExtentFacts {
    const first = entries[0]
    const last = entries.at(-1)
    if (first === undefined || last === undefined) {
      throw new Error(`group ${this.group}: nothing left of an extent at ${lastIndex}`)
    }
    return {
      firstIndex: first.index,
      lastIndex,
      firstOffset: first.firstOffset,
      lastOffset: last.lastOffset,
      maxTimestamp: entries.reduce((max, entry) => Math.max(max, dataTimestamp(entry)), -Infinity),
      row: this.extents.row(at),
      chain: this.extents.chain(at),
      bytes,
    }
  }

  /** Chain link of an entry of the extent. */
  private chainInside(at: number, index: LogIndex): number {
    const firstIndex = this.extents.firstIndex(at)
    if (firstIndex < this.tail.firstIndex) {
      return this.readExtent(at).chain(index)
    }
    const { entries } = this.partOf(at, firstIndex, index + 1)
    return entries.reduce(chainNext, this.chainBefore(at))
  }

  /**
   * The extent's entries [lo, hi), from the tail or from disk: an extent is wholly in the one or
   * the other.
   */
  private partOf(at: number, lo: LogIndex, hi: LogIndex): Part {
    const firstIndex = this.extents.firstIndex(at)
    if (firstIndex < this.tail.firstIndex) {
      const metas = this.readExtent(at).metas(lo, hi)
      return { entries: metas, bytes: metas.reduce((sum, meta) => sum + meta.payloadBytes, 0) }
    }
    const entries: Array<Entry> = []
    for (let next = lo; next < hi; next++) {
      const entry = this.tail.at(next)
      if (entry !== undefined) entries.push(entry)
    }
    return { entries, bytes: entries.reduce((sum, { payload }) => sum + payload.length, 0) }
  }
}

/** Timestamp by which a lookup finds the entry; internal entries are never found. */
function dataTimestamp(entry: { readonly type: EntryType; readonly maxTimestamp: number }): number {
  return entry.type === "data" ? entry.maxTimestamp : -Infinity
}
