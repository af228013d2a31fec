import { DecodeError } from "./errors.ts"
import { longMax } from "./schema.ts"
import type { Uuid } from "./schema.ts"

const two32 = 2 ** 32

/**
 * Elements of all arrays of one message together; each costs memory beyond the bytes it came from.
 */
const elementsMaxDefault = 1_000_000

export interface ReaderOptions {
  readonly elementsMax?: number
}

/**
 * A cursor over the bytes of one message. Every read checks its bounds and throws `DecodeError`;
 * nothing is allocated by a length that was not first compared with the bytes left. Slices are
 * views: they stay valid as long as the frame's memory is not reused.
 *
 * int64 is a `number`, and only the values that a double holds without loss are legal: all within
 * ±2^53, the exact ones beyond, and Long.MAX_VALUE as 2^63. So whatever is accepted re-encodes to
 * the same bytes; the rest (a random 64-bit number, say) is a `DecodeError`, except where a field
 * is declared as `rounded`.
 */
export class Reader {
  readonly bytes: Buffer
  at: number
  readonly end: number
  private elementsLeft: number

  constructor(bytes: Uint8Array, options: ReaderOptions = {}) {
    this.bytes = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = 0
    this.end = bytes.length
    this.elementsLeft = options.elementsMax ?? elementsMaxDefault
  }

  get left(): number {
    return this.end - this.at
  }

  int8(): number {
    return (this.uint8() << 24) >> 24
  }

  bool(): boolean {
    return this.uint8() !== 0
  }

  uint8(): number {
    const at = this.at
    if (at >= this.end) this.short(1)
    this.at = at + 1
    return this.bytes[at]!
  }

  int16(): number {
    return (this.uint16() << 16) >> 16
  }

  uint16(): number {
    const at = this.at
    if (at + 2 > this.end) this.short(2)
    this.at = at + 2
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!
  }

  int32(): number {
    const at = this.at
    if (at + 4 > this.end) this.short(4)
    this.at = at + 4
    const bytes = this.bytes
    return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  int64(): number {
    if (this.at + 8 > this.end) this.short(8)
    const high = this.int32()
    const low = this.int32() >>> 0
    if (high >= -0x200000 && high < 0x200000) return high * two32 + low
    return this.wideInt64(high, low)
  }

  /** The nearest number: beyond 2^53 not exact, but on the right side of everything that is. */
  roundedInt64(): number {
    if (this.at + 8 > this.end) this.short(8)
    const high = this.int32()
    return high * two32 + (this.int32() >>> 0)
  }

  float64(): number {
    const at = this.at
    if (at + 8 > this.end) this.short(8)
    this.at = at + 8
    return this.bytes.readDoubleBE(at)
  }

  /** At most 5 bytes, at most 2^32 - 1. */
  unsignedVarint(): number {
    const first = this.uint8()
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let shift = 7; shift < 28; shift += 7) {
      const byte = this.uint8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    const last = this.uint8()
    if (last > 0x0f) throw new DecodeError("a varint of more than 32 bits")
    return (value | (last << 28)) >>> 0
  }

  /** Zigzag, at most 32 bits: the lengths and counts inside records. */
  varint(): number {
    const raw = this.unsignedVarint()
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Zigzag, at most 64 bits: timestamp deltas. Rounded beyond 2^53. */
  varlong(): number {
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.uint8()
      low |= (byte & 0x7f) << shift
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1)
    }
    let high = 0
    for (let unit = 1; unit <= 2 ** 35; unit *= 128) {
      const byte = this.uint8()
      high += (byte & 0x7f) * unit
      if (byte < 0x80) {
        const half = high * 2 ** 27 + (low >>> 1)
        return (low & 1) === 0 ? half : -half - 1
      }
    }
    throw new DecodeError("a varint of more than 64 bits")
  }

  uuid(): Uuid {
    const at = this.at
    if (at + 16 > this.end) this.short(16)
    this.at = at + 16
    return this.bytes.toString("hex", at, at + 16)
  }

  /** Null for a negative length. */
  string(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.utf8(length)
  }

  compactString(): string | null {
    const length = this.unsignedVarint() - 1
    if (length > 0x7fff) throw new DecodeError(`a string of ${length} bytes`)
    return length < 0 ? null : this.utf8(length)
  }

  /**
   * Ill-formed UTF-8 becomes U+FFFD, as in Kafka: three bytes where there was one. What is read can
   * therefore be too long to be written again, into an answer or a record: it is no string then.
   */
  private utf8(length: number): string {
    const at = this.at
    if (at + length > this.end) this.short(length)
    this.at = at + length
    const text = this.bytes.toString("utf8", at, at + length)
    if (length > 0x7fff / 3 && Buffer.byteLength(text) > 0x7fff) {
      throw new DecodeError("a string that is mostly not UTF-8")
    }
    return text
  }

  blob(): Uint8Array | null {
    const length = this.int32()
    return length < 0 ? null : this.slice(length)
  }

  compactBlob(): Uint8Array | null {
    const length = this.unsignedVarint() - 1
    return length < 0 ? null : this.slice(length)
  }

  /** -1 for null. `elementBytesMin`: the fewest bytes that one element can take. */
  arrayLength(elementBytesMin: number): number {
    const length = this.int32()
    return length < 0 ? -1 : this.elements(length, elementBytesMin)
  }

  compactArrayLength(elementBytesMin: number): number {
    const length = this.unsignedVarint() - 1
    return length < 0 ? -1 : this.elements(length, elementBytesMin)
  }

  private elements(length: number, elementBytesMin: number): number {
    if (length * elementBytesMin > this.left) {
      throw new DecodeError(`an array of ${length} elements in ${this.left} bytes`)
    }
    this.elementsLeft -= length
    if (this.elementsLeft < 0) throw new DecodeError("too many array elements in one message")
    return length
  }

  /** A view, not a copy. */
  slice(length: number): Uint8Array {
    const at = this.at
    if (length < 0 || at + length > this.end) this.short(length)
    this.at = at + length
    return this.bytes.subarray(at, at + length)
  }

  /** Where the next `length` bytes end. */
  endAfter(length: number): number {
    if (length > this.left) this.short(length)
    return this.at + length
  }

  /** Passes over tagged fields that this side does not know. */
  skipTaggedFields(): void {
    for (let count = this.unsignedVarint(); count > 0; count--) {
      this.unsignedVarint()
      this.at = this.endAfter(this.unsignedVarint())
    }
  }

  expectEnd(): void {
    if (this.at !== this.end) throw new DecodeError(`${this.left} bytes after the message`)
  }

  private wideInt64(high: number, low: number): number {
    const exact = (BigInt(high) << 32n) | BigInt(low)
    if (high === 0x7fffffff && low === 0xffffffff) return longMax
    const value = Number(exact)
    if (BigInt(value) !== exact) throw new DecodeError(`an int64 without exact number: ${exact}`)
    return value
  }

  private short(wanted: number): never {
    throw new DecodeError(`${wanted} bytes wanted at ${this.at}, ${this.left} left`)
  }
}
