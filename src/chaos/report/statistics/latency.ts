/**
 * Points for the picture of latencies: every operation while there is room for them, else all that
 * went wrong, the slowest of those that went well, and an even sample of the rest, by its count.
 */
import type { Operation } from "../../history/history.ts"
import type { OperationCount } from "../../result.ts"
import { driverOf } from "./counts.ts"

export type LatencyOutcome = "ok" | "fail" | "info"
export type LatencyKind = "writes" | "reads" | "other"

/** Points of one colour, by time of invocation. */
export interface LatencyGroup {
  readonly kind: LatencyKind
  readonly outcome: LatencyOutcome
  readonly driver: OperationCount["process"]
  readonly atMs: ReadonlyArray<number>
  readonly latencyMs: ReadonlyArray<number>
}

export interface LatencyPoints {
  readonly groups: ReadonlyArray<LatencyGroup>
  /** Of those that went well: drawn because they are the slowest, … */
  readonly slowest: number
  /** … drawn as a sample of `sampledOf`; equal when all are drawn. */
  readonly sampled: number
  readonly sampledOf: number
  /** Failed and unknown: drawn, and all there are. */
  readonly troubled: number
  readonly troubledOf: number
}

export interface LatencyBounds {
  readonly slowestMax: number
  readonly sampledMax: number
  readonly troubledMax: number
}

const defaultBounds: LatencyBounds = {
  slowestMax: 15_000,
  sampledMax: 45_000,
  troubledMax: 200_000,
}

/** Nothing is faster than a picture on a logarithmic scale can show. */
const latencyMsMin = 0.01

/** What never returned is drawn as unknown, as long as the run went on after it. */
export function latencyPoints(
  operations: ReadonlyArray<Operation>,
  endMs: number,
  bounds: LatencyBounds = defaultBounds,
): LatencyPoints {
  const troubled: Array<Operation> = []
  const well: Array<Operation> = []
  for (const operation of operations) {
    if (operation.f === "drain") continue
    if (operation.outcome === "ok") well.push(operation)
    else troubled.push(operation)
  }
  const { slowest, rest } = splitSlowest(well, bounds)
  const sample = everySo(rest, bounds.sampledMax)
  const drawn = everySo(troubled, bounds.troubledMax)
  return {
    groups: groupsOf([...slowest, ...sample, ...drawn], endMs),
    slowest: slowest.length,
    sampled: sample.length,
    sampledOf: rest.length,
    troubled: drawn.length,
    troubledOf: troubled.length,
  }
}

function splitSlowest(
  well: ReadonlyArray<Operation>,
  { slowestMax, sampledMax }: LatencyBounds,
): { slowest: ReadonlyArray<Operation>; rest: ReadonlyArray<Operation> } {
  if (well.length <= slowestMax + sampledMax) return { slowest: [], rest: well }
  const sorted = Float64Array.from(well, tookMs).sort()
  const limitMs = sorted[sorted.length - slowestMax] ?? Infinity
  return {
    slowest: well.filter((one) => tookMs(one) > limitMs),
    rest: well.filter((one) => tookMs(one) <= limitMs),
  }
}

const tookMs = (operation: Operation): number => operation.returnedMs - operation.invokedMs

/** At most `max` of them, evenly by their place. */
function everySo<T>(items: ReadonlyArray<T>, max: number): ReadonlyArray<T> {
  if (items.length <= max) return items
  const step = items.length / max
  return Array.from({ length: max }, (_, i) => items[Math.floor(i * step)]).filter(
    (item): item is T => item !== undefined,
  )
}

function groupsOf(
  operations: ReadonlyArray<Operation>,
  endMs: number,
): ReadonlyArray<LatencyGroup> {
  const groups = new Map<string, { -readonly [K in keyof LatencyGroup]: LatencyGroup[K] }>()
  const points = new Map<string, Array<readonly [number, number]>>()
  for (const operation of operations) {
    const kind = kindOf(operation)
    const outcome = operation.outcome === "pending" ? "info" : operation.outcome
    const driver = driverOf(operation.process)
    const key = `${kind} ${outcome} ${driver}`
    const known = points.get(key)
    const returnedMs = operation.outcome === "pending" ? endMs : operation.returnedMs
    const latencyMs = Math.max(latencyMsMin, returnedMs - operation.invokedMs)
    if (known === undefined) {
      groups.set(key, { kind, outcome, driver, atMs: [], latencyMs: [] })
      points.set(key, [[operation.invokedMs, latencyMs]])
    } else known.push([operation.invokedMs, latencyMs])
  }
  return [...groups].map(([key, group]) => {
    const sorted = (points.get(key) ?? []).toSorted(([a], [b]) => a - b)
    return { ...group, atMs: sorted.map(([at]) => at), latencyMs: sorted.map(([, ms]) => ms) }
  })
}

const kindOf = ({ f }: Operation): LatencyKind =>
  f === "append" ? "writes" : f === "poll" ? "reads" : "other"

/** Of acknowledged writes, ms; 0 when there were none. */
export function writeLatency(operations: ReadonlyArray<Operation>): {
  readonly medianMs: number
  readonly p99Ms: number
  readonly maxMs: number
} {
  const writes = operations.filter(({ f, outcome }) => f === "append" && outcome === "ok")
  const sorted = Float64Array.from(writes, tookMs).sort()
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return { medianMs: at(0.5) ?? 0, p99Ms: at(0.99) ?? 0, maxMs: at(1) ?? 0 }
}
