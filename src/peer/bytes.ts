/**
 * Bytes of peer frames, big-endian. Terms, indexes, offsets and times travel as float64: exactly the numbers the house
 * keeps them in, with nothing to overflow. Reading checks every bound and throws `PeerDecodeError`.
 */

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
    this.at = this.buffer.writeUInt8(value, this.at)
  }

  bool(value: boolean): void {
    this.uint8(value ? 1 : 0)
  }

  int16(value: number): void {
    this.room(2)
    this.at = this.buffer.writeInt16BE(value, this.at)
  }

  int32(value: number): void {
    this.room(4)
    this.at = this.buffer.writeInt32BE(value, this.at)
  }

  uint32(value: number): void {
    this.room(4)
    this.at = this.buffer.writeUInt32BE(value, this.at)
  }

  number(value: number): void {
    this.room(8)
    this.at = this.buffer.writeDoubleBE(value, this.at)
  }

  string(value: string): void {
    const length = Buffer.byteLength(value)
    this.int32(length)
    this.room(length)
    this.at += this.buffer.write(value, this.at, "utf8")
  }

  patchInt32(position: number, value: number): void {
    this.buffer.writeInt32BE(value, position)
  }

  finish(): Uint8Array {
    return this.buffer.subarray(0, this.at)
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
    return this.buffer.readInt16BE(this.take(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.take(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4))
  }

  /** Any whole number. */
  number(): number {
    const value = this.buffer.readDoubleBE(this.take(8))
    if (!Number.isInteger(value)) throw new PeerDecodeError(`${value} is not a whole number`)
    return value
  }

  /** A term, an index or a count. */
  natural(): number {
    const value = this.number()
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

  /** How many elements follow, each of at least `bytesMin`: nothing is made room for that cannot be there. */
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
