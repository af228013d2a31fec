/**
 * Which rows' entries are still in memory: a queue by age over all groups, bounded by bytes. Followers that keep up
 * and consumers at the tail are served from here without SQLite. A row that is not durable yet never leaves.
 */
import type { Row } from "./batch.ts"

export class TailCache {
  bytes = 0
  /** Oldest first; undefined where a row has left, so that nothing keeps its slab. */
  private rows: Array<Row | undefined> = []
  private head = 0
  private readonly bytesMax: number

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** The row is filled later on; `grow` counts what comes into it. */
  add(row: Row): void {
    this.rows.push(row)
  }

  grow(bytes: number): void {
    this.bytes += bytes
  }

  /** Lets go of the oldest durable rows until the rest fits. */
  evict(): void {
    while (this.bytes > this.bytesMax) {
      const row = this.rows[this.head]
      if (row === undefined || !row.durable) break
      row.evict()
      this.bytes -= row.memoryBytes
      this.rows[this.head] = undefined
      this.head += 1
    }
    if (this.head * 2 >= this.rows.length) {
      this.rows = this.rows.slice(this.head)
      this.head = 0
    }
  }
}
