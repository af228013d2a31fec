/** The brokers' own words around the moments that a report is about. */
import { existsSync } from "node:fs"
import type { ChaosNode } from "./cluster.ts"
import type { LogLine } from "./result.ts"
import { linesOf } from "./run-folder.ts"

/** Half-open, run clock. */
export interface Interval {
  readonly fromMs: number
  readonly toMs: number
}

export const aroundMs = 2_000
const linesMax = 2_000
const charsMax = 500

/**
 * `startedAtMs`: wall clock of the run's beginning, by which lines are placed. At most 2,000 lines,
 * in the order of their times.
 */
export async function logLinesAround(
  nodes: ReadonlyArray<ChaosNode>,
  startedAtMs: number,
  moments: ReadonlyArray<Interval>,
): Promise<ReadonlyArray<LogLine>> {
  const intervals = joined(moments)
  if (intervals.length === 0) return []
  const found: Array<LogLine> = []
  for (const { id, logFile } of nodes) {
    if (!existsSync(logFile)) continue
    let own = 0
    for await (const text of linesOf(logFile)) {
      const atMs = (timeOf(text) ?? Number.NaN) - startedAtMs
      if (!intervals.some(({ fromMs, toMs }) => atMs >= fromMs && atMs < toMs)) continue
      found.push({ atMs, node: id, text: text.slice(0, charsMax) })
      if (++own >= linesMax / nodes.length) break
    }
  }
  return found.toSorted((a, b) => a.atMs - b.atMs)
}

/** Overlapping ones become one. */
export function joined(moments: ReadonlyArray<Interval>): ReadonlyArray<Interval> {
  const result: Array<Interval> = []
  for (const next of moments.toSorted((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1)
    if (last === undefined || next.fromMs > last.toMs) result.push(next)
    else result[result.length - 1] = { ...last, toMs: Math.max(last.toMs, next.toMs) }
  }
  return result
}

const iso = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/
const log4j = /^\[(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d),(\d{3})\]/

/** Wall clock, ms; undefined for a line without a time. */
export function timeOf(line: string): number | undefined {
  const [utc] = iso.exec(line) ?? []
  if (utc !== undefined) return Date.parse(utc)
  // Kafka writes the machine's own time.
  const [, day, time, ms] = log4j.exec(line) ?? []
  return day === undefined ? undefined : Date.parse(`${day}T${time}.${ms}`)
}
