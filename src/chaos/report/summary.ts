/** The verdict for a terminal: few lines, the first of which says it. */
import type { RunResult, Verdict } from "../result.ts"
import { counted, formatCount, formatDuration } from "./format.ts"
import { verdictSentences } from "./words/verdicts.ts"

export interface SummaryOptions {
  readonly coloured: boolean
  /** Where the report is, as the reader can open it. */
  readonly report: string
}

const colours: Readonly<Record<Verdict, string>> = {
  VALID: "\u001B[1;32m",
  INVALID: "\u001B[1;31m",
  INCONCLUSIVE: "\u001B[1;33m",
}

const plain = "\u001B[0m"
const reasonsMax = 8
const anomalyKindsMax = 6

/** Ends with a newline. */
export function formatSummary(result: RunResult, { coloured, report }: SummaryOptions): string {
  const { verdict } = result
  const word = coloured ? `${colours[verdict]}${verdict}${plain}` : verdict
  const lines = [
    ...reasonLines(result.reasons),
    ...anomalyLines(result),
    `  faults        ${faultsText(result)}`,
    `  acknowledged  ${counted(result.acknowledged, "record")}, ${formatCount(result.read)} read`,
    `  after heals   writes stopped for at most ${formatDuration(result.longestOutageAfterHealMs)}`,
    `  repeat        ${result.command}`,
    `  report        ${report}`,
  ]
  const first = `${word}  ${verdictSentences[verdict]}`
  return `${[first, ...lines.map(printable)].join("\n")}\n`
}

function reasonLines(reasons: ReadonlyArray<string>): ReadonlyArray<string> {
  const more = reasons.length - reasonsMax
  const lines = reasons.slice(0, reasonsMax).map((reason) => `  - ${reason}`)
  return more > 0 ? [...lines, `  - and ${more} more`] : lines
}

function anomalyLines({ anomalyCounts }: RunResult): ReadonlyArray<string> {
  const counts = Object.entries(anomalyCounts)
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
  if (counts.length === 0) return []
  const named = counts.slice(0, anomalyKindsMax).map(([kind, n]) => `${kind} × ${formatCount(n)}`)
  const more = counts.length - anomalyKindsMax
  return [`  anomalies     ${[...named, ...(more > 0 ? [`${more} more kinds`] : [])].join(", ")}`]
}

function faultsText({ faults, skipped }: RunResult): string {
  const effective = faults.filter((fault) => fault.effective).length
  const skips = skipped.length === 0 ? "" : `, ${counted(skipped.length, "kind")} skipped`
  return `${effective} of ${faults.length} effective${skips}`
}

/** Errors of brokers are quoted: no escape sequence of theirs gets to the terminal. */
const printable = (line: string): string => line.replace(/\p{Cc}/gu, " ")
