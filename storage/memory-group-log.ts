/**
 * A group's log as an array: the obvious reading of the port, slow on purpose where that keeps it
 * obvious.
 */
import { countedBytes } from "../raft/entry.ts"
import {
  noCut,
  type Entry,
  type HardState,
  type LogCut,
  type LogIndex,
  type Snapshot,
  type Term,
} from "../raft/types.ts"
import { holdsCut, type CheckedLog, type LogEnd } from "./append-rules.ts"
import type { TermRun } from "./term-runs.ts"
import { loweredTo } from "./compacted-row.ts"
import {
  CorruptEntry,
  notCompacted,
  type Checkpoint,
  type CompactedTo,
  type EntryMeta,
  type GroupId,
  type GroupLog,
  type GroupWrite,
} from "./wal.ts"

export class MemoryGroupLog implements GroupLog, CheckedLog {
  /** undefined until one was written. */
  storedHardState: HardState | undefined
  /** What the hard state is while none is stored. */
  unknown: HardState
  private readonly group: GroupId
  /** Entries behind the cut. */
  private list: Array<Entry> = []
  private storedCut: Snapshot | undefined
  private storedCheckpoint: Checkpoint | undefined
  compacted: CompactedTo = notCompacted
  /** Entries whose bytes are not those that were appended: reading one throws. */
  private readonly rotten: ReadonlySet<Entry>

  constructor(group: GroupId, rotten: ReadonlySet<Entry>, unknown: HardState) {
    this.group = group
    this.rotten = rotten
    this.unknown = unknown
  }

  get hardState(): HardState {
    return this.storedHardState ?? this.unknown
  }
  get cut(): LogCut {
    return this.storedCut?.cut ?? noCut
  }
  get firstIndex(): LogIndex {
    return this.cut.index + 1
  }
  get lastIndex(): LogIndex {
    return this.cut.index + this.list.length
  }
  get firstOffset(): number {
    return this.list[0]?.firstOffset ?? this.cut.lastOffset + 1
  }
  get lastOffset(): number {
    return this.list.at(-1)?.lastOffset ?? this.cut.lastOffset
  }
  get lastAppendMs(): number {
    return this.list.at(-1)?.appendMs ?? this.cut.appendMs
  }
  get payloadBytes(): number {
    return this.list.reduce((sum, entry) => sum + entry.payload.length, 0)
  }
  get isEmpty(): boolean {
    return (
      this.list.length === 0 &&
      this.storedHardState === undefined &&
      this.storedCut === undefined &&
      this.storedCheckpoint === undefined
    )
  }

  apply({ cut, entries, hardState, checkpoint, compacted }: GroupWrite): void {
    if (cut !== undefined) this.cutAt(cut)
    const [first] = entries
    if (first !== undefined) this.truncateFrom(first.index)
    for (const entry of entries) this.list.push(entry)
    if (hardState !== undefined) this.storedHardState = hardState
    if (checkpoint !== undefined) this.storedCheckpoint = checkpoint
    if (compacted !== undefined) this.compacted = compacted
  }

  truncateFrom(index: LogIndex): void {
    this.compacted = loweredTo(index, this.compacted)
    this.list.length = Math.min(this.list.length, Math.max(0, index - this.firstIndex))
  }

  clear(): void {
    this.list = []
    this.compacted = notCompacted
    this.storedHardState = undefined
    this.storedCut = undefined
    this.storedCheckpoint = undefined
  }

  copyOf(other: MemoryGroupLog): void {
    this.list = [...other.list]
    this.compacted = other.compacted
    this.storedHardState = other.storedHardState
    this.storedCut = other.storedCut
    this.storedCheckpoint = other.storedCheckpoint
  }

  endBefore(index: LogIndex): LogEnd {
    return this.at(index - 1) ?? this.cut
  }

  term(index: LogIndex): Term | undefined {
    return index === this.cut.index ? this.cut.term : this.at(index)?.term
  }

  entries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    const taken: Array<Entry> = []
    let bytes = 0
    for (let index = lo; index < hi; index++) {
      const entry = this.at(index)
      if (entry === undefined) break
      bytes += countedBytes(entry.payload.length, entry.keptCrc)
      if (taken.length > 0 && bytes > bytesMax) break
      if (this.rotten.has(entry)) {
        throw new CorruptEntry(this.group, index, "checksum does not match")
      }
      taken.push(entry)
    }
    return taken
  }

  metas(lo: LogIndex, hi: LogIndex, countMax: number): ReadonlyArray<EntryMeta> {
    if (lo < this.firstIndex) return []
    const from = lo - this.firstIndex
    const end = Math.min(hi - this.firstIndex, from + Math.max(0, countMax))
    return this.list.slice(from, Math.max(from, end)).map(metaOf)
  }

  configurationAt(index: LogIndex): Entry | undefined {
    return this.list.findLast((entry) => entry.type === "configuration" && entry.index <= index)
  }

  indexOfOffset(offset: number): LogIndex | undefined {
    return this.list.find((entry) => entry.lastOffset >= offset)?.index
  }

  indexOfTimestamp(timestamp: number, from: LogIndex): LogIndex | undefined {
    return this.list.find(
      ({ index, type, maxTimestamp }) =>
        index >= from && type === "data" && maxTimestamp >= timestamp,
    )?.index
  }

  greatestTimestamp(lo: LogIndex, hi: LogIndex): number {
    const found = this.list.filter(
      ({ index, type }) => index >= lo && index < hi && type === "data",
    )
    return found.reduce((greatest, { maxTimestamp }) => Math.max(greatest, maxTimestamp), -1)
  }

  termRuns(): ReadonlyArray<TermRun> {
    const starts = this.list.filter((entry, at) => entry.term !== this.list[at - 1]?.term)
    return starts.map(({ term, index }) => ({ term, firstIndex: index }))
  }

  indexOfPayload(from: LogIndex): LogIndex | undefined {
    return this.list.find(({ index, payload }) => index >= from && payload.length > 0)?.index
  }

  /** Takes the place of the same entry with more of its payload. */
  keep(entry: Entry): void {
    const { index, entryCrc } = entry
    if (this.at(index)?.entryCrc === entryCrc) this.list[index - this.firstIndex] = entry
  }

  snapshot(): Snapshot | undefined {
    return this.storedCut
  }

  checkpoint(): Checkpoint | undefined {
    const stored = this.storedCheckpoint
    return stored !== undefined && this.term(stored.index) === stored.term ? stored : undefined
  }

  at(index: LogIndex): Entry | undefined {
    return this.list[index - this.firstIndex]
  }

  private cutAt(snapshot: Snapshot): void {
    const { cut } = snapshot
    const isHeld = holdsCut(this, cut)
    this.list = isHeld ? this.list.slice(cut.index + 1 - this.firstIndex) : []
    if (!isHeld) this.compacted = notCompacted
    this.storedCut = snapshot
  }
}

export function metaOf(entry: Entry): EntryMeta {
  return {
    term: entry.term,
    index: entry.index,
    type: entry.type,
    appendMs: entry.appendMs,
    firstOffset: entry.firstOffset,
    lastOffset: entry.lastOffset,
    maxTimestamp: entry.maxTimestamp,
    producerId: entry.producerId,
    producerEpoch: entry.producerEpoch,
    baseSequence: entry.baseSequence,
    entryCrc: entry.entryCrc,
    keptCrc: entry.keptCrc,
    payloadBytes: entry.payload.length,
  }
}
