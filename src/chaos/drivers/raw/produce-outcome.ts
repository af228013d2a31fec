/**
 * What an answer to Produce says of the batch. `fail` is only what a broker refused before it
 * appended anything; what is not known here counts as unknown (VERIFICATION §3.1).
 */
import { ErrorCode } from "../../../protocol/error-codes.ts"

/** Nothing was appended, and the leader or its state is to blame: to be tried again. */
const notYet: ReadonlySet<number> = new Set<number>([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INCONSISTENT_TOPIC_ID,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
  ErrorCode.THROTTLING_QUOTA_EXCEEDED,
])

/** Nothing was appended, nor will be. */
const refused: ReadonlySet<number> = new Set<number>([
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.INVALID_REQUIRED_ACKS,
  ErrorCode.INVALID_RECORD,
  ErrorCode.INVALID_TIMESTAMP,
  ErrorCode.INVALID_PRODUCER_EPOCH,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT,
  ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
])

export type ProduceVerdict = "appended" | "notAppended" | "unknown" | "outOfOrder" | "refused"

export function produceVerdict(errorCode: number): ProduceVerdict {
  if (errorCode === ErrorCode.NONE) return "appended"
  if (errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER) return "outOfOrder"
  if (notYet.has(errorCode)) return "notAppended"
  return refused.has(errorCode) ? "refused" : "unknown"
}
