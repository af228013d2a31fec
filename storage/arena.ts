/**
 * Memory that the main thread and the storage worker share. Payloads are copied once, one behind the other, into
 * slabs; a slab lives as long as somebody holds a view on it (a cached entry, a resend, a row on its way to disk) and
 * is then collected. DESIGN.md says why not a ring.
 */
const noBytes = new Uint8Array(0)

export class Arena {
  slab: SharedArrayBuffer
  /** First free byte of the slab. */
  position = 0
  slabsMade = 1
  private readonly slabBytes: number

  constructor(slabBytes: number) {
    this.slabBytes = slabBytes
    this.slab = new SharedArrayBuffer(slabBytes)
  }

  hasRoom(bytes: number): boolean {
    return this.position + bytes <= this.slab.byteLength
  }

  /** Copies the bytes behind those placed last, or to the start of a new slab when the current one has no room. */
  place(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return noBytes
    if (!this.hasRoom(bytes.length)) this.nextSlab(bytes.length)
    const view = new Uint8Array(this.slab, this.position, bytes.length)
    view.set(bytes)
    this.position += bytes.length
    return view
  }

  /** Makes the next `bytes` fit without a change of slab. */
  nextSlab(bytes: number): void {
    this.slab = new SharedArrayBuffer(Math.max(this.slabBytes, bytes))
    this.position = 0
    this.slabsMade += 1
  }
}
