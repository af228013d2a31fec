/** Commits on their way to disk: those that arrive while the worker fsyncs become the next transaction together. */
import type { Entry, HardState } from "../raft/types.ts"
import type { Arena } from "./arena.ts"
import { encodeDirectory, type SlotWrite } from "./directory.ts"
import type { RowWrite, Transaction } from "./segment-writer.ts"
import type { SqliteGroupLog } from "./sqlite-group-log.ts"
import type { CommitNumber, GroupId } from "./wal.ts"

/** Bounds the directory: entries without payload would never fill a row. */
const rowSlotsMax = 4096

/** What an entry costs in memory beyond its payload, roughly: bounds a cache full of empty entries. */
export const entryOverheadBytes = 256

/** Consecutive entries of any groups, their payloads one behind the other in one slab. */
export class Row {
  readonly seq: number
  readonly logs: Array<SqliteGroupLog> = []
  readonly slots: Array<SlotWrite> = []
  durable = false
  payloadBytes = 0
  private readonly slab: SharedArrayBuffer
  private readonly position: number

  constructor(seq: number, arena: Arena) {
    this.seq = seq
    this.slab = arena.slab
    this.position = arena.position
  }

  /** What the row costs while its entries are cached. */
  get memoryBytes(): number {
    return this.payloadBytes + this.slots.length * entryOverheadBytes
  }

  takes(bytes: number, arena: Arena, rowBytesMax: number): boolean {
    if (this.slots.length === 0) return true
    if (this.slots.length >= rowSlotsMax || this.payloadBytes + bytes > rowBytesMax) return false
    return arena.slab === this.slab && arena.hasRoom(bytes)
  }

  add(log: SqliteGroupLog, entry: Entry, chain: number): void {
    this.logs.push(log)
    this.slots.push({ group: log.group, entry, position: this.payloadBytes, chain })
    this.payloadBytes += entry.payload.length
  }

  /** Takes the entries out of their groups' tails. */
  evict(): void {
    for (const [at, { entry }] of this.slots.entries()) this.logs[at]?.tail.evict(entry)
  }

  encode(): RowWrite {
    return {
      seq: this.seq,
      directory: encodeDirectory(this.seq, this.payloadBytes, this.slots),
      slab: this.slab,
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
  private readonly hardStates = new Map<GroupId, HardState>()
  private readonly dropped = new Map<GroupId, number>()

  setHardState(group: GroupId, state: HardState): void {
    this.hardStates.set(group, state)
  }

  /** Entries of the group below `seq` are gone, and its hard state with them. */
  drop(group: GroupId, seq: number): void {
    this.hardStates.delete(group)
    this.dropped.set(group, seq)
  }

  encode(number: number): Transaction {
    return {
      number,
      rows: this.rows.map((row) => row.encode()),
      dropped: [...this.dropped],
      hardStates: [...this.hardStates],
    }
  }
}
