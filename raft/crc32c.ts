/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), slicing by 16: sixteen table reads replace
 * sixteen dependent steps. 64 KiB of tables, built at load (0.2 ms).
 */
const SLICES = 16
const tables = buildTables()

function buildTables(): Int32Array {
  const built = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    built[byte] = crc
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = built[(slice - 1) * 256 + byte] ?? 0
      built[slice * 256 + byte] = (before >>> 8) ^ (built[before & 0xff] ?? 0)
    }
  }
  return built
}

/** From here on the view that reads four bytes at once pays for itself. */
const WORDS_FROM_BYTES = 256

/**
 * CRC of bytes [start, end), uint32. `seed` is the CRC of the bytes before: crc(a ++ b) = crc(b, …,
 * crc(a)).
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  if (start < 0 || end > bytes.length || start > end) throw new RangeError("crc32c: bad range")
  let crc = ~seed
  let at = start
  if (end - at >= WORDS_FROM_BYTES) {
    const aligned = at + (-(bytes.byteOffset + at) & 3)
    const words = ((end - aligned) >>> 4) * 4
    crc = overBytes(crc, bytes, at, aligned)
    crc = overWords(crc, new Int32Array(bytes.buffer, bytes.byteOffset + aligned, words))
    at = aligned + 4 * words
  }
  return ~overBytes(crc, bytes, at, end) >>> 0
}

// Non-null assertions below only tell the compiler what the bounds of the loops and the masks
// guarantee.

function overBytes(before: number, b: Uint8Array, start: number, end: number): number {
  const t = tables
  let crc = before
  let at = start
  for (const blocksEnd = end - 15; at < blocksEnd; at += 16) {
    crc =
      t[3840 + ((crc & 0xff) ^ b[at]!)]! ^
      t[3584 + (((crc >>> 8) & 0xff) ^ b[at + 1]!)]! ^
      t[3328 + (((crc >>> 16) & 0xff) ^ b[at + 2]!)]! ^
      t[3072 + ((crc >>> 24) ^ b[at + 3]!)]! ^
      t[2816 + b[at + 4]!]! ^
      t[2560 + b[at + 5]!]! ^
      t[2304 + b[at + 6]!]! ^
      t[2048 + b[at + 7]!]! ^
      t[1792 + b[at + 8]!]! ^
      t[1536 + b[at + 9]!]! ^
      t[1280 + b[at + 10]!]! ^
      t[1024 + b[at + 11]!]! ^
      t[768 + b[at + 12]!]! ^
      t[512 + b[at + 13]!]! ^
      t[256 + b[at + 14]!]! ^
      t[b[at + 15]!]!
  }
  for (; at < end; at++) crc = t[(crc ^ b[at]!) & 0xff]! ^ (crc >>> 8)
  return crc
}

/** Little-endian machines only: Bun runs on no other. `words.length` is a multiple of four. */
function overWords(before: number, words: Int32Array): number {
  const t = tables
  let crc = before
  for (let i = 0; i < words.length; i += 4) {
    const w0 = crc ^ words[i]!
    const w1 = words[i + 1]!
    const w2 = words[i + 2]!
    const w3 = words[i + 3]!
    crc =
      t[3840 + (w0 & 0xff)]! ^
      t[3584 + ((w0 >>> 8) & 0xff)]! ^
      t[3328 + ((w0 >>> 16) & 0xff)]! ^
      t[3072 + (w0 >>> 24)]! ^
      t[2816 + (w1 & 0xff)]! ^
      t[2560 + ((w1 >>> 8) & 0xff)]! ^
      t[2304 + ((w1 >>> 16) & 0xff)]! ^
      t[2048 + (w1 >>> 24)]! ^
      t[1792 + (w2 & 0xff)]! ^
      t[1536 + ((w2 >>> 8) & 0xff)]! ^
      t[1280 + ((w2 >>> 16) & 0xff)]! ^
      t[1024 + (w2 >>> 24)]! ^
      t[768 + (w3 & 0xff)]! ^
      t[512 + ((w3 >>> 8) & 0xff)]! ^
      t[256 + ((w3 >>> 16) & 0xff)]! ^
      t[w3 >>> 24]!
  }
  return crc
}
