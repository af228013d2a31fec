/**
 * Reading a group's log: newest entries from memory, older ones from their rows, verified each
 * time.
 */
import { countedBytes, isIntact } from "../raft/entry.ts"
import {
  emptyHardState,
  type Entry,
  type EntryId,
  type HardState,
  type LogIndex,
  type Snapshot,
  type Term,
} from "../raft/types.ts"
import type { CheckedLog } from "./append-rules.ts"
import { decodeCheckpoint, decodeCut, type CheckpointRow, type CutRow } from "./cut-record.ts"
import { CorruptRow } from "./directory.ts"
import { GroupState } from "./group-state.ts"
import type { Findable, ReadExtent } from "./read-extent.ts"
import { guarded, type RowSource } from "./row-source.ts"
import type { TermRun } from "./term-runs.ts"
import {
  CorruptEntry,
  notCompacted,
  type Checkpoint,
  type CompactedTo,
  type EntryMeta,
  type GroupId,
  type GroupLog,
} from "./wal.ts"

/** Cuts and checkpoints that have left memory. Throws `CorruptRow`. */
export interface StateSource {
  cutRow(group: GroupId): CutRow | undefined
  checkpointRow(group: GroupId): CheckpointRow | undefined
}

export class SqliteGroupLog extends GroupState implements GroupLog, CheckedLog {
  /** Held until they are durable, then read back where they are asked for. */
  heldSnapshot: Snapshot | undefined
  heldCheckpoint: Checkpoint | undefined
  /** Where the stored checkpoint speaks of; undefined when there is none. */
  checkpointAt: EntryId | undefined
  /** As the newest commit has it. */
  writtenCompacted: CompactedTo = notCompacted
  /** What the hard state is while none is stored. */
  unknown: HardState = emptyHardState
  private readonly states: StateSource

  constructor(group: GroupId, source: RowSource & StateSource) {
    super(group, source)
    this.states = source
  }

  get hardState(): HardState {
    return this.storedHardState ?? this.unknown
  }

  get firstIndex(): LogIndex {
    return this.cut.index + 1
  }

  get firstOffset(): number {
    return this.extents.length === 0 ? this.cut.lastOffset + 1 : this.extents.firstOffset(0)
  }

  get isEmpty(): boolean {
    return (
      this.extents.length === 0 &&
      this.storedHardState === undefined &&
      this.cut.index === 0 &&
      this.checkpointAt === undefined
    )
  }

  override clear(): void {
    super.clear()
    this.writtenCompacted = notCompacted
    this.heldSnapshot = undefined
    this.heldCheckpoint = undefined
    this.checkpointAt = undefined
  }

  snapshot(): Snapshot | undefined {
    const { group, cut } = this
    if (cut.index === 0 || this.heldSnapshot !== undefined) return this.heldSnapshot
    return guarded(group, cut.index, () => {
      const row = this.states.cutRow(group)
      if (row === undefined) throw new CorruptRow("the cut is gone")
      const { state } = decodeCut(row)
      if (row.index !== cut.index) throw new CorruptRow(`a cut at ${row.index} in its place`)
      return { cut, state }
    })
  }

  /** Derived state can be made again from the log: a damaged one is none. */
  checkpoint(): Checkpoint | undefined {
    const { group, checkpointAt } = this
    if (checkpointAt === undefined) return undefined
    if (this.term(checkpointAt.index) !== checkpointAt.term) return undefined
    if (this.heldCheckpoint !== undefined) return this.heldCheckpoint
    try {
      const row = this.states.checkpointRow(group)
      return row === undefined ? undefined : decodeCheckpoint(row)
    } catch (error) {
      if (error instanceof CorruptRow) return undefined
      throw error
    }
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.cut.index) return this.cut.term
    return this.holds(index) ? this.runs.termAt(index) : undefined
  }

  entries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    const end = Math.min(hi, this.lastIndex + 1)
    const taken: Array<Entry> = []
    if (!this.holds(lo)) return taken
    let bytesLeft = bytesMax
    while (lo + taken.length < end) {
      const next = lo + taken.length
      const held = this.tail.at(next)
      if (held === undefined) {
        for (const entry of this.readEntries(next, end, bytesLeft)) {
          bytesLeft -= countedBytes(entry.payload.length, entry.keptCrc)
          if (bytesLeft < 0 && taken.length > 0) return taken
          taken.push(entry)
        }
      } else {
        bytesLeft -= countedBytes(held.payload.length, held.keptCrc)
        if (bytesLeft < 0 && taken.length > 0) return taken
        taken.push(held)
      }
    }
    return taken
  }

  metas(lo: LogIndex, hi: LogIndex, countMax: number): ReadonlyArray<EntryMeta> {
    const end = Math.min(hi, this.lastIndex + 1, lo + Math.max(0, countMax))
    const taken: Array<EntryMeta> = []
    if (!this.holds(lo)) return taken
    let next = lo
    while (next < end) {
      const held = this.tail.at(next)
      const part = held === undefined ? this.readMetas(next, end) : [metaOf(held)]
      taken.push(...part)
      next += part.length
    }
    return taken
  }

  configurationAt(index: LogIndex): Entry | undefined {
    const at = this.configurations.findLast((place) => place <= index)
    return at === undefined ? undefined : this.entries(at, at + 1, Infinity)[0]
  }

  indexOfOffset(offset: number): LogIndex | undefined {
    if (offset > this.lastOffset) return undefined
    const at = this.extents.findOffset(offset)
    if (at === this.extents.length) return undefined
    return this.findInExtent(at, this.extents.firstIndex(at), (entry) => entry.lastOffset >= offset)
  }

  indexOfTimestamp(timestamp: number, from: LogIndex): LogIndex | undefined {
    const { extents } = this
    let at = extents.findTimestamp(timestamp, extents.find(from))
    for (; at < extents.length; at = extents.findTimestamp(timestamp, at + 1)) {
      const lo = Math.max(from, extents.firstIndex(at))
      const matches = (entry: Entry | Findable) =>
        entry.type === "data" && entry.maxTimestamp >= timestamp
      const index = this.findInExtent(at, lo, matches)
      if (index !== undefined) return index
    }
    return undefined
  }

  greatestTimestamp(lo: LogIndex, hi: LogIndex): number {
    const { extents } = this
    const first = Math.max(lo, this.firstIndex)
    const end = Math.min(hi, this.lastIndex + 1)
    if (first >= end) return -1
    // Extents that lie wholly inside say it themselves, the one at either end has entries beyond.
    const from = extents.find(first)
    const to = extents.find(end - 1)
    const inside = extents.greatestTimestamp(from + 1, to)
    const ends = from === to ? [from] : [from, to]
    return ends.reduce(
      (greatest, at) => Math.max(greatest, this.greatestIn(at, first, end)),
      Math.max(-1, inside),
    )
  }

  indexOfPayload(from: LogIndex): LogIndex | undefined {
    const { extents } = this
    for (let at = extents.findPayload(extents.find(from)); at < extents.length;) {
      const lo = Math.max(from, extents.firstIndex(at))
      const index = this.findInExtent(at, lo, (entry) => payloadBytesOf(entry) > 0)
      if (index !== undefined) return index
      at = extents.findPayload(at + 1)
    }
    return undefined
  }

  termRuns(): ReadonlyArray<TermRun> {
    return [...this.runs.all]
  }

  private greatestIn(at: number, lo: LogIndex, hi: LogIndex): number {
    const first = Math.max(lo, this.extents.firstIndex(at))
    const end = Math.min(hi, this.extents.lastIndex(at) + 1)
    const metas = this.metas(first, end, end - first)
    const dated = metas.filter(({ type }) => type === "data")
    return dated.reduce((greatest, { maxTimestamp }) => Math.max(greatest, maxTimestamp), -1)
  }

  private holds(index: LogIndex): boolean {
    return index >= this.firstIndex && index <= this.lastIndex
  }

  /** First entry of the extent at or above `lo` that matches. */
  private findInExtent(
    at: number,
    lo: LogIndex,
    matches: (entry: Entry | Findable) => boolean,
  ): LogIndex | undefined {
    const end = this.extents.lastIndex(at)
    if (this.tail.at(lo) === undefined) return this.readExtent(at).find(lo, matches)
    for (let index = lo; index <= end; index++) {
      const entry = this.tail.at(index)
      if (entry !== undefined && matches(entry)) return index
    }
    return undefined
  }

  /** Metas from `lo` to the end of its extent, below `hi`. */
  private readMetas(lo: LogIndex, hi: LogIndex): ReadonlyArray<EntryMeta> {
    return this.readExtent(this.extents.find(lo)).metas(lo, hi)
  }

  /** Entries from `lo` on within its extent, below `hi`: at least one, then while they fit. */
  private readEntries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    const at = this.extents.find(lo)
    const extent = this.readExtent(at)
    const end = Math.min(hi, this.extents.lastIndex(at) + 1)
    return this.readPayloads(this.extents.row(at), extent, wanted(extent, lo, end, bytesMax))
  }

  /** Reads these entries of an extent with one statement and checks every entry's CRC. */
  private readPayloads(
    row: number,
    extent: ReadExtent,
    metas: ReadonlyArray<EntryMeta>,
  ): Array<Entry> {
    const places = metas.map(({ index }) => extent.position(index))
    const ends = metas.map((meta, i) => (places[i] ?? 0) + meta.payloadBytes)
    const start = Math.min(...places)
    const length = Math.max(...ends) - start
    const firstIndex = metas[0]?.index ?? 0
    const bytes = guarded(this.group, firstIndex, () => this.source.payload(row, start, length))
    return metas.map(({ payloadBytes, ...envelope }, i) => {
      const position = (places[i] ?? 0) - start
      const payload = bytes.subarray(position, position + payloadBytes)
      if (payload.length !== payloadBytes || !isIntact(envelope, payload)) {
        throw new CorruptEntry(this.group, envelope.index, "checksum does not match")
      }
      return { ...envelope, payload }
    })
  }
}

/** Of the extent's entries in [lo, hi) the first, and those behind it that fit. */
function wanted(
  extent: ReadExtent,
  lo: LogIndex,
  hi: LogIndex,
  bytesMax: number,
): ReadonlyArray<EntryMeta> {
  const taken: Array<EntryMeta> = []
  let bytes = 0
  for (let index = lo; index < hi; index++) {
    const meta = extent.meta(index)
    bytes += countedBytes(meta.payloadBytes, meta.keptCrc)
    if (taken.length > 0 && bytes > bytesMax) break
    taken.push(meta)
  }
  return taken
}

const payloadBytesOf = (entry: Entry | Findable): number =>
  "payload" in entry ? entry.payload.length : entry.payloadBytes

function metaOf({ payload, ...envelope }: Entry): EntryMeta {
  return { ...envelope, payloadBytes: payload.length }
}
