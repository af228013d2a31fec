/**
 * Bytes that were proposed and are not settled yet (neither committed here nor given up). One
 * `Backlog` may be shared by all groups of a node: then it bounds what a node without its followers
 * takes on. What is not fsynced yet is counted elsewhere (`Wal.pendingBytes`).
 */
export class Backlog {
  readonly bytesMax: number
  bytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  /** One proposal is always let in, however large: one batch may pass the bound, never two. */
  get full(): boolean {
    return this.bytes >= this.bytesMax
  }
}
