/**
 * The slots of a copied row in little space: compaction leaves of many entries nothing but these.
 * What the slots have in one place stands together, byte by byte, and is deflated: of 96 bytes
 * some 22 are left, the checksums and the low bytes of numbers.
 */
import { deflateRawSync, inflateRawSync } from "node:zlib"

export function packSlots(slots: Uint8Array, slotBytes: number): Uint8Array {
  return deflateRawSync(transposed(slots, slots.length / slotBytes, slotBytes))
}

/** Throws for bytes that are no `count` slots. */
export function unpackSlots(packed: Uint8Array, count: number, slotBytes: number): Uint8Array {
  const bytes = count * slotBytes
  const planes = inflateRawSync(packed, { maxOutputLength: Math.max(1, bytes) })
  if (planes.length !== bytes) throw new RangeError(`${planes.length} bytes of ${bytes}`)
  return transposed(planes, slotBytes, count)
}

/** Rows of `columns` bytes become `columns` rows. */
function transposed(bytes: Uint8Array, rows: number, columns: number): Uint8Array {
  const turned = new Uint8Array(bytes.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      turned[column * rows + row] = bytes[row * columns + column]!
    }
  }
  return turned
}
