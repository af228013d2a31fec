/**
 * Key → offset of its latest record, as compaction needs it: 24 bytes a key however long the key
 * is, for what is kept is a hash of 128 bits under a secret of this process.
 */
import { sipHash } from "./siphash.ts"
import type { SipKey } from "./siphash.ts"

/** Many small tables: when one grows nobody waits. */
const tables = 256
const slotsAtFirst = 16
const fullShare = 0.75
/** Of memory, at the load just after a table has grown. */
export const bytesPerKey = 64

const hash = new Uint32Array(4)

export class LatestOffsets {
  size = 0
  readonly #key: SipKey
  readonly #tables: Array<Table | undefined> = Array.from({ length: tables }, () => undefined)

  constructor(key: SipKey) {
    this.#key = key
  }

  /** The key is bytes [from, to). Offsets come in ascending order. */
  put(bytes: Uint8Array, from: number, to: number, offset: number): void {
    sipHash(this.#key, bytes, from, to, hash)
    const at = (hash[3] ?? 0) % tables
    const table = (this.#tables[at] ??= new Table())
    if (table.put(offset)) this.size += 1
  }

  /** −1 when the key is not in it. */
  get(bytes: Uint8Array, from: number, to: number): number {
    sipHash(this.#key, bytes, from, to, hash)
    return this.#tables[(hash[3] ?? 0) % tables]?.get() ?? -1
  }
}

/** Open addressing; looks for what is in `hash`. */
class Table {
  private hashes = new Uint32Array(slotsAtFirst * 4)
  /** One more than the offset; 0: free. */
  private offsets = new Float64Array(slotsAtFirst)
  private count = 0

  /** True when the key is new. */
  put(offset: number): boolean {
    if (this.count >= this.offsets.length * fullShare) this.grow()
    const slot = this.slotOf()
    const isNew = this.offsets[slot] === 0
    if (isNew) {
      this.hashes.set(hash, slot * 4)
      this.count += 1
    }
    this.offsets[slot] = offset + 1
    return isNew
  }

  get(): number {
    return (this.offsets[this.slotOf()] ?? 0) - 1
  }

  /** Where it is, or would go. */
  private slotOf(): number {
    const { hashes, offsets } = this
    const mask = offsets.length - 1
    let slot = (hash[0] ?? 0) & mask
    while (offsets[slot] !== 0) {
      const at = slot * 4
      const isSame =
        hashes[at] === hash[0] &&
        hashes[at + 1] === hash[1] &&
        hashes[at + 2] === hash[2] &&
        hashes[at + 3] === hash[3]
      if (isSame) break
      slot = (slot + 1) & mask
    }
    return slot
  }

  private grow(): void {
    const { hashes, offsets } = this
    const wanted = hash.slice()
    this.hashes = new Uint32Array(hashes.length * 2)
    this.offsets = new Float64Array(offsets.length * 2)
    for (const [slot, offset] of offsets.entries()) {
      if (offset === 0) continue
      hash.set(hashes.subarray(slot * 4, slot * 4 + 4))
      const place = this.slotOf()
      this.hashes.set(hash, place * 4)
      this.offsets[place] = offset
    }
    hash.set(wanted)
  }
}
