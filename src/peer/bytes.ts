/**
 * Bytes of peer frames, big-endian. Reading checks every bound and throws `PeerDecodeError`.
 *
 * Terms, indexes, offsets and times are int64, and each number has one form: what a double does not
 * hold exactly is refused, and Long.MAX_VALUE is 2^63, as in src/protocol.
 */
const longMax = 2 ** 63
const two32 = 2 ** 32

/** The bytes are not a peer frame: close the link they came on. */
export class PeerDecodeError extends Error {
  readonly _tag = "PeerDecodeError"
  override readonly name = "PeerDecodeError"
}

export class ByteWriter {
  private buffer: Buffer
  private at = 0

  constructor(bytesExpected: number) {
    this.buffer = Buffer.allocUnsafe(bytesExpected)
  }

  get length(): number {
    return this.at
  }

  uint8(value: number): void {
    this.room(1)
    this.buffer[this.at++] = value
  }

  bool(value: boolean): void {
    this.uint8(value ? 1 : 0)
  }

  int16(value: number): void {
    this.room(2)
    const { buffer, at } = this
    buffer[at] = value >>> 8
    buffer[at + 1] = value
    this.at = at + 2
  }

  /** Also a uint32. */
  int32(value: number): void {
    this.room(4)
    const { buffer, at } = this
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
    this.at = at + 4
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) return this.wideInt64(value)
    this.int32(Math.floor(value / two32))
    this.int32(value)
  }

  string(value: string): void {
    const length = Buffer.byteLength(value)
    this.int32(length)
    this.room(length)
    this.at += this.buffer.write(value, this.at, "utf8")
  }

  bytes(value: Uint8Array): void {
    this.room(value.length)
    this.buffer.set(value, this.at)
    this.at += value.length
  }

  patchInt32(position: number, value: number): void {
    this.buffer.writeInt32BE(value, position)
  }

  finish(): Uint8Array {
    return this.buffer.subarray(0, this.at)
  }

  private wideInt64(value: number): void {
    if (!Number.isInteger(value) || Math.abs(value) > longMax)
      throw new RangeError(`int64 ${value}`)
    this.room(8)
    const exact = value === longMax ? 0x7fff_ffff_ffff_ffffn : BigInt(value)
    this.at = this.buffer.writeBigInt64BE(exact, this.at)
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return
    const grown = Buffer.allocUnsafe(2 * (this.at + bytes))
    this.buffer.copy(grown, 0, 0, this.at)
    this.buffer = grown
  }
}

export class ByteReader {
  private readonly buffer: Buffer
  private at = 0

  constructor(bytes: Uint8Array) {
    this.buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get left(): number {
    return this.buffer.length - this.at
  }

  uint8(): number {
    return this.buffer[this.take(1)]!
  }

  bool(): boolean {
    const value = this.uint8()
    if (value > 1) throw new PeerDecodeError(`a bool of ${value}`)
    return value === 1
  }

  int16(): number {
    const at = this.take(2)
    return (((this.buffer[at]! << 8) | this.buffer[at + 1]!) << 16) >> 16
  }

  int32(): number {
    const at = this.take(4)
    const { buffer } = this
    return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!
  }

  uint32(): number {
    return this.int32() >>> 0
  }

  int64(): number {
    const high = this.int32()
    const low = this.int32() >>> 0
    if (high >= -0x200000 && high < 0x200000) return high * two32 + low
    if (high === 0x7fffffff && low === 0xffffffff) return longMax
    const exact = (BigInt(high) << 32n) | BigInt(low)
    const value = Number(exact)
    if (BigInt(value) !== exact)
      throw new PeerDecodeError(`an int64 without exact number: ${exact}`)
    return value
  }

  /** A term, an index or a count. */
  natural(): number {
    const value = this.int64()
    if (value < 0 || !Number.isSafeInteger(value)) {
      throw new PeerDecodeError(`${value} is no term or index`)
    }
    return value
  }

  string(): string {
    const length = this.int32()
    const at = this.take(length)
    return this.buffer.toString("utf8", at, at + length)
  }

  /**
   * How many elements follow, each of at least `bytesMin`: nothing is made room for that cannot be
   * there.
   */
  count(bytesMin: number): number {
    const count = this.int32()
    if (count < 0 || count * bytesMin > this.left) {
      throw new PeerDecodeError(`${count} elements in ${this.left} bytes`)
    }
    return count
  }

  /** A view, not a copy. */
  slice(length: number): Uint8Array {
    const at = this.take(length)
    return this.buffer.subarray(at, at + length)
  }

  /** A reader of the next bytes alone, which this one passes over. */
  sub(length: number): ByteReader {
    return new ByteReader(this.slice(length))
  }

  rest(): Uint8Array {
    return this.slice(this.left)
  }

  end(): void {
    if (this.left > 0) throw new PeerDecodeError(`${this.left} bytes after the frame`)
  }

  private take(bytes: number): number {
    const { at } = this
    if (bytes < 0 || at + bytes > this.buffer.length) {
      throw new PeerDecodeError(`${bytes} bytes wanted, ${this.left} left`)
    }
    this.at = at + bytes
    return at
  }
}
