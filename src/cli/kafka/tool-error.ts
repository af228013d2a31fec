/** What Kafka's tools call an error code: the class of its exception, which scripts look for. */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"

/** A request was answered with an error. `message` is what the user reads. */
export class ToolError extends Error {
  override readonly name = "ToolError"
  readonly exception: string
  constructor(exception: string, message: string) {
    super(message)
    this.exception = exception
  }
}

/** Where the class is not the code's name in capitals and "Exception". */
const exceptions: ReadonlyMap<number, string> = new Map<number, string>([
  [ErrorCode.TOPIC_ALREADY_EXISTS, "TopicExistsException"],
  [ErrorCode.INVALID_CONFIG, "InvalidConfigurationException"],
  [ErrorCode.UNKNOWN_SERVER_ERROR, "UnknownServerException"],
  [ErrorCode.REQUEST_TIMED_OUT, "TimeoutException"],
  [ErrorCode.INVALID_TOPIC_EXCEPTION, "InvalidTopicException"],
])

export function errorOf(code: number, message: string | null): ToolError {
  const name = errorName(code)
  const pascal = name
    .toLowerCase()
    .replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())
  const exception = exceptions.get(code) ?? `${pascal}Exception`
  return new ToolError(`org.apache.kafka.common.errors.${exception}`, message ?? name)
}
