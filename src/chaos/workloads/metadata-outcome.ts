/**
 * What an answer to an administrator's request says. Requests are forwarded to whoever decides, and
 * decided twice when that one dies in between: "it is there already" may be the answer to one's own
 * success. So only what no state of the cluster brings about counts as a definite failure.
 */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import type { Told } from "../history/history.ts"
import type { LinkReply } from "../drivers/raw/links.ts"

/** Refused whatever there is, and before anything was decided. */
const definite: ReadonlySet<number> = new Set<number>([
  ErrorCode.INVALID_TOPIC_EXCEPTION,
  ErrorCode.INVALID_REPLICATION_FACTOR,
  ErrorCode.INVALID_REPLICA_ASSIGNMENT,
  ErrorCode.INVALID_CONFIG,
  ErrorCode.INVALID_REQUEST,
  ErrorCode.POLICY_VIOLATION,
  ErrorCode.UNSUPPORTED_VERSION,
])

/**
 * Answers to what the topic was like when it was decided: done before, by somebody else or by this
 * very request, but not later.
 */
const settled: ReadonlySet<number> = new Set<number>([
  ErrorCode.TOPIC_ALREADY_EXISTS,
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INVALID_PARTITIONS,
])

/** Nobody knows whether it is still going to happen: whoever asked goes on as somebody else. */
export const isOpen = ({ outcome }: Told, code: number | undefined): boolean =>
  outcome === "info" && !settled.has(code ?? -1)

/** `code`: of the answer; undefined where it holds none. */
export function adminOutcome(
  reply: Pick<LinkReply<never>, "_tag" | "connection">,
  node: number,
  code: number | undefined,
): Told {
  const at = { node, connection: reply.connection, attempts: 1 }
  if (reply._tag === "unsent") return { ...at, outcome: "fail", error: "NOT_SENT" }
  if (reply._tag === "lost" || code === undefined) return { ...at, outcome: "info", error: "LOST" }
  const outcome = code === ErrorCode.NONE ? "ok" : definite.has(code) ? "fail" : "info"
  return { ...at, outcome, error: code === ErrorCode.NONE ? "" : errorName(code) }
}
