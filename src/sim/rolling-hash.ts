/**
 * One number over everything that happened, in order: two runs of a seed with the same hash did the
 * same. Two lanes of 32 bits with different constants (the finalizer of MurmurHash3); integers
 * only, so the same on every machine.
 */
export class RollingHash {
  private a = 0x2545f491
  private b = 0x6c8e9cf5

  /** Any integer below 2⁵³, and −1. */
  number(value: number): void {
    const low = value | 0
    this.word(low)
    if (low !== value) this.word(Math.floor(value / 2 ** 32) | 0)
  }

  text(text: string): void {
    let hash = 0x811c9dc5
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    this.word(hash)
    this.word(text.length)
  }

  /** All of them, byte by byte. */
  bytes(bytes: Uint8Array): void {
    let hash = 0x811c9dc5
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    this.word(hash)
    this.word(bytes.length)
  }

  private word(word: number): void {
    let a = Math.imul(this.a ^ word, 0x85ebca6b)
    a ^= a >>> 13
    this.a = Math.imul(a, 0xc2b2ae35) ^ this.b
    this.b = (Math.imul(this.b + word, 0x9e3779b1) ^ (a >>> 16)) | 0
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return hex(this.a) + hex(this.b)
  }
}

const hex = (lane: number) => (lane >>> 0).toString(16).padStart(8, "0")
