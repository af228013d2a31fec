/**
 * What Kafka's tools call an error code: the class of its exception, which scripts look for, and
 * its sentence where the broker sends none.
 */
import { ConnectionLost, KafkaError, UnsupportedApi } from "../../client/client-error.ts"
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { OptionArgumentError } from "./tool-options.ts"

/** A request was answered with an error. `message` is what the user reads. */
export class ToolError extends Error {
  override readonly name = "ToolError"
  readonly exception: string
  constructor(exception: string, message: string) {
    super(message)
    this.exception = exception
  }

  /** As Java prints an exception. */
  override toString(): string {
    return `${this.exception}: ${this.message}`
  }
}

const errorPackage = "org.apache.kafka.common.errors"

/** Where the class is not the code's name in capitals and "Exception". */
const exceptions: ReadonlyMap<number, string> = new Map<number, string>([
  [ErrorCode.TOPIC_ALREADY_EXISTS, "TopicExistsException"],
  [ErrorCode.INVALID_CONFIG, "InvalidConfigurationException"],
  [ErrorCode.UNKNOWN_SERVER_ERROR, "UnknownServerException"],
  [ErrorCode.REQUEST_TIMED_OUT, "TimeoutException"],
  [ErrorCode.INVALID_TOPIC_EXCEPTION, "InvalidTopicException"],
  [ErrorCode.NON_EMPTY_GROUP, "GroupNotEmptyException"],
  [ErrorCode.MESSAGE_TOO_LARGE, "RecordTooLargeException"],
])

/** Kafka's sentences, of the codes that an administrator meets. */
const messages: ReadonlyMap<number, string> = new Map<number, string>([
  [
    ErrorCode.UNKNOWN_SERVER_ERROR,
    "The server experienced an unexpected error when processing the request.",
  ],
  [
    ErrorCode.OFFSET_OUT_OF_RANGE,
    "The requested offset is not within the range of offsets maintained by the server.",
  ],
  [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "This server does not host this topic-partition."],
  [
    ErrorCode.LEADER_NOT_AVAILABLE,
    "There is no leader for this topic-partition as we are in the middle of a leadership election.",
  ],
  [ErrorCode.REQUEST_TIMED_OUT, "The request timed out."],
  [
    ErrorCode.MESSAGE_TOO_LARGE,
    "The request included a message larger than the max message size the server will accept.",
  ],
  [
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
    "The coordinator is loading and hence can't process requests.",
  ],
  [ErrorCode.COORDINATOR_NOT_AVAILABLE, "The coordinator is not available."],
  [ErrorCode.NOT_COORDINATOR, "This is not the correct coordinator."],
  [
    ErrorCode.INVALID_TOPIC_EXCEPTION,
    "The request attempted to perform an operation on an invalid topic.",
  ],
  [
    ErrorCode.NOT_ENOUGH_REPLICAS,
    "Messages are rejected since there are fewer in-sync replicas than required.",
  ],
  [ErrorCode.INVALID_GROUP_ID, "The configured groupId is invalid."],
  [ErrorCode.UNKNOWN_MEMBER_ID, "The coordinator is not aware of this member."],
  [ErrorCode.REBALANCE_IN_PROGRESS, "The group is rebalancing, so a rejoin is needed."],
  [ErrorCode.UNSUPPORTED_VERSION, "The version of API is not supported."],
  [ErrorCode.INVALID_CONFIG, "Configuration is invalid."],
  [ErrorCode.NON_EMPTY_GROUP, "The group is not empty."],
  [ErrorCode.GROUP_ID_NOT_FOUND, "The group id does not exist."],
  [ErrorCode.ELECTION_NOT_NEEDED, "Leader election not needed for topic partition."],
  [ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE, "The preferred leader was not available."],
  [ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE, "Eligible topic partition leaders are not available."],
  [
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
    "Deleting offsets of a topic is forbidden while the consumer group is actively subscribed to it.",
  ],
  [
    ErrorCode.FENCED_INSTANCE_ID,
    "The broker rejected this static consumer since another consumer with the same group.instance.id has registered with a different member.id.",
  ],
])

export function errorOf(code: number, message: string | null): ToolError {
  const name = errorName(code)
  const pascal = name
    .toLowerCase()
    .replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const exception = exceptions.get(code) ?? `${pascal}Exception`
  return new ToolError(`${errorPackage}.${exception}`, message ?? messages.get(code) ?? name)
}

/** Whatever went wrong, as Kafka's admin client would have it. */
export function asToolError(error: unknown, call = "listNodes"): ToolError {
  if (error instanceof ToolError) return error
  if (error instanceof KafkaError) {
    return errorOf(error.code, error.message === errorName(error.code) ? null : error.message)
  }
  if (error instanceof ConnectionLost) {
    const why = `Timed out waiting for a node assignment. Call: ${call} (${error.message})`
    return new ToolError(`${errorPackage}.TimeoutException`, why)
  }
  if (error instanceof UnsupportedApi) {
    return new ToolError(`${errorPackage}.UnsupportedVersionException`, error.message)
  }
  if (error instanceof OptionArgumentError) {
    return new ToolError("joptsimple.OptionArgumentConversionException", error.message)
  }
  const message = error instanceof Error ? error.message : String(error)
  return new ToolError("java.lang.IllegalArgumentException", message)
}
