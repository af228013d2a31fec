/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), slicing by 16: sixteen table reads replace sixteen dependent
 * steps. 64 KiB of tables, built at load (0.2 ms).
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

/** CRC of bytes [start, end), uint32. `seed` is the CRC of the bytes before: crc(a ++ b) = crc(b, …, crc(a)). */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  if (start < 0 || end > bytes.length || start > end) throw new RangeError("crc32c: bad range")
  // Non-null assertions only tell the compiler what the range check above and the masks below guarantee.
  const t = tables
  const b = bytes
  let crc = ~seed
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
  return ~crc >>> 0
}
