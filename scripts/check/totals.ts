/** The counts that a stage of the gate adds to the last line. */
export interface Totals {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export const nothing: Totals = { passed: 0, failed: 0, skipped: 0 }

export const add = (a: Totals, b: Totals): Totals => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
})

/**
 * Reads the summary that `bun test` prints (" 10 pass"); undefined where there is none, as after a
 * crash.
 */
export function totalsOf(output: string): Totals | undefined {
  const count = (word: string): number | undefined => {
    const found = [...output.matchAll(new RegExp(`^ *(\\d+) ${word}$`, "gm"))].at(-1)?.[1]
    return found === undefined ? undefined : Number(found)
  }
  const passed = count("pass")
  const failed = count("fail")
  if (passed === undefined || failed === undefined) return undefined
  return { passed, failed, skipped: (count("skip") ?? 0) + (count("todo") ?? 0) }
}

/** Reads the last line of the form that `closingLine` gives; undefined where there is none. */
export function closingTotalsOf(output: string): Totals | undefined {
  const closing = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/gm
  const [, passed, failed, skipped = "0"] = [...output.matchAll(closing)].at(-1) ?? []
  if (passed === undefined || failed === undefined) return undefined
  return { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) }
}

/** The closing line of a run: read by whoever wants to know whether anything ran at all. */
export function closingLine(totals: Totals): string {
  const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : ""
  return `${totals.passed} passed, ${totals.failed} failed${skipped}`
}
