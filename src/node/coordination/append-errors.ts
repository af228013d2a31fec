/** What a failed append means to the client of a coordinator. */
import { ErrorCode } from "../../protocol/error-codes.ts"

/**
 * As GroupCoordinatorService.handleOperationException has it, but for one: an append whose outcome
 * nobody here knows is one of a leader that leads no more, and clients are to look for the next.
 */
export function coordinatorError(appended: ErrorCode): ErrorCode {
  switch (appended) {
    case ErrorCode.NONE:
      return ErrorCode.NONE
    case ErrorCode.NOT_LEADER_OR_FOLLOWER:
    case ErrorCode.KAFKA_STORAGE_ERROR:
    case ErrorCode.REQUEST_TIMED_OUT:
      return ErrorCode.NOT_COORDINATOR
    case ErrorCode.NOT_ENOUGH_REPLICAS:
    case ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case ErrorCode.UNKNOWN_TOPIC_OR_PARTITION:
      return ErrorCode.COORDINATOR_NOT_AVAILABLE
    default:
      return ErrorCode.UNKNOWN_SERVER_ERROR
  }
}
