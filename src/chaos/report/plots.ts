/** From a run to the data of its plots, and to what is said beside them. */
import type { Operation } from "../history/history.ts"
import type { RunResult } from "../result.ts"
import { counted, formatCount } from "./format.ts"
import type { PlotData } from "./plot-data.ts"
import { latencyPoints } from "./statistics/latency.ts"
import type { LatencyPoints } from "./statistics/latency.ts"
import { throughput } from "./statistics/throughput.ts"
import { faultWords } from "./words/faults.ts"

export interface Plots {
  readonly data: PlotData
  /** How far the picture of latencies is a sample. */
  readonly sampling: string
  readonly throughputMax: number
  readonly readMax: number
  readonly unseenMax: number
  readonly unseenAtEnd: number
}

const unseenSamplesMax = 2000

export function plotsOf(result: RunResult, operations: ReadonlyArray<Operation>): Plots {
  const { faults, phases, unseen } = result
  const points = latencyPoints(operations, phases.drainMs)
  const rates = throughput(operations, phases.checkMs)
  const drawn = thinned(unseen, unseenSamplesMax)
  const data: PlotData = {
    endMs: phases.checkMs,
    bands: faults
      .filter((fault) => fault.effective)
      .map(({ plan, injectedMs, healedMs }) => ({
        fromMs: Math.round(injectedMs),
        toMs: Math.round(healedMs),
        family: faultWords(plan.kind).family,
      })),
    latency: points.groups.map(({ kind, outcome, driver, atMs, latencyMs }) => ({
      kind,
      outcome,
      driver,
      atTenths: differences(atMs.map((ms) => Math.round(ms * 10))),
      latencyMs: latencyMs.map((ms) => Number(ms.toPrecision(3))),
    })),
    throughput: {
      bucketMs: rates.bucketMs,
      acknowledged: rates.acknowledged.map(Math.round),
      read: rates.read.map(Math.round),
    },
    unseen: {
      atMs: drawn.map(({ atMs }) => Math.round(atMs)),
      records: drawn.map((sample) => sample.unseen),
    },
  }
  return {
    data,
    sampling: samplingText(points),
    throughputMax: largest(rates.acknowledged),
    readMax: largest(rates.read),
    unseenMax: largest(unseen.map((sample) => sample.unseen)),
    unseenAtEnd: unseen.at(-1)?.unseen ?? 0,
  }
}

function samplingText(points: LatencyPoints): string {
  const { slowest, sampled, sampledOf, troubled, troubledOf } = points
  const all = sampled === sampledOf && troubled === troubledOf
  if (all) return `All ${counted(sampled + slowest + troubled, "operation")} are drawn.`
  const bad =
    troubled === troubledOf
      ? `All ${counted(troubled, "refused or unknown operation")}`
      : `${formatCount(troubled)} of ${counted(troubledOf, "refused or unknown operation")}`
  const slow = `the slowest ${formatCount(slowest)} of the others`
  const rest = `an even sample of ${formatCount(sampled)} of the remaining ${formatCount(sampledOf)}`
  return `${bad}, ${slow}, and ${rest} are drawn.`
}

/** The highest of each few, so that no peak is lost, and the last. */
function thinned<T extends { readonly unseen: number }>(
  samples: ReadonlyArray<T>,
  max: number,
): ReadonlyArray<T> {
  if (samples.length <= max) return samples
  const size = Math.ceil(samples.length / (max - 1))
  const last = samples.at(-1)
  const peaks: Array<T> = []
  for (let from = 0; from < samples.length; from += size) {
    const few = samples.slice(from, from + size)
    peaks.push(few.reduce((a, b) => (b.unseen > a.unseen ? b : a)))
  }
  return last === undefined || peaks.at(-1) === last ? peaks : [...peaks, last]
}

const differences = (values: ReadonlyArray<number>): ReadonlyArray<number> =>
  values.map((value, i) => value - (values[i - 1] ?? 0))

const largest = (values: ReadonlyArray<number>): number =>
  values.reduce((a, b) => Math.max(a, b), 0)
