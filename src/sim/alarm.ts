/** From what was thrown while a seed ran to what is reported of it. */
import type { AnomalyKind } from "../chaos/checkers/index.ts"
import { BrokerThrew } from "./process.ts"
import type { Alarm } from "./result.ts"
import { Violation } from "./invariants/violation.ts"

/** What is missing at the end of a run that should have come to rest. */
export class NoProgress extends Error {
  override readonly name = "NoProgress"
}

/** What clients saw does not fit together. */
export class HistoryAlarm extends Error {
  override readonly name = "HistoryAlarm"
  readonly kind: AnomalyKind

  constructor(kind: AnomalyKind, detail: string) {
    super(detail)
    this.kind = kind
  }
}

const detailCharsMax = 4_000

export function alarmOf(error: unknown, atMs: number): Alarm {
  // What an observer threw in the middle of a broker's turn comes wrapped too.
  const thrown = error instanceof BrokerThrew ? error.cause : error
  if (thrown instanceof Violation) return { kind: thrown.kind, detail: thrown.detail, atMs }
  if (thrown instanceof HistoryAlarm) return { kind: thrown.kind, detail: thrown.message, atMs }
  if (thrown instanceof NoProgress) return { kind: "no progress", detail: thrown.message, atMs }
  const { name, message, stack = message } = asError(thrown)
  const where = error instanceof BrokerThrew ? `broker ${error.broker} threw: ` : ""
  const detail = withoutMachinePaths(`${where}${stack}`).slice(0, detailCharsMax)
  return { kind: name === "Impurity" ? "impurity" : `exception: ${words(message)}`, detail, atMs }
}

const asError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown))

/** Numbers and ids differ between a failing run and a smaller one; the words do not. */
const words = (message: string) =>
  message
    .slice(0, 80)
    .replaceAll(/[0-9a-f]{16,}/g, "#")
    .replaceAll(/\d+/g, "#")

const withoutMachinePaths = (text: string) =>
  text.replaceAll(/\/\S*?\/((?:raft|storage|src|test)\/)/g, "$1")
