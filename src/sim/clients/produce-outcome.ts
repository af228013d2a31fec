/** What an answer to Produce says of the batch. */
import { ErrorCode } from "../../protocol/error-codes.ts"

/** Nothing was appended, and the leader or its state is to blame: to be tried again. */
const notYet: ReadonlySet<number> = new Set<number>([
  ErrorCode.NOT_LEADER_OR_FOLLOWER,
  ErrorCode.LEADER_NOT_AVAILABLE,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.NOT_ENOUGH_REPLICAS,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.UNKNOWN_LEADER_EPOCH,
])

/** It may have been appended. */
const unknown: ReadonlySet<number> = new Set<number>([
  ErrorCode.REQUEST_TIMED_OUT,
  ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ErrorCode.KAFKA_STORAGE_ERROR,
  ErrorCode.NETWORK_EXCEPTION,
  ErrorCode.UNKNOWN_SERVER_ERROR,
])

export type ProduceVerdict = "appended" | "notAppended" | "unknown" | "outOfOrder" | "refused"

export function produceVerdict(errorCode: number): ProduceVerdict {
  if (errorCode === ErrorCode.NONE) return "appended"
  if (notYet.has(errorCode)) return "notAppended"
  if (unknown.has(errorCode)) return "unknown"
  return errorCode === ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER ? "outOfOrder" : "refused"
}
