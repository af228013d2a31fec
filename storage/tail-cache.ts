/**
 * Which rows' entries are still in memory: a queue by age over all groups, bounded by bytes.
 * Followers that keep up and consumers at the tail are served from here without SQLite. A row that
 * is not durable yet never leaves.
 */
import type { Entry } from "../raft/types.ts"
import type { Row } from "./batch.ts"
import { PinnedMemory } from "./pinned-memory.ts"

/** Roughly what an entry costs beyond its payload: bounds a cache full of empty entries. */
const entryOverheadBytes = 512

export class TailCache {
  private entryCount = 0
  private readonly pinned = new PinnedMemory()
  /** Oldest first; undefined where a row has left, so that nothing keeps its slab. */
  private rows: Array<Row | undefined> = []
  private head = 0
  private readonly bytesMax: number

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get bytes(): number {
    return this.pinned.bytes + this.entryCount * entryOverheadBytes
  }

  /** The row is filled later on; `hold` counts each entry that comes into it. */
  add(row: Row): void {
    this.rows.push(row)
  }

  hold(entry: Entry): void {
    this.entryCount += 1
    this.pinned.pin(entry.payload)
  }

  /** Lets go of the oldest durable rows until the rest fits. */
  evict(): void {
    while (this.bytes > this.bytesMax) {
      const row = this.rows[this.head]
      if (row === undefined || !row.durable) break
      this.letGo(row)
      this.rows[this.head] = undefined
      this.head += 1
    }
    if (this.head * 2 >= this.rows.length) {
      this.rows = this.rows.slice(this.head)
      this.head = 0
    }
  }

  private letGo(row: Row): void {
    this.entryCount -= row.slots.length
    for (const [at, { entry }] of row.slots.entries()) {
      this.pinned.unpin(entry.payload)
      row.logs[at]?.tail.evict(entry)
    }
  }
}
