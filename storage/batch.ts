/**
 * Commits on their way to disk: those that arrive while the worker fsyncs become the next
 * transaction together.
 */
import type { Entry, HardState, LogIndex } from "../raft/types.ts"
import type { StoredCut } from "./cut-record.ts"
import type { LogEnding } from "./sentinel.ts"
import { encodeDirectory, type SlotWrite } from "./directory.ts"
import type { Amputation } from "./segment.ts"
import type { Roll, RowWrite, Transaction } from "./segment-writer.ts"
import type { Slab, Slabs } from "./slabs.ts"
import type { SqliteGroupLog } from "./sqlite-group-log.ts"
import type { Checkpoint, CommitNumber, CompactedTo, GroupId } from "./wal.ts"

/** Bounds the directory: entries without payload would never fill a row. */
const rowSlotsMax = 4096

/** Consecutive entries of any groups, their payloads one behind the other in one slab. */
export class Row {
  readonly seq: number
  readonly logs: Array<SqliteGroupLog> = []
  readonly slots: Array<SlotWrite> = []
  durable = false
  payloadBytes = 0
  private readonly slab: Slab
  private readonly position: number

  constructor(seq: number, slab: Slab) {
    this.seq = seq
    this.slab = slab
    this.position = slab.position
  }

  takes(bytes: number, slabs: Slabs, rowBytesMax: number): boolean {
    if (this.slots.length === 0) return true
    if (this.slots.length >= rowSlotsMax || this.payloadBytes + bytes > rowBytesMax) return false
    return slabs.current === this.slab && slabs.hasRoom(bytes)
  }

  add(log: SqliteGroupLog, entry: Entry, chain: number): void {
    this.logs.push(log)
    this.slots.push({ group: log.group, entry, position: this.payloadBytes, chain })
    this.payloadBytes += entry.payload.length
  }

  encode(): RowWrite {
    return {
      seq: this.seq,
      directory: encodeDirectory(this.seq, this.payloadBytes, this.slots),
      slab: this.slab.memory,
      position: this.position,
      bytes: this.payloadBytes,
    }
  }
}

/** A transaction in the making. */
export class Batch {
  readonly rows: Array<Row> = []
  /** Last commit in it; 0 when it holds drops alone. */
  through: CommitNumber = 0
  payloadBytes = 0
  /** Newest of each group: what its log may forget once they are durable. */
  readonly cuts = new Map<GroupId, StoredCut>()
  readonly checkpoints = new Map<GroupId, Checkpoint>()
  private readonly compacted = new Map<GroupId, CompactedTo>()
  /** Called when it is durable, or with the reason why it never will be. */
  readonly settled: Array<(failure?: Error) => void> = []
  /** The transaction begins a file. */
  readonly roll: Roll | undefined
  private readonly slabs = new Set<Slab>()
  private readonly hardStates = new Map<GroupId, HardState>()
  private readonly dropped = new Set<GroupId>()
  private readonly floors = new Map<GroupId, number>()
  private readonly amputations: Array<Amputation> = []
  private readonly rewrites = new Map<GroupId, LogIndex>()
  private readonly ends = new Map<GroupId, LogEnding>()

  constructor(roll?: Roll) {
    this.roll = roll
  }

  /** Begins a row at the end of the slab, which is this batch's until `release`. */
  addRow(seq: number, slab: Slab): Row {
    if (!this.slabs.has(slab)) {
      this.slabs.add(slab)
      slab.users += 1
    }
    const row = new Row(seq, slab)
    this.rows.push(row)
    return row
  }

  release(slabs: Slabs): void {
    for (const slab of this.slabs) slabs.release(slab)
  }

  /** Entries of the group from an index on are replaced or gone. */
  rewrite(group: GroupId, from: LogIndex): void {
    this.rewrites.set(group, Math.min(from, this.rewrites.get(group) ?? from))
  }

  /** Where the group's log ends as of the last commit in this batch. */
  setEnd(group: GroupId, lastIndex: LogIndex, chain: number): void {
    this.ends.set(group, [group, lastIndex, chain])
  }

  setHardState(group: GroupId, state: HardState): void {
    this.hardStates.set(group, state)
  }

  /** With a floor, entries of the group below that seq are gone: the cut was installed. */
  setCut(group: GroupId, cut: StoredCut, floor: number | undefined): void {
    this.cuts.set(group, cut)
    if (floor !== undefined) this.floors.set(group, floor)
  }

  setCheckpoint(group: GroupId, checkpoint: Checkpoint): void {
    this.checkpoints.set(group, checkpoint)
  }

  setCompacted(group: GroupId, compacted: CompactedTo): void {
    this.compacted.set(group, compacted)
  }

  amputate(group: GroupId, seq: number, index: LogIndex): void {
    this.amputations.push({ group, seq, index })
  }

  /** Entries of the group below `seq` are gone, and every state of it. */
  drop(group: GroupId, seq: number): void {
    this.forget(group)
    this.floors.set(group, seq)
  }

  /** Every state of a group without entries. */
  forget(group: GroupId): void {
    this.hardStates.delete(group)
    this.cuts.delete(group)
    this.checkpoints.delete(group)
    this.compacted.delete(group)
    this.dropped.add(group)
    this.ends.delete(group)
  }

  encode(number: number): Transaction {
    return {
      number,
      rows: this.rows.map((row) => row.encode()),
      dropped: [...this.dropped],
      floors: [...this.floors],
      amputations: this.amputations,
      hardStates: [...this.hardStates],
      cuts: [...this.cuts],
      checkpoints: [...this.checkpoints],
      compacted: [...this.compacted],
      rewrites: [...this.rewrites],
      ends: [...this.ends.values()],
      ...(this.roll === undefined ? {} : { roll: this.roll }),
    }
  }
}
