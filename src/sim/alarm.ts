/** From what was thrown while a seed ran to what is reported of it. */
import { BrokerThrew } from "./process.ts"
import type { Alarm } from "./result.ts"
import { Violation } from "./invariants/violation.ts"

/** What is missing at the end of a run that should have come to rest. */
export class NoProgress extends Error {
  override readonly name = "NoProgress"
}

const detailCharsMax = 4_000

export function alarmOf(error: unknown, atMs: number): Alarm {
  if (error instanceof Violation) return { kind: error.kind, detail: error.detail, atMs }
  if (error instanceof NoProgress) return { kind: "no progress", detail: error.message, atMs }
  const cause = error instanceof BrokerThrew ? error.cause : error
  const thrown = cause instanceof Error ? cause : new Error(String(cause))
  // Numbers differ between a failing run and a smaller one; the words do not.
  const words = thrown.message.slice(0, 80).replaceAll(/\d+/g, "#")
  const where = error instanceof BrokerThrew ? `broker ${error.broker} threw: ` : ""
  const detail = `${where}${thrown.stack ?? thrown.message}`.slice(0, detailCharsMax)
  const kind = thrown.name === "Impurity" ? "impurity" : `exception: ${words}`
  return { kind, detail: withoutMachinePaths(detail), atMs }
}

const withoutMachinePaths = (text: string) =>
  text.replaceAll(/\/\S*?\/((?:raft|storage|src|test)\/)/g, "$1")
