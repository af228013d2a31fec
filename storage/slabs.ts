/**
 * Memory shared with the storage worker: payloads are copied into it once, one behind the other,
 * and written to the file from there. A slab belongs to the transactions under way that use it and
 * is used again when the last of them is durable, so a steady load runs in a few megabytes that are
 * already mapped and warm (DESIGN.md, "Hand-over").
 */
export interface Slab {
  readonly memory: SharedArrayBuffer
  readonly bytes: Uint8Array
  /** First free byte. */
  position: number
  /** Transactions not durable yet that have bytes in it. */
  users: number
}

/** Idle slabs kept for the next burst; further ones are left to the collector. */
const idleSlabsMax = 4

export class Slabs {
  made = 0
  current: Slab
  private idle: Array<Slab> = []
  private readonly slabBytes: number

  constructor(slabBytes: number) {
    this.slabBytes = slabBytes
    this.current = this.make(slabBytes)
  }

  hasRoom(bytes: number): boolean {
    return this.current.position + bytes <= this.current.bytes.length
  }

  /** Goes on to a slab with room for at least `bytes`. */
  next(bytes: number): void {
    if (this.current.users === 0) this.keep(this.current)
    this.current = (bytes <= this.slabBytes ? this.idle.pop() : undefined) ?? this.make(bytes)
  }

  /** Copies the bytes to the end of the current slab, which must have room. */
  place(bytes: Uint8Array): void {
    this.current.bytes.set(bytes, this.current.position)
    this.current.position += bytes.length
  }

  /** A transaction is durable and does not need the slab any more. */
  release(slab: Slab): void {
    slab.users -= 1
    if (slab.users > 0) return
    slab.position = 0
    if (slab !== this.current) this.keep(slab)
  }

  private keep(slab: Slab): void {
    slab.position = 0
    if (slab.bytes.length === this.slabBytes && this.idle.length < idleSlabsMax)
      this.idle.push(slab)
  }

  private make(bytes: number): Slab {
    this.made += 1
    const memory = new SharedArrayBuffer(Math.max(this.slabBytes, bytes))
    return { memory, bytes: new Uint8Array(memory), position: 0, users: 0 }
  }
}
