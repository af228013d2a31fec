import { DecodeError } from "./errors.ts"
import { Reader } from "./reader.ts"
import { iterateRecords } from "./record.ts"

/** One record's fault, as the answer to Produce 8 and later lists it. */
export interface RecordError {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string | null
}

/** What a broker has to know of the records in a batch, gathered without making objects of them. */
export interface RecordScan {
  /** From the batch's base timestamp. */
  readonly minTimestampDelta: number
  readonly maxTimestampDelta: number
  /** Records without a key. */
  readonly keyless: number
}

/** Passes over `count` records, which must fill `bytes`. Throws `DecodeError` where they are malformed. */
export const scanRecords = (bytes: Uint8Array, count: number): RecordScan => {
  const reader = new Reader(bytes)
  let minTimestampDelta = Infinity
  let maxTimestampDelta = -Infinity
  let keyless = 0
  for (let i = 0; i < count; i++) {
    const length = reader.varint()
    if (length < 0) throw new DecodeError("a record of negative length")
    const end = reader.endAfter(length)
    reader.int8()
    const delta = reader.varlong()
    if (delta < minTimestampDelta) minTimestampDelta = delta
    if (delta > maxTimestampDelta) maxTimestampDelta = delta
    reader.varint()
    if (skipBytes(reader) < 0) keyless++
    skipBytes(reader)
    skipHeaders(reader)
    if (reader.at !== end) throw new DecodeError("a record is not as long as it says")
  }
  reader.expectEnd()
  return { minTimestampDelta, maxTimestampDelta, keyless }
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

/** Of a batch that `scanRecords` has passed: an error for every record without a key. */
export const keylessRecords = (batch: Uint8Array): ReadonlyArray<RecordError> => {
  const errors: Array<RecordError> = []
  let batchIndex = 0
  for (const record of iterateRecords(batch)) {
    if (record.key === null) {
      const batchIndexErrorMessage = "Compacted topic cannot accept message without key."
      errors.push({ batchIndex, batchIndexErrorMessage })
    }
    batchIndex++
  }
  return errors
}

/** Of a batch that `scanRecords` has passed: an error for every timestamp outside [min, max]. */
export const untimelyRecords = (
  batch: Uint8Array,
  range: { readonly min: number; readonly max: number },
): ReadonlyArray<RecordError> => {
  const errors: Array<RecordError> = []
  let batchIndex = 0
  for (const { timestamp, offset } of iterateRecords(batch)) {
    if (timestamp !== -1 && (timestamp < range.min || timestamp > range.max)) {
      const batchIndexErrorMessage =
        `Timestamp ${timestamp} of message with offset ${offset} is out of range. ` +
        `The timestamp should be within [${range.min}, ${range.max}]`
      errors.push({ batchIndex, batchIndexErrorMessage })
    }
    batchIndex++
  }
  return errors
}
