/** A group's log on a disk that may have gone bad in places: reading those throws. */
import type { Entry, HardState, LogCut, LogIndex, Snapshot, Term } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { Checkpoint, CompactedTo, EntryMeta, GroupId, GroupLog } from "../../storage/wal.ts"

export class SimGroupLog implements GroupLog {
  /** Entries whose payload is not what was appended. */
  readonly damaged = new Set<LogIndex>()
  private readonly group: GroupId
  private readonly inner: GroupLog
  private readonly onDamage: () => void

  constructor(group: GroupId, inner: GroupLog, onDamage: () => void) {
    this.group = group
    this.inner = inner
    this.onDamage = onDamage
  }

  get hardState(): HardState {
    return this.inner.hardState
  }
  get cut(): LogCut {
    return this.inner.cut
  }
  get firstIndex(): LogIndex {
    return this.inner.firstIndex
  }
  get lastIndex(): LogIndex {
    return this.inner.lastIndex
  }
  get firstOffset(): number {
    return this.inner.firstOffset
  }
  get lastOffset(): number {
    return this.inner.lastOffset
  }
  get lastAppendMs(): number {
    return this.inner.lastAppendMs
  }
  get compacted(): CompactedTo {
    return this.inner.compacted
  }
  get payloadBytes(): number {
    return this.inner.payloadBytes
  }

  term(index: LogIndex): Term | undefined {
    return this.inner.term(index)
  }

  entries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    const entries = this.inner.entries(lo, hi, bytesMax)
    if (this.damaged.size > 0) for (const { index } of entries) this.check(index)
    return entries
  }

  metas(lo: LogIndex, hi: LogIndex, countMax: number): ReadonlyArray<EntryMeta> {
    return this.inner.metas(lo, hi, countMax)
  }

  configurationAt(index: LogIndex): Entry | undefined {
    const entry = this.inner.configurationAt(index)
    if (entry !== undefined) this.check(entry.index)
    return entry
  }

  indexOfOffset(offset: number): LogIndex | undefined {
    return this.inner.indexOfOffset(offset)
  }

  indexOfTimestamp(timestamp: number, from: LogIndex): LogIndex | undefined {
    return this.inner.indexOfTimestamp(timestamp, from)
  }

  greatestTimestamp(lo: LogIndex, hi: LogIndex): number {
    return this.inner.greatestTimestamp(lo, hi)
  }

  indexOfPayload(from: LogIndex): LogIndex | undefined {
    return this.inner.indexOfPayload(from)
  }

  termRuns(): ReadonlyArray<{ readonly term: Term; readonly firstIndex: LogIndex }> {
    return this.inner.termRuns()
  }

  snapshot(): Snapshot | undefined {
    return this.inner.snapshot()
  }

  checkpoint(): Checkpoint | undefined {
    return this.inner.checkpoint()
  }

  /** What is not in the log any more cannot be read any more. */
  forget(from: LogIndex, cutIndex: LogIndex): void {
    for (const index of this.damaged) {
      if (index >= from || index <= cutIndex) this.damaged.delete(index)
    }
  }

  private check(index: LogIndex): void {
    if (!this.damaged.has(index)) return
    this.onDamage()
    throw new CorruptEntry(this.group, index, "the payload is not what was appended")
  }
}
