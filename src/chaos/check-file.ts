/** `varve chaos check`: the verdict on a history's file, whoever wrote it. */
import { checkHistory, explainAnomaly } from "./checkers/index.ts"
import type { AnomalyKind, HistoryVerdict } from "./checkers/index.ts"
import { readHistory } from "./history/read-history.ts"
import type { Verdict } from "./result.ts"

export interface FileCheck {
  /**
   * "INCONCLUSIVE": nothing is wrong, and nothing shows that acknowledged records are kept: none
   * were, or a partition that has some was not drained.
   */
  readonly verdict: Verdict
  readonly history: HistoryVerdict
  /** For people: the verdict, the anomalies with their first examples, and what it rests on. */
  readonly text: string
}

const examplesMax = 3

/** Rejects with a one-line error for what is no history (`BrokenHistory`) or cannot be read. */
export async function checkFile(path: string): Promise<FileCheck> {
  const { operations, tornTail } = await readHistory(path)
  const history = checkHistory(operations)
  const verdict = verdictOf(history)
  const lines = [
    `${verdict}: ${headline(history)}`,
    ...[...history.counts].flatMap(([kind, count]) => kindLines(history, kind, count)),
    ...history.losses.map(
      ({ partition, prefix, middle, postfix }) =>
        `lost in ${partition}: ${prefix} before, ${middle} between and ${postfix} behind what is left`,
    ),
    `It rests on ${history.acknowledged} acknowledged appends, ${history.read} records read and ${history.drained} partitions drained.`,
    ...undrainedLine(history),
    ...(tornTail ? ["The last line is not whole, and was left out."] : []),
  ]
  return { verdict, history, text: lines.map((line) => `${line}\n`).join("") }
}

function verdictOf({ counts, acknowledged, undrained }: HistoryVerdict): Verdict {
  if (counts.size > 0) return "INVALID"
  return acknowledged > 0 && undrained.length === 0 ? "VALID" : "INCONCLUSIVE"
}

function headline({ counts, operations, acknowledged }: HistoryVerdict): string {
  const found = counts.values().reduce((sum, count) => sum + count, 0)
  if (found > 0)
    return `${found === 1 ? "1 anomaly" : `${found} anomalies`} in ${operations} operations`
  if (acknowledged === 0) return `nothing was acknowledged in ${operations} operations`
  return `no anomaly in ${operations} operations`
}

function kindLines(
  { anomalies }: HistoryVerdict,
  kind: AnomalyKind,
  count: number,
): ReadonlyArray<string> {
  const { what, whyItMatters } = explainAnomaly(kind)
  const examples = anomalies
    .filter((anomaly) => anomaly.kind === kind)
    .slice(0, examplesMax)
    .map(
      ({ partition, detail, operations }) =>
        `    ${partition === "" ? "" : `${partition}: `}${detail} (operations ${operations.join(", ")})`,
    )
  const more = count > examples.length ? [`    and ${count - examples.length} more`] : []
  const often = count === 1 ? "once" : `${count} times`
  return [`  ${kind}, ${often}: ${what} ${whyItMatters}`, ...examples, ...more]
}

function undrainedLine({ undrained }: HistoryVerdict): ReadonlyArray<string> {
  if (undrained.length === 0) return []
  const shown = undrained.slice(0, examplesMax).join(", ")
  const more = undrained.length > examplesMax ? ` and ${undrained.length - examplesMax} more` : ""
  return [`Not drained, so that nothing shows what was kept: ${shown}${more}.`]
}
