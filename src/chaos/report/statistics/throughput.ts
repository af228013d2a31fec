/** Records per second over time. */
import type { Operation } from "../../history/history.ts"

export interface Throughput {
  readonly bucketMs: number
  /** Records per second, of each bucket from the beginning of the run. */
  readonly acknowledged: ReadonlyArray<number>
  readonly read: ReadonlyArray<number>
}

const bucketsMax = 1200
const bucketSizesMs = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000]

/** Buckets as short as can be while there are at most 1200 of them, 500 ms at least. */
export function throughput(operations: ReadonlyArray<Operation>, endMs: number): Throughput {
  const bucketMs = bucketSizesMs.find((ms) => endMs / ms <= bucketsMax) ?? endMs / bucketsMax
  const buckets = Math.max(1, Math.ceil(endMs / bucketMs))
  const acknowledged = new Float64Array(buckets)
  const read = new Float64Array(buckets)
  const perSecond = 1000 / bucketMs
  for (const operation of operations) {
    if (operation.outcome !== "ok") continue
    const at = Math.floor(operation.returnedMs / bucketMs)
    if (at < 0 || at >= buckets) continue
    if (operation.f === "append" && operation.acks !== 0)
      acknowledged[at] = (acknowledged[at] ?? 0) + operation.values.length * perSecond
    else if (operation.f === "poll")
      read[at] = (read[at] ?? 0) + operation.records.length * perSecond
  }
  return { bucketMs, acknowledged: [...acknowledged], read: [...read] }
}
