/** What the page's plots are drawn from: plain data, small, shared by the page's own program. */
import type { FaultFamily } from "./words/faults.ts"

/** Columns of numbers; times are differences to the one before, in tenths of a millisecond. */
export interface LatencySeries {
  readonly kind: "writes" | "reads" | "other"
  readonly outcome: "ok" | "fail" | "info"
  readonly driver: string
  readonly atTenths: ReadonlyArray<number>
  readonly latencyMs: ReadonlyArray<number>
}

export interface FaultBand {
  readonly fromMs: number
  readonly toMs: number
  readonly family: FaultFamily
}

export interface PlotData {
  readonly endMs: number
  readonly bands: ReadonlyArray<FaultBand>
  readonly latency: ReadonlyArray<LatencySeries>
  readonly throughput: {
    readonly bucketMs: number
    readonly acknowledged: ReadonlyArray<number>
    readonly read: ReadonlyArray<number>
  }
  readonly unseen: {
    readonly atMs: ReadonlyArray<number>
    readonly records: ReadonlyArray<number>
  }
}

/** Of the element that holds the data. */
export const plotDataId = "plot-data"
