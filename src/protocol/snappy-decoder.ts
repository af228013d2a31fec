/**
 * Snappy's raw block format, decoded with every length checked. (The snappyjs package decodes too,
 * but a literal whose length has its top bit set sends its cursor backwards for ever; we use it to
 * compress only.) Format: google/snappy, format_description.txt.
 */
import { DecompressError } from "./errors.ts"

/** Length of the preamble and the length that it states for the decoded bytes. */
const preamble = (input: Uint8Array): readonly [bytes: number, length: number] => {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = input[i]
    if (byte === undefined) break
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return [i + 1, length]
  }
  throw new DecompressError("snappy: no length")
}

/**
 * At most `bytesMax` decoded bytes. No element yields more than 64 bytes from 3, so a lie is cheap.
 */
export const decodeSnappy = (input: Uint8Array, bytesMax: number): Uint8Array => {
  const [start, length] = preamble(input)
  if (length > bytesMax) throw new DecompressError(`snappy: ${length} bytes`, "tooLarge")
  if (length > input.length * 64) throw new DecompressError("snappy: more than can be in there")
  const output = new Uint8Array(length)
  let at = start
  let to = 0
  while (at < input.length) {
    const tag = input[at]!
    if ((tag & 3) === 0) {
      const extra = Math.max(0, (tag >>> 2) - 59)
      const size = extra === 0 ? (tag >>> 2) + 1 : littleEndian(input, at + 1, extra) + 1
      const from = at + 1 + extra
      if (from + size > input.length || to + size > length) throw malformed()
      output.set(input.subarray(from, from + size), to)
      at = from + size
      to += size
    } else {
      const kind = tag & 3
      const size = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
      const distance = copyDistance(input, at, tag)
      if (distance === 0 || distance > to || to + size > length) throw malformed()
      if (distance >= size) output.copyWithin(to, to - distance, to - distance + size)
      else for (let i = to; i < to + size; i++) output[i] = output[i - distance]!
      at += kind === 3 ? 5 : kind + 1
      to += size
    }
  }
  if (to !== length) throw malformed()
  return output
}

const copyDistance = (input: Uint8Array, at: number, tag: number): number => {
  switch (tag & 3) {
    case 1:
      return ((tag >>> 5) << 8) | littleEndian(input, at + 1, 1)
    case 2:
      return littleEndian(input, at + 1, 2)
    default:
      return littleEndian(input, at + 1, 4)
  }
}

const littleEndian = (input: Uint8Array, at: number, bytes: number): number => {
  if (at + bytes > input.length) throw malformed()
  let value = 0
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + input[at + i]!
  return value
}

const malformed = (): DecompressError => new DecompressError("snappy: malformed")
