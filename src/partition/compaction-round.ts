/**
 * One replica's part in a round of compaction (DESIGN.md, "Compaction"): of every key the records
 * go that have a later one at or below the round's end, and tombstones that every replica has seen.
 * What is left is a function of the committed log, whatever rounds went before it here.
 *
 * Passes: as many keys as fit into memory are taken from what is not compacted yet, then everything
 * up to there is swept with them. Work is counted, so that nobody waits: a unit is some
 * nanoseconds.
 */
import { withKept } from "../../raft/entry.ts"
import type { Entry, LogIndex } from "../../raft/types.ts"
import type { Compaction, GroupId, GroupLog } from "../../storage/wal.ts"
import { batchWith, openBatch } from "./compaction-batch.ts"
import type { OpenedBatch, RecordPlace } from "./compaction-batch.ts"
import { LatestOffsets } from "./compaction-keys.ts"
import type { CompactionMark } from "./compaction-mark.ts"
import { isControl } from "./control-entry.ts"
import type { SipKey } from "./siphash.ts"

export interface RoundParts {
  readonly group: GroupId
  readonly log: GroupLog
  readonly mark: Pick<CompactionMark, "upToIndex" | "tombstonesUpToIndex">
  /** Of entries at or below, superseded records are gone already. */
  readonly compactedUpTo: LogIndex
  /** So many keys are held at a time; a single batch may have more. */
  readonly keysMax: number
  readonly hashKey: SipKey
}

export interface RoundStats {
  /** Of the sweeps: what was read, and what is left of it. */
  readonly records: number
  readonly recordsLeft: number
  readonly bytes: number
  readonly bytesLeft: number
}

const bytesPerRead = 65_536
const unitsPerRecord = 150
const unitsPerEntry = 500

export class CompactionRound {
  readonly group: GroupId
  readonly mark: RoundParts["mark"]
  stats: RoundStats = { records: 0, recordsLeft: 0, bytes: 0, bytesLeft: 0 }
  readonly #parts: RoundParts
  readonly #log: GroupLog
  /** Kept by this pass. */
  #tombstones = 0
  #keys: LatestOffsets
  #phase: "keys" | "sweep" | "swept" = "keys"
  /** Of the phase: the next entry to be read. */
  #next: LogIndex
  /** The keys of entries up to here are known. */
  #keysUpTo: LogIndex

  constructor(parts: RoundParts) {
    this.#parts = parts
    this.group = parts.group
    this.mark = parts.mark
    this.#log = parts.log
    this.#keys = new LatestOffsets(parts.hashKey)
    this.#keysUpTo = Math.min(parts.compactedUpTo, parts.mark.upToIndex)
    this.#next = this.#keysUpTo + 1
  }

  /** The pass is over: what it keeps must be stored before the next one begins. */
  get passDone(): boolean {
    return this.#phase === "swept"
  }

  /** All of them are. */
  get done(): boolean {
    return this.passDone && this.#keysUpTo >= this.mark.upToIndex
  }

  /** Left at or below the round's end; undefined when not all of it was looked at. */
  get tombstonesLeft(): number | undefined {
    return this.done && this.#sweepEnd >= this.mark.upToIndex ? this.#tombstones : undefined
  }

  nextPass(): void {
    this.#phase = "keys"
    this.#keys = new LatestOffsets(this.#parts.hashKey)
    this.#next = this.#keysUpTo + 1
    this.#tombstones = 0
  }

  /** About so much work; answers how much it was. Throws `CorruptEntry`. */
  step(units: number, into: Compaction): number {
    let spent = 0
    while (spent < units && !this.passDone) {
      spent += this.#phase === "keys" ? this.#readKeys(units - spent) : this.#sweep(into)
    }
    return spent
  }

  #readKeys(units: number): number {
    const { upToIndex } = this.mark
    let spent = 0
    for (const entry of this.#read(upToIndex)) {
      const opened = openData(entry)
      for (const { key, offset } of opened?.records ?? []) {
        if (key !== null) this.#keys.put(key, offset)
      }
      this.#next = entry.index + 1
      spent += unitsOf(opened)
      if (this.#keys.size >= this.#parts.keysMax) return this.#endKeys(entry.index, spent)
      if (spent >= units) return spent
    }
    return this.#next > upToIndex ? this.#endKeys(upToIndex, spent) : spent + unitsPerEntry
  }

  #endKeys(index: LogIndex, spent: number): number {
    this.#keysUpTo = index
    this.#phase = "sweep"
    this.#next = this.#log.firstIndex
    return spent + unitsPerEntry
  }

  #sweep(into: Compaction): number {
    const end = this.#sweepEnd
    const [entry] = this.#read(end, 0)
    if (entry === undefined) {
      if (this.#next > end) this.#phase = "swept"
      return unitsPerEntry
    }
    this.#next = entry.index + 1
    const opened = openData(entry)
    return opened === undefined ? unitsPerEntry : this.#sweepBatch(entry, opened, into)
  }

  /** Without new keys nothing but tombstones can go. */
  get #sweepEnd(): LogIndex {
    const { tombstonesUpToIndex } = this.mark
    return this.#keys.size === 0 ? Math.min(this.#keysUpTo, tombstonesUpToIndex) : this.#keysUpTo
  }

  #sweepBatch(entry: Entry, { bytes, records }: OpenedBatch, into: Compaction): number {
    const dropsTombstones = entry.index <= this.mark.tombstonesUpToIndex
    const left = records.filter((record) => this.#stays(record, dropsTombstones))
    for (const { isTombstone } of left) if (isTombstone) this.#tombstones += 1
    let payload = entry.payload
    if (left.length < records.length) {
      payload = batchWith(entry.payload, bytes, left)
      into.keep(this.group, withKept(entry, payload))
    }
    const { stats } = this
    this.stats = {
      records: stats.records + records.length,
      recordsLeft: stats.recordsLeft + left.length,
      bytes: stats.bytes + entry.payload.length,
      bytesLeft: stats.bytesLeft + payload.length,
    }
    return unitsOf({ bytes, records }) + payload.length
  }

  #stays({ key, offset, isTombstone }: RecordPlace, dropsTombstones: boolean): boolean {
    if (key === null || (isTombstone && dropsTombstones)) return false
    return this.#keys.get(key) <= offset
  }

  /** From the next entry with a payload on, up to `end`. */
  #read(end: LogIndex, bytesMax = bytesPerRead): ReadonlyArray<Entry> {
    const log = this.#log
    const from = log.indexOfPayload(Math.max(this.#next, log.firstIndex)) ?? Infinity
    if (from <= end) return log.entries(from, end + 1, bytesMax)
    this.#next = end + 1
    return []
  }
}

/** Undefined for entries without records, and those that stay as they are. */
function openData(entry: Entry): OpenedBatch | undefined {
  if (entry.type !== "data" || isControl(entry) || entry.payload.length === 0) return undefined
  return openBatch(entry.payload)
}

const unitsOf = (opened: OpenedBatch | undefined): number =>
  opened === undefined
    ? unitsPerEntry
    : unitsPerEntry + opened.bytes.length + opened.records.length * unitsPerRecord
