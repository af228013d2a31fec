import { DecodeError } from "./errors.ts"
import { Reader } from "./reader.ts"

/** What a broker has to know of the records in a batch, gathered without making objects of them. */
export interface RecordScan {
  /** From the batch's base timestamp. */
  readonly minTimestampDelta: number
  readonly maxTimestampDelta: number
  /** Records without a key. */
  readonly keyless: number
  /** Whether the offset deltas are 0, 1, 2, … */
  readonly consecutive: boolean
}

/**
 * Passes over `count` records, which must fill `bytes`. Throws `DecodeError` where they are
 * malformed.
 */
export const scanRecords = (bytes: Uint8Array, count: number): RecordScan => {
  const reader = new Reader(bytes)
  let minTimestampDelta = Infinity
  let maxTimestampDelta = -Infinity
  let keyless = 0
  let consecutive = true
  for (let i = 0; i < count; i++) {
    const length = reader.varint()
    if (length < 0) throw new DecodeError("a record of negative length")
    const end = reader.endAfter(length)
    reader.int8()
    const delta = reader.varlong()
    if (delta < minTimestampDelta) minTimestampDelta = delta
    if (delta > maxTimestampDelta) maxTimestampDelta = delta
    if (reader.varint() !== i) consecutive = false
    if (skipBytes(reader) < 0) keyless++
    skipBytes(reader)
    skipHeaders(reader)
    if (reader.at !== end) throw new DecodeError("a record is not as long as it says")
  }
  reader.expectEnd()
  return { minTimestampDelta, maxTimestampDelta, keyless, consecutive }
}

/** The length that was skipped, negative for null. */
const skipBytes = (reader: Reader): number => {
  const length = reader.varint()
  if (length > 0) reader.at = reader.endAfter(length)
  return length
}

const skipHeaders = (reader: Reader): void => {
  const count = reader.varint()
  if (count < 0) throw new DecodeError("a negative number of record headers")
  for (let i = 0; i < count; i++) {
    if (skipBytes(reader) < 0) throw new DecodeError("a record header without a key")
    skipBytes(reader)
  }
}
