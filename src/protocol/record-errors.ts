import { iterateRecords } from "./record.ts"
import type { LogRecord } from "./record.ts"

/** One record's fault, as the answer to Produce 8 and later lists it. */
export interface RecordError {
  readonly batchIndex: number
  readonly batchIndexErrorMessage: string | null
}

/** What this topic asks of each record. */
export interface RecordRules {
  readonly keysWanted: boolean
  /** ms since the epoch, both ends included. Undefined where the broker's own time counts. */
  readonly timestamps: { readonly min: number; readonly max: number } | undefined
  /** The batch claims its timestamps to be the broker's, on a topic where they are. */
  readonly falseAppendTime: boolean
  /** For the text. */
  readonly topicPartition: string
}

export interface RecordErrors {
  /** The first of them, at most `listed`. */
  readonly errors: ReadonlyArray<RecordError>
  readonly total: number
  /** One of them is a timestamp: then that is the fault of the batch. */
  readonly untimely: boolean
}

const listed = 1000

/**
 * Every record against the rules. The slow way, taken when a scan has shown that something is
 * wrong.
 */
export const findRecordErrors = (batch: Uint8Array, rules: RecordRules): RecordErrors => {
  const errors: Array<RecordError> = []
  let total = 0
  let untimely = false
  let batchIndex = 0
  for (const record of iterateRecords(batch)) {
    const keyless = rules.keysWanted && record.key === null
    const message = keyless ? withoutKey(rules) : timestampFault(record, rules)
    if (message !== undefined) {
      total++
      untimely ||= !keyless
      if (errors.length < listed) errors.push({ batchIndex, batchIndexErrorMessage: message })
    }
    batchIndex++
  }
  return { errors, total, untimely }
}

const withoutKey = ({ topicPartition }: RecordRules): string =>
  `Compacted topic cannot accept message without key in topic partition ${topicPartition}`

const timestampFault = (
  { timestamp, offset }: LogRecord,
  { timestamps, falseAppendTime }: RecordRules,
): string | undefined => {
  if (falseAppendTime) {
    return (
      `Invalid timestamp type in message with offset ${offset}. ` +
      "Producer should not set timestamp type to LogAppendTime."
    )
  }
  if (timestamps === undefined || timestamp === -1) return undefined
  const { min, max } = timestamps
  if (timestamp >= min && timestamp <= max) return undefined
  return (
    `Timestamp ${timestamp} of message with offset ${offset} is out of range. ` +
    `The timestamp should be within [${min}, ${max}]`
  )
}
