/** The left column of drawings of operations: who did what, and how it went. */
import type { Operation } from "../../history/history.ts"
import { shortened } from "../format.ts"
import { markup } from "../markup.ts"
import type { Markup } from "../markup.ts"

export const rowNameWidth = 206

const outcomeWords = {
  ok: "ok",
  fail: "refused",
  info: "unknown",
  pending: "no answer",
} as const

export const outcomeWord = ({ outcome }: Operation): string => outcomeWords[outcome]

/** Two lines: the process; beneath it the kind, the number, and what came of it. */
export const drawRowName = (operation: Operation, y: number): Markup => {
  const { process, f, id } = operation
  const what = `${f} #${id}, ${outcomeWord(operation)}`
  return markup`
    <text class="row-name" x="0" y="${y}"><title>${process}</title>${shortened(process, 32)}</text>
    <text class="row-what outcome-${operation.outcome}" x="0" y="${y + 12}">${what}</text>`
}
