import { EncodeError } from "./errors.ts"
import { longMax } from "./schema.ts"

const two32 = 2 ** 32

/**
 * Collects the bytes of one message. Small values go to a growing buffer; record data is taken by
 * reference between two pieces of it, so that `finish` gives the parts for one gathering write.
 */
export class Writer {
  private buffer: Buffer
  /** Where the piece being written begins: what lies before it belongs to finished parts. */
  private start = 0
  private at = 0
  private parts: Array<Uint8Array> = []
  private bytesInParts = 0

  constructor(bytesExpected = 256) {
    this.buffer = Buffer.allocUnsafe(bytesExpected)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.bytesInParts + this.at - this.start
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) this.outside("int8", value)
    this.room(1)
    this.buffer[this.at++] = value
  }

  bool(value: boolean): void {
    this.room(1)
    this.buffer[this.at++] = value ? 1 : 0
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) this.outside("int16", value)
    this.twoBytes(value)
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) this.outside("uint16", value)
    this.twoBytes(value)
  }

  int32(value: number): void {
    if ((value | 0) !== value) this.outside("int32", value)
    this.fourBytes(value)
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) this.outside("uint32", value)
    this.fourBytes(value)
  }

  int64(value: number): void {
    if (!Number.isSafeInteger(value)) return this.wideInt64(value)
    this.fourBytes(Math.floor(value / two32))
    this.fourBytes(value)
  }

  float64(value: number): void {
    this.room(8)
    this.at = this.buffer.writeDoubleBE(value, this.at)
  }

  unsignedVarint(value: number): void {
    this.room(5)
    let rest = value
    while (rest > 0x7f) {
      this.buffer[this.at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.buffer[this.at++] = rest
  }

  /** Zigzag, at most 32 bits. */
  varint(value: number): void {
    if ((value | 0) !== value) this.outside("int32", value)
    this.unsignedVarint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Zigzag of a safe integer. */
  varlong(value: number): void {
    if (!Number.isSafeInteger(value)) this.outside("safe integer", value)
    const magnitude = value < 0 ? -(value + 1) : value
    let high = Math.floor(magnitude / 2 ** 27)
    const low = ((magnitude % 2 ** 27) * 2) | (value < 0 ? 1 : 0)
    if (high === 0) return this.unsignedVarint(low)
    this.room(10)
    for (let shift = 0; shift < 28; shift += 7) {
      this.buffer[this.at++] = ((low >>> shift) & 0x7f) | 0x80
    }
    for (; high > 0x7f; high = Math.floor(high / 128)) {
      this.buffer[this.at++] = (high % 128) | 0x80
    }
    this.buffer[this.at++] = high
  }

  uuid(value: string): void {
    this.room(16)
    if (value.length !== 32 || this.buffer.write(value, this.at, "hex") !== 16) {
      throw new EncodeError(`not a uuid: ${value}`)
    }
    this.at += 16
  }

  string(value: string | null): void {
    if (value === null) return this.int16(-1)
    const length = Buffer.byteLength(value)
    if (length > 0x7fff) throw new EncodeError(`a string of ${length} bytes`)
    this.twoBytes(length)
    this.utf8(value, length)
  }

  compactString(value: string | null): void {
    if (value === null) return this.unsignedVarint(0)
    const length = Buffer.byteLength(value)
    if (length > 0x7fff) throw new EncodeError(`a string of ${length} bytes`)
    this.unsignedVarint(length + 1)
    this.utf8(value, length)
  }

  blob(value: Uint8Array | null): void {
    if (value === null) return this.int32(-1)
    this.int32(value.length)
    this.copy(value)
  }

  compactBlob(value: Uint8Array | null): void {
    if (value === null) return this.unsignedVarint(0)
    this.unsignedVarint(value.length + 1)
    this.copy(value)
  }

  /** Record data by reference. */
  records(value: Uint8Array | ReadonlyArray<Uint8Array> | null): void {
    if (value === null) return this.int32(-1)
    this.int32(byteLengthOf(value))
    this.reference(value)
  }

  compactRecords(value: Uint8Array | ReadonlyArray<Uint8Array> | null): void {
    if (value === null) return this.unsignedVarint(0)
    this.unsignedVarint(byteLengthOf(value) + 1)
    this.reference(value)
  }

  /** -1 = null. */
  arrayLength(length: number): void {
    this.int32(length)
  }

  compactArrayLength(length: number): void {
    this.unsignedVarint(length + 1)
  }

  /** Copies raw bytes in, without a length. */
  copy(value: Uint8Array): void {
    this.room(value.length)
    this.buffer.set(value, this.at)
    this.at += value.length
  }

  /**
   * Begins a tagged field whose length is not known yet; `endTagged` with the value returned here
   * puts it in front. No record data may be written in between.
   */
  beginTagged(tag: number): number {
    this.unsignedVarint(tag)
    return this.at - this.start
  }

  endTagged(begun: number): void {
    this.room(5)
    const from = this.start + begun
    const length = this.at - from
    const prefix = varintSize(length)
    this.buffer.copyWithin(from + prefix, from, this.at)
    this.at = from
    this.unsignedVarint(length)
    this.at = from + prefix + length
  }

  /** Writes an int32 over bytes of the first part, `position` bytes from its beginning. */
  patchInt32(position: number, value: number): void {
    const first = this.parts[0]
    if (first === undefined) this.buffer.writeInt32BE(value, this.start + position)
    else new DataView(first.buffer, first.byteOffset).setInt32(position, value)
  }

  /** The parts in order, to be sent one behind the other. The writer may not be used afterwards. */
  finish(): ReadonlyArray<Uint8Array> {
    this.cut()
    return this.parts
  }

  /** All bytes in one array. */
  concat(): Uint8Array {
    if (this.parts.length === 0) return this.buffer.subarray(this.start, this.at)
    this.cut()
    const only = this.parts.length === 1 ? this.parts[0] : undefined
    return only ?? Buffer.concat(this.parts)
  }

  private twoBytes(value: number): void {
    this.room(2)
    const { buffer, at } = this
    buffer[at] = value >>> 8
    buffer[at + 1] = value
    this.at = at + 2
  }

  private fourBytes(value: number): void {
    this.room(4)
    const { buffer, at } = this
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
    this.at = at + 4
  }

  private utf8(value: string, length: number): void {
    this.room(length)
    this.buffer.write(value, this.at, length, "utf8")
    this.at += length
  }

  private wideInt64(value: number): void {
    this.room(8)
    const exact = value === longMax ? 0x7fff_ffff_ffff_ffffn : wideInteger(value)
    this.at = this.buffer.writeBigInt64BE(exact, this.at)
  }

  private reference(value: Uint8Array | ReadonlyArray<Uint8Array>): void {
    this.cut()
    if (value instanceof Uint8Array) this.addPart(value)
    else for (const part of value) this.addPart(part)
  }

  private cut(): void {
    const { start, at } = this
    this.start = at
    this.addPart(this.buffer.subarray(start, at))
  }

  private addPart(part: Uint8Array): void {
    if (part.length === 0) return
    this.parts.push(part)
    this.bytesInParts += part.length
  }

  private room(bytes: number): void {
    if (this.at + bytes > this.buffer.length) this.grow(bytes)
  }

  private grow(bytes: number): void {
    const open = this.at - this.start
    const grown = Buffer.allocUnsafe(Math.max(2 * (open + bytes), this.buffer.length))
    grown.set(this.buffer.subarray(this.start, this.at))
    this.buffer = grown
    this.start = 0
    this.at = open
  }

  private outside(type: string, value: number): never {
    throw new EncodeError(`${value} is no ${type}`)
  }
}

const byteLengthOf = (value: Uint8Array | ReadonlyArray<Uint8Array>): number => {
  if (value instanceof Uint8Array) return value.length
  let length = 0
  for (const part of value) length += part.length
  return length
}

const varintSize = (value: number): number => {
  let size = 1
  for (let rest = value; rest > 0x7f; rest >>>= 7) size++
  return size
}

const wideInteger = (value: number): bigint => {
  if (!Number.isInteger(value) || Math.abs(value) > longMax) {
    throw new EncodeError(`${value} is no int64`)
  }
  return BigInt(value)
}
