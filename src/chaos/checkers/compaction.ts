/**
 * What compaction may take away: a record behind which one with its key lies, and a tombstone with
 * all that lies before it. The last value of each key stays.
 */
import type { SeenRecord } from "../history/history.ts"
import type { LogIndex } from "./log-index.ts"
import type { PartitionView } from "./partition-view.ts"
import type { Writers } from "./writers.ts"

export class Compaction {
  readonly #writers: Writers
  /** By key: offset of the last record that is there. */
  readonly #last: ReadonlyMap<string, number>
  /** By key: how far back a deletion may lie; Infinity while nobody knows. */
  readonly #deleted: ReadonlyMap<string, number>

  constructor(view: PartitionView, records: ReadonlyArray<SeenRecord>) {
    this.#writers = view.writers
    this.#last = lastByKey(view.writers, records)
    this.#deleted = deletions(view)
  }

  /** May be gone. `offset` −1: not known. */
  mayTake(value: string, offset: number): boolean {
    const key = this.#writers.keyOf(value)
    if (key === undefined) return false
    if (this.#writers.firstOf(value)?.tombstone === true) return true
    const behind = Math.max(this.#last.get(key) ?? -1, this.#deleted.get(key) ?? -1)
    return offset === -1 ? behind >= 0 : behind > offset
  }
}

/** The records that every replica must show, however far it has compacted. */
export function lastRecords(view: PartitionView, log: LogIndex): ReadonlyArray<SeenRecord> {
  if (!log.isCompacted) return log.records
  const compaction = new Compaction(view, log.records)
  return log.records.filter(([offset, value]) => !compaction.mayTake(value, offset))
}

function lastByKey(
  writers: Writers,
  records: ReadonlyArray<SeenRecord>,
): ReadonlyMap<string, number> {
  const last = new Map<string, number>()
  for (const [offset, value] of records) {
    const key = writers.keyOf(value)
    if (key !== undefined) last.set(key, offset)
  }
  return last
}

function deletions({ appends }: PartitionView): ReadonlyMap<string, number> {
  const deleted = new Map<string, number>()
  for (const { tombstone, outcome, offset, keys } of appends) {
    if (tombstone !== true || outcome === "fail") continue
    keys?.forEach((key, i) => {
      const at = offset < 0 ? Infinity : offset + i
      deleted.set(key, Math.max(deleted.get(key) ?? -1, at))
    })
  }
  return deleted
}
