/** What is said of a set of times, ms. */
export interface Quantiles {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

const round = (value: number) => Math.round(value * 100) / 100

export function quantiles(times: ReadonlyArray<number>): Quantiles {
  const sorted = Float64Array.from(times).sort()
  const at = (part: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0)
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) }
}
