/**
 * What a broker must check before it appends a client's records: the same questions in the same
 * order as Kafka 4.3 (ProduceRequest.validateRecords, UnifiedLog.analyzeAndValidateRecords,
 * LogValidator), so that a batch with two faults gets the same answer. Sequence numbers and
 * transactions are not looked at here: that takes the state of the partition.
 */
import { decompress } from "./compression.ts"
import { ErrorCode } from "./error-codes.ts"
import { DecodeError, DecompressError } from "./errors.ts"
import {
  batchCrc,
  batchHeaderBytes,
  batchPrefixBytes,
  compressionOf,
  isControl,
  isLogAppendTime,
  readBatchHeader,
  setMaxTimestamp,
} from "./batch-view.ts"
import type { BatchHeader } from "./batch-view.ts"
import { findRecordErrors } from "./record-errors.ts"
import type { RecordError, RecordRules } from "./record-errors.ts"
import { scanRecords } from "./scan-records.ts"
import type { RecordScan } from "./scan-records.ts"
import { longMax } from "./schema.ts"

export * from "./batch-view.ts"
export type { RecordError } from "./record-errors.ts"

export interface ValidateOptions {
  readonly apiVersion: number
  /** max.message.bytes, of the batch as it is stored. */
  readonly maxMessageBytes: number
  /** cleanup.policy has compact: every record must have a key. */
  readonly compactedTopic: boolean
  readonly timestampType: "CreateTime" | "LogAppendTime"
  readonly wallMs: number
  /** How far from `wallMs` a producer's timestamps may lie; unlimited when left out. */
  readonly timestampBeforeMaxMs?: number
  readonly timestampAfterMaxMs?: number
  /** "topic-0", for the text of errors. */
  readonly topicPartition?: string
}

export interface ValidBatch {
  readonly ok: true
  /** As it stands in `records` now. */
  readonly header: BatchHeader
  /** The batch alone: what followed it and was too short to be another is cut off, as in Kafka. */
  readonly records: Uint8Array
  /** What the answer carries as log append time: -1 unless the topic stamps batches itself. */
  readonly appendTimeMs: number
}

export interface InvalidBatch {
  readonly ok: false
  readonly errorCode: ErrorCode
  /** For the answer; null in most cases, where Kafka sends none. */
  readonly message: string | null
  /** For our own log. */
  readonly reason: string
  readonly recordErrors: ReadonlyArray<RecordError>
  /**
   * Whether the answer carries the log's start offset (the log refused) or -1 (the request was).
   */
  readonly withLogStartOffset: boolean
}

/**
 * Checks that `records` is exactly one well-formed batch that this topic takes. A batch that passes
 * is changed in place where Kafka changes it: LogAppendTime is stamped, a wrong maximal timestamp
 * is set right (both with a new CRC). Null records make Kafka hang up; here they are an
 * INVALID_RECORD, and hanging up is the caller's.
 */
export const validateProduceBatch = (
  records: Uint8Array | null,
  options: ValidateOptions,
): ValidBatch | InvalidBatch => {
  const single = singleBatch(records ?? new Uint8Array(0), options.apiVersion)
  if (!(single instanceof Uint8Array)) return single
  const header = readBatchHeader(single)
  if (header === undefined) return refuse(ErrorCode.CORRUPT_MESSAGE, "a batch cut short")
  const fault = headerFault(single, header, options.maxMessageBytes)
  if (fault !== undefined) return fault
  const scan = scanned(single, header)
  if (!("maxTimestampDelta" in scan)) return scan
  return recordsFault(single, header, scan, options) ?? accept(single, header, scan, options)
}

const refuse = (
  errorCode: ErrorCode,
  reason: string,
  more?: Partial<InvalidBatch>,
): InvalidBatch => ({
  ok: false,
  errorCode,
  reason,
  message: null,
  recordErrors: [],
  withLogStartOffset: false,
  ...more,
})

/** Refused by the log and not by the request: the answer tells the log's start offset. */
const refuseAtLog = (errorCode: ErrorCode, reason: string): InvalidBatch =>
  refuse(errorCode, reason, { withLogStartOffset: true })

const magicAt = 16
/** The overhead of the smallest batch that there ever was (magic 0), behind its length. */
const batchLengthMin = 14

type Found =
  | { readonly _tag: "batch"; readonly bytes: number }
  | { readonly _tag: "nothing" }
  | { readonly _tag: "corrupt"; readonly message: string }

/** How Kafka's ByteBufferLogInputStream finds the batch at `at`: a piece of one is nothing. */
const findBatch = (records: Uint8Array, at: number): Found => {
  const left = records.length - at
  if (left < batchPrefixBytes) return { _tag: "nothing" }
  const view = new DataView(records.buffer, records.byteOffset + at, left)
  const length = view.getInt32(8)
  if (length < batchLengthMin) {
    const overhead = `the minimum record overhead (${batchLengthMin})`
    const message = `Record size ${length} is less than ${overhead}`
    return { _tag: "corrupt", message }
  }
  if (left <= magicAt) return { _tag: "nothing" }
  const magic = view.getInt8(magicAt)
  if (magic < 0 || magic > 2) {
    return { _tag: "corrupt", message: `Invalid magic found in record: ${magic}` }
  }
  const bytes = batchPrefixBytes + length
  return left < bytes ? { _tag: "nothing" } : { _tag: "batch", bytes }
}

/** The one batch of magic 2 that a partition's records must be. */
const singleBatch = (records: Uint8Array, apiVersion: number): Uint8Array | InvalidBatch => {
  const first = findBatch(records, 0)
  if (first._tag === "corrupt") {
    return refuse(ErrorCode.CORRUPT_MESSAGE, first.message, { message: first.message })
  }
  if (first._tag === "nothing") return refuse(ErrorCode.INVALID_RECORD, "no record batch")
  if (records[magicAt] !== 2) return refuse(ErrorCode.INVALID_RECORD, "a batch not of magic 2")
  const zstd = compressionOf(records[magicAt + 6] ?? 0) === "zstd"
  if (apiVersion < 7 && zstd) {
    return refuse(ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, `zstd in Produce version ${apiVersion}`)
  }
  const second = findBatch(records, first.bytes)
  if (second._tag === "corrupt") return refuse(ErrorCode.CORRUPT_MESSAGE, second.message)
  if (second._tag === "batch") return refuse(ErrorCode.INVALID_RECORD, "more than one batch")
  return records.subarray(0, first.bytes)
}

const headerFault = (
  batch: Uint8Array,
  header: BatchHeader,
  maxMessageBytes: number,
): InvalidBatch | undefined => {
  const { attributes, recordCount } = header
  if (header.baseOffset !== 0) {
    return refuseAtLog(ErrorCode.INVALID_RECORD, `base offset ${header.baseOffset} instead of 0`)
  }
  if (batch.length > maxMessageBytes) {
    const reason = `a batch of ${batch.length} bytes; at most ${maxMessageBytes} are taken`
    return refuse(ErrorCode.MESSAGE_TOO_LARGE, reason)
  }
  if (header.crc !== batchCrc(batch)) return refuse(ErrorCode.CORRUPT_MESSAGE, "wrong CRC")
  if (recordCount <= 0 || header.lastOffsetDelta + 1 !== recordCount) {
    const reason = `${recordCount} records with a last offset delta of ${header.lastOffsetDelta}`
    return refuseAtLog(ErrorCode.INVALID_RECORD, reason)
  }
  if (isControl(attributes)) {
    return refuseAtLog(ErrorCode.INVALID_RECORD, "a control batch from a client")
  }
  if (header.producerId > -1 && header.baseSequence < 0) {
    return refuseAtLog(ErrorCode.INVALID_RECORD, "a producer id without a sequence number")
  }
  return undefined
}

/**
 * Bytes that cannot be decompressed are an UNKNOWN_SERVER_ERROR, as in Kafka: unlike
 * CORRUPT_MESSAGE it does not make clients send them again for ever. The limit is our own.
 */
const scanned = (batch: Uint8Array, header: BatchHeader): RecordScan | InvalidBatch => {
  const codec = compressionOf(header.attributes)
  if (codec === undefined) {
    return refuseAtLog(ErrorCode.UNKNOWN_SERVER_ERROR, "an unknown compression")
  }
  try {
    return scanRecords(decompress(codec, batch.subarray(batchHeaderBytes)), header.recordCount)
  } catch (error) {
    if (error instanceof DecompressError) {
      const tooLarge = error.reason === "tooLarge"
      const code = tooLarge ? ErrorCode.MESSAGE_TOO_LARGE : ErrorCode.UNKNOWN_SERVER_ERROR
      return refuseAtLog(code, error.message)
    }
    if (error instanceof DecodeError) return refuseAtLog(ErrorCode.INVALID_RECORD, error.message)
    throw error
  }
}

const recordsFault = (
  batch: Uint8Array,
  header: BatchHeader,
  scan: RecordScan,
  options: ValidateOptions,
): InvalidBatch | undefined => {
  const rules = rulesOf(header, options)
  if (suspicious(header, scan, rules)) {
    const { errors, total, untimely } = findRecordErrors(batch, rules)
    if (total > 0) return refuseRecords(errors, total, untimely)
  }
  // Kafka refuses this in compressed batches only; a record would lie outside its batch, or twice.
  if (!scan.consecutive) {
    return refuseAtLog(ErrorCode.INVALID_RECORD, "offset deltas that are not 0, 1, 2, …")
  }
  return undefined
}

const rulesOf = (header: BatchHeader, options: ValidateOptions): RecordRules => {
  const createTime = options.timestampType === "CreateTime"
  const { wallMs, timestampBeforeMaxMs = longMax, timestampAfterMaxMs = longMax } = options
  return {
    keysWanted: options.compactedTopic,
    timestamps: createTime
      ? { min: wallMs - timestampBeforeMaxMs, max: wallMs + timestampAfterMaxMs }
      : undefined,
    falseAppendTime: !createTime && isLogAppendTime(header.attributes),
    topicPartition: options.topicPartition ?? "",
  }
}

/**
 * Whether any record can be at fault, as far as the scan tells: no record is looked at again if
 * not.
 */
const suspicious = (header: BatchHeader, scan: RecordScan, rules: RecordRules): boolean => {
  if (rules.keysWanted && scan.keyless > 0) return true
  if (rules.falseAppendTime) return true
  if (rules.timestamps === undefined) return false
  const { min, max } = rules.timestamps
  if (isLogAppendTime(header.attributes)) return true
  const { baseTimestamp } = header
  return (
    baseTimestamp + scan.minTimestampDelta < min || baseTimestamp + scan.maxTimestampDelta > max
  )
}

const refuseRecords = (
  recordErrors: ReadonlyArray<RecordError>,
  total: number,
  untimely: boolean,
): InvalidBatch => {
  const first = recordErrors
    .slice(0, 3)
    .map(
      (one) => `RecordError(batchIndex=${one.batchIndex}, message='${one.batchIndexErrorMessage}')`,
    )
  const message = untimely
    ? "One or more records have been rejected due to invalid timestamp"
    : `One or more records have been rejected due to ${total} record errors in total, ` +
      `and only showing the first three errors at most: [${first.join(", ")}]`
  const errorCode = untimely ? ErrorCode.INVALID_TIMESTAMP : ErrorCode.INVALID_RECORD
  return refuse(errorCode, message, { message, recordErrors, withLogStartOffset: true })
}

/** Sets right what the broker answers for: whose timestamp it is, and which is the highest. */
const accept = (
  batch: Uint8Array,
  header: BatchHeader,
  scan: RecordScan,
  options: ValidateOptions,
): ValidBatch => {
  const logAppendTime = options.timestampType === "LogAppendTime"
  const stamped = isLogAppendTime(header.attributes)
  const highest = Math.max(-1, header.baseTimestamp + scan.maxTimestampDelta)
  const latest = stamped ? header.maxTimestamp : highest
  const maxTimestamp = logAppendTime ? options.wallMs : latest
  const appendTimeMs = logAppendTime ? options.wallMs : -1
  const same = maxTimestamp === header.maxTimestamp && logAppendTime === stamped
  // A timestamp that no number holds is left as the client wrote it: it cannot be set right.
  if (same || !Number.isSafeInteger(maxTimestamp)) {
    return { ok: true, header, records: batch, appendTimeMs }
  }
  setMaxTimestamp(batch, maxTimestamp, logAppendTime)
  return { ok: true, header: readBatchHeader(batch) ?? header, records: batch, appendTimeMs }
}
