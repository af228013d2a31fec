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
import { KeptRecords, openBatch } from "./compaction-batch.ts"
import type { RecordCursor } from "./compaction-batch.ts"
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

/** The batch that is being gone through. */
interface Current {
  readonly entry: Entry
  readonly records: RecordCursor
  readonly kept: KeptRecords
}

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
  /** Of the phase: the next entry to be gone through. */
  #next: LogIndex
  /** Read already, from there on. */
  #entries: ReadonlyArray<Entry> = []
  #taken = 0
  #current: Current | undefined
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
    this.#keys = new LatestOffsets(this.#parts.hashKey)
    this.#tombstones = 0
    this.#begin("keys", this.#keysUpTo + 1)
  }

  /** About so much work; answers how much it was. Throws `CorruptEntry`. */
  step(units: number, into: Compaction): number {
    let spent = 0
    while (spent < units && !this.passDone) {
      if (this.#current === undefined) spent += this.#open()
      else if (this.#phase === "keys") spent += this.#learn(this.#current, units - spent)
      else spent += this.#sweep(this.#current, units - spent, into)
    }
    return spent
  }

  #begin(phase: "keys" | "sweep" | "swept", from: LogIndex): void {
    this.#phase = phase
    this.#next = from
    this.#entries = []
    this.#taken = 0
    this.#current = undefined
  }

  #open(): number {
    const entry = this.#nextEntry()
    if (entry === undefined) {
      if (this.#phase === "keys") this.#endKeys(this.mark.upToIndex)
      else this.#begin("swept", this.#next)
      return unitsPerEntry
    }
    const records = openData(entry)
    if (records === undefined) return unitsPerEntry
    this.#current = { entry, records, kept: new KeptRecords() }
    return unitsPerEntry + records.bytes.length
  }

  #learn({ entry, records }: Current, units: number): number {
    for (let spent = 0; spent < units; spent += unitsPerRecord) {
      if (!records.next()) {
        this.#current = undefined
        if (this.#keys.size >= this.#parts.keysMax) this.#endKeys(entry.index)
        return spent
      }
      const { bytes, keyFrom, keyTo, offset } = records
      if (records.hasKey) this.#keys.put(bytes, keyFrom, keyTo, offset)
    }
    return units
  }

  #endKeys(index: LogIndex): void {
    this.#keysUpTo = index
    this.#begin("sweep", this.#log.firstIndex)
  }

  /** Without new keys nothing but tombstones can go. */
  get #sweepEnd(): LogIndex {
    const { tombstonesUpToIndex } = this.mark
    return this.#keys.size === 0 ? Math.min(this.#keysUpTo, tombstonesUpToIndex) : this.#keysUpTo
  }

  #sweep({ entry, records, kept }: Current, units: number, into: Compaction): number {
    const dropsTombstones = entry.index <= this.mark.tombstonesUpToIndex
    for (let spent = 0; spent < units; spent += unitsPerRecord) {
      if (!records.next()) return spent + this.#swept(entry, records, kept, into)
      if (this.#stays(records, dropsTombstones)) kept.add(records)
    }
    return units
  }

  #swept(entry: Entry, records: RecordCursor, kept: KeptRecords, into: Compaction): number {
    this.#current = undefined
    this.#tombstones += kept.tombstones
    let { payload } = entry
    if (kept.count < records.count) {
      payload = kept.batchOf(payload, records.bytes)
      into.keep(this.group, withKept(entry, payload))
    }
    const { stats } = this
    this.stats = {
      records: stats.records + records.count,
      recordsLeft: stats.recordsLeft + kept.count,
      bytes: stats.bytes + entry.payload.length,
      bytesLeft: stats.bytesLeft + payload.length,
    }
    return payload.length
  }

  #stays(record: RecordCursor, dropsTombstones: boolean): boolean {
    if (!record.hasKey || (record.isTombstone && dropsTombstones)) return false
    return this.#keys.get(record.bytes, record.keyFrom, record.keyTo) <= record.offset
  }

  /** The next one with a payload, of this phase. */
  #nextEntry(): Entry | undefined {
    if (this.#taken === this.#entries.length) this.#readOn()
    const entry = this.#entries[this.#taken]
    if (entry === undefined) return undefined
    this.#taken += 1
    this.#next = entry.index + 1
    return entry
  }

  #readOn(): void {
    const log = this.#log
    const end = this.#phase === "keys" ? this.mark.upToIndex : this.#sweepEnd
    const from = log.indexOfPayload(Math.max(this.#next, log.firstIndex)) ?? Infinity
    this.#entries = from <= end ? log.entries(from, end + 1, bytesPerRead) : []
    this.#taken = 0
  }
}

/** Undefined for entries without records, and those that stay as they are. */
function openData(entry: Entry): RecordCursor | undefined {
  if (entry.type !== "data" || isControl(entry) || entry.payload.length === 0) return undefined
  return openBatch(entry.payload)
}
