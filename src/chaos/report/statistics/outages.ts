/**
 * When a partition took no writes although somebody was trying: from the first attempt that nothing
 * answered, or from the last acknowledgement if an attempt was already under way, to the next
 * acknowledgement. Nobody trying is no outage.
 */
import type { FaultRecord } from "../../fault.ts"
import type { Append, Operation } from "../../history/history.ts"
import { operationsOf } from "../../history/history.ts"
import type { Outage, Phases } from "../../result.ts"

/** How long a heal took to show: until every partition took writes again. */
export interface Recovery {
  /** The fault that was taken back. */
  readonly fault: FaultRecord
  /** "" when writes never stopped for 100 ms. */
  readonly partition: string
  readonly outageMs: number
  /** The next fault struck before the end: what came after is not this heal's. */
  readonly cutShort: boolean
}

interface Moment {
  readonly atMs: number
  readonly what: "invoke" | "ok" | "none"
  readonly order: number
}

/** All outages, of every length, by partition and then by time. `endMs` closes those still open. */
export function allOutages(
  operations: ReadonlyArray<Operation>,
  endMs: number,
): ReadonlyArray<Outage> {
  const answered = operationsOf(operations, "append").filter(isAnswered)
  const byPartition = Map.groupBy(answered, (one) => one.partition)
  return [...byPartition]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([partition, appends]) => outagesOf(partition, appends, endMs))
}

/** Whoever asks for no acknowledgement gets none; and of some nobody knows where they went. */
const isAnswered = ({ acks, partition }: Append): boolean =>
  acks !== 0 && !partition.endsWith(partitionUntold)

const partitionUntold = "/-1"

function outagesOf(
  partition: string,
  appends: ReadonlyArray<Operation<Append>>,
  endMs: number,
): ReadonlyArray<Outage> {
  const outages: Array<Outage> = []
  let underWay = 0
  let sinceMs: number | undefined
  let lastMs = 0
  for (const { atMs, what } of momentsOf(appends, endMs)) {
    lastMs = atMs
    if (what === "invoke") {
      underWay++
      sinceMs ??= atMs
      continue
    }
    underWay--
    if (what !== "ok") continue
    if (sinceMs !== undefined) outages.push({ partition, fromMs: sinceMs, toMs: atMs })
    sinceMs = underWay > 0 ? atMs : undefined
  }
  if (sinceMs !== undefined && lastMs > sinceMs)
    outages.push({ partition, fromMs: sinceMs, toMs: lastMs })
  return outages
}

/** In the order of the history, which times alone do not always tell. */
function momentsOf(
  appends: ReadonlyArray<Operation<Append>>,
  endMs: number,
): ReadonlyArray<Moment> {
  const moments = appends.flatMap((append): Array<Moment> => [
    { atMs: append.invokedMs, what: "invoke", order: append.invoked },
    append.outcome === "pending"
      ? { atMs: Math.max(endMs, append.invokedMs), what: "none", order: Infinity }
      : {
          atMs: append.returnedMs,
          what: append.outcome === "ok" ? "ok" : "none",
          order: append.returned,
        },
  ])
  return moments.sort((a, b) => a.atMs - b.atMs || orderOf(a, b))
}

/** Infinity minus itself is no order. */
const orderOf = (a: Moment, b: Moment): number => (a.order === b.order ? 0 : a.order - b.order)

/** Of each partition the longest that began in the fault window, longest first. */
export function longestInWindow(all: ReadonlyArray<Outage>, phases: Phases): ReadonlyArray<Outage> {
  const longest = new Map<string, Outage>()
  for (const outage of all) {
    if (outage.fromMs < phases.faultsMs || outage.fromMs >= phases.healMs) continue
    const known = longest.get(outage.partition)
    if (known === undefined || lengthOf(outage) > lengthOf(known))
      longest.set(outage.partition, outage)
  }
  return [...longest.values()].toSorted((a, b) => lengthOf(b) - lengthOf(a))
}

const lengthOf = ({ fromMs, toMs }: Outage): number => toMs - fromMs

/** Ms, of all partitions, counted from when the last fault was taken back. */
export function longestAfterLastHeal(
  all: ReadonlyArray<Outage>,
  faults: ReadonlyArray<FaultRecord>,
  phases: Phases,
): number {
  const healedMs = Math.max(phases.healMs, ...faults.map((fault) => fault.healedMs))
  let longestMs = 0
  for (const { fromMs, toMs } of all)
    longestMs = Math.max(longestMs, toMs - Math.max(fromMs, healedMs))
  return longestMs
}

/** Less is what a write takes on a machine that has other things to do. */
const noticeableMs = 100

/** One per fault, in the order of the heals; each looks no further than the next fault. */
export function recoveries(
  all: ReadonlyArray<Outage>,
  faults: ReadonlyArray<FaultRecord>,
  endMs: number,
): ReadonlyArray<Recovery> {
  const strikes = faults.map((fault) => fault.injectedMs).toSorted((a, b) => a - b)
  const ordered = all
    .filter((outage) => lengthOf(outage) >= noticeableMs)
    .toSorted((a, b) => a.fromMs - b.fromMs)
  return faults
    .toSorted((a, b) => a.healedMs - b.healedMs)
    .map((fault) => {
      const nextMs = strikes.find((atMs) => atMs > fault.healedMs) ?? endMs
      return recoveryOf(fault, ordered, nextMs)
    })
}

function recoveryOf(fault: FaultRecord, ordered: ReadonlyArray<Outage>, nextMs: number): Recovery {
  let longest: Recovery = { fault, partition: "", outageMs: 0, cutShort: false }
  for (const { partition, fromMs, toMs } of ordered) {
    if (fromMs >= nextMs) break
    if (toMs <= fault.healedMs) continue
    const outageMs = Math.min(toMs, nextMs) - Math.max(fromMs, fault.healedMs)
    if (outageMs > longest.outageMs)
      longest = { fault, partition, outageMs, cutShort: toMs > nextMs }
  }
  return longest
}
