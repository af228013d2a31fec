/** Cumulative counts: one line of JSON per run, appended, so that documents can quote the sums. */
import { appendFileSync } from "node:fs"
import type { Totals } from "./campaign.ts"
import type { Commit } from "./commit.ts"

export interface CountsLine {
  readonly commit: string
  readonly isDirty: boolean
  readonly kind: "core" | "brokers"
  readonly firstSeed: number
  readonly seeds: number
  readonly simulatedHours: number
  readonly wallSeconds: number
  readonly events: number
  readonly compared: number
  readonly alarms: number
  readonly rare: Readonly<Record<string, number>>
}

export function countsOf(
  commit: Commit,
  run: Pick<CountsLine, "kind" | "firstSeed">,
  totals: Totals,
  elapsedMs: number,
): CountsLine {
  return {
    commit: commit.id,
    isDirty: commit.isDirty,
    ...run,
    seeds: totals.seeds,
    simulatedHours: Number((totals.simulatedMs / 3_600_000).toFixed(3)),
    wallSeconds: Number((elapsedMs / 1_000).toFixed(1)),
    events: totals.events,
    compared: totals.compared,
    alarms: totals.findings.length,
    rare: Object.fromEntries([...totals.rare].toSorted(([a], [b]) => (a < b ? -1 : 1))),
  }
}

export function appendCounts(file: string, line: CountsLine): void {
  appendFileSync(file, `${JSON.stringify(line)}\n`)
}
