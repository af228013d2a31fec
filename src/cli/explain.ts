/** One line for whoever typed the command: what went wrong, and what to do about it. Pure. */
import { ConnectionLost, KafkaError, UnsupportedApi } from "../client/client-error.ts"
import { ErrorCode, errorName } from "../protocol/error-codes.ts"

/** What helps, by the code that a broker answered with. */
const advice: ReadonlyMap<number, string> = new Map<number, string>([
  [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, "`varve topics list` shows which there are"],
  [ErrorCode.TOPIC_ALREADY_EXISTS, "`varve topics describe` shows it"],
  [
    ErrorCode.INVALID_TOPIC_EXCEPTION,
    "a name has 1 to 249 letters, digits, dots, dashes and underscores",
  ],
  [
    ErrorCode.INVALID_REPLICATION_FACTOR,
    "`varve brokers` shows how many brokers there are to hold replicas",
  ],
  [ErrorCode.INVALID_PARTITIONS, "partitions can be added and never removed"],
  [ErrorCode.INVALID_CONFIG, "`varve configs list … --all` shows every setting with its value"],
  [ErrorCode.GROUP_ID_NOT_FOUND, "`varve groups list` shows which there are"],
  [
    ErrorCode.NON_EMPTY_GROUP,
    "stop its consumers first; `varve groups describe` shows who they are",
  ],
  [ErrorCode.UNKNOWN_MEMBER_ID, "stop its consumers first: offsets of a group in use stay its own"],
  [ErrorCode.NOT_ENOUGH_REPLICAS, "bring brokers back: `varve brokers` shows who is there"],
  [ErrorCode.LEADER_NOT_AVAILABLE, "bring brokers back: `varve brokers` shows who is there"],
  [ErrorCode.MESSAGE_TOO_LARGE, "raise the topic's max.message.bytes with `varve configs set`"],
  [ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC, "stop the consumers of that topic first"],
])

/** `servers`: where it was looked for. Never more than one line. */
export function explain(error: unknown, servers: string): string {
  if (error instanceof KafkaError) {
    const name = errorName(error.code)
    const said = error.message === "" || error.message === name ? "" : error.message
    const what = said.startsWith(name) ? said : said === "" ? name : `${name}: ${said}`
    return oneLine([what, advice.get(error.code)])
  }
  if (error instanceof ConnectionLost) {
    const start = "start a cluster with `varve cluster`, or name another with --bootstrap"
    return oneLine([`no answer from ${servers}: ${error.message}`, start])
  }
  if (error instanceof UnsupportedApi) {
    return oneLine([error.message, "that broker is too old for it, or does not have it"])
  }
  return oneLine([error instanceof Error ? error.message : String(error)])
}

const oneLine = (parts: ReadonlyArray<string | undefined>): string =>
  parts
    .filter((part) => part !== undefined && part !== "")
    .map((part) => (part ?? "").replaceAll(/\s*\n\s*/g, " ").replace(/[.;:]$/, ""))
    .join("; ")
