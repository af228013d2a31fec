/** A group's log as an array: the obvious reading of the port, slow on purpose where that keeps it obvious. */
import {
  emptyHardState,
  type Entry,
  type HardState,
  type LogIndex,
  type Term,
} from "../raft/types.ts"
import { emptyLogEnd, type LogEnd } from "./append-rules.ts"
import type { TermRun } from "./term-runs.ts"
import type { EntryMeta, GroupLog, GroupWrite } from "./wal.ts"

export class MemoryGroupLog implements GroupLog {
  readonly firstIndex = 1
  /** undefined until one was written. */
  storedHardState: HardState | undefined
  private list: Array<Entry> = []

  get hardState(): HardState {
    return this.storedHardState ?? emptyHardState
  }
  get lastIndex(): LogIndex {
    return this.list.length
  }
  get firstOffset(): number {
    return this.list[0]?.firstOffset ?? 0
  }
  get lastOffset(): number {
    return this.list.at(-1)?.lastOffset ?? -1
  }
  get lastAppendMs(): number {
    return this.list.at(-1)?.appendMs ?? 0
  }
  get payloadBytes(): number {
    return this.list.reduce((sum, entry) => sum + entry.payload.length, 0)
  }
  get isEmpty(): boolean {
    return this.list.length === 0 && this.storedHardState === undefined
  }

  apply(write: GroupWrite): void {
    const first = write.entries[0]
    if (first !== undefined) {
      this.list.length = first.index - 1
      for (const entry of write.entries) this.list.push(entry)
    }
    if (write.hardState !== undefined) this.storedHardState = write.hardState
  }

  clear(): void {
    this.list = []
    this.storedHardState = undefined
  }

  copyOf(other: MemoryGroupLog): void {
    this.list = [...other.list]
    this.storedHardState = other.storedHardState
  }

  endBefore(index: LogIndex): LogEnd {
    return this.list[index - 2] ?? emptyLogEnd
  }

  term(index: LogIndex): Term | undefined {
    return index === 0 ? 0 : this.list[index - 1]?.term
  }

  entries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    if (lo < 1 || lo > this.list.length) return []
    const taken: Array<Entry> = []
    let bytes = 0
    for (const entry of this.list.slice(lo - 1, Math.max(lo - 1, hi - 1))) {
      bytes += entry.payload.length
      if (taken.length > 0 && bytes > bytesMax) break
      taken.push(entry)
    }
    return taken
  }

  metas(lo: LogIndex, hi: LogIndex, countMax: number): ReadonlyArray<EntryMeta> {
    if (lo < 1) return []
    const end = Math.min(hi - 1, lo - 1 + Math.max(0, countMax))
    return this.list.slice(lo - 1, Math.max(lo - 1, end)).map(metaOf)
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

  termRuns(): ReadonlyArray<TermRun> {
    const starts = this.list.filter((entry, at) => entry.term !== this.list[at - 1]?.term)
    return starts.map(({ term, index }) => ({ term, firstIndex: index }))
  }
}

export function metaOf(entry: Entry): EntryMeta {
  const { payload, ...envelope } = entry
  return { ...envelope, payloadBytes: payload.length }
}
