/**
 * Where the lost writes lay: a prefix tells of a log that was begun anew, a postfix of a tail that
 * was cut, a middle of something worse (as Jepsen's test of NATS has it).
 */
import type { Append, Operation } from "../history/history.ts"
import type { Anomalies, LossPlace } from "./anomaly.ts"
import type { FinalLog } from "./final-log.ts"
import type { PartitionView } from "./partition-view.ts"

/** A value that was acknowledged and is not there. */
export interface LostWrite {
  readonly value: string
  /** −1: not told. */
  readonly offset: number
  readonly append: Operation<Append>
  /** Of a tombstone. */
  readonly key?: string | undefined
}

/** Of one partition; records. */
export interface Losses extends Readonly<Record<LossPlace, number>> {
  readonly partition: string
  /** By broker: how many of the lost ones its dump does not hold. */
  readonly missingOn: Readonly<Record<string, number>>
}

export function reportLosses(
  view: PartitionView,
  log: FinalLog,
  lost: ReadonlyArray<LostWrite>,
  anomalies: Anomalies,
): Losses {
  const places = { prefix: 0, middle: 0, postfix: 0 }
  const missing: Record<string, number> = {}
  const [first, last] = survivors(view, log)
  const dumps = view.drains.map(({ node, records }) => ({
    node,
    values: new Set(records.map(([, value]) => value)),
  }))
  for (const { value, offset, append } of lost) {
    const at = offset === -1 ? (view.ends.before(append.invoked)?.end ?? 0) : offset
    const where = at > last ? "postfix" : at < first ? "prefix" : "middle"
    places[where]++
    const missingOn = dumps.filter(({ values }) => !values.has(value)).map(({ node }) => node)
    for (const node of missingOn) missing[node] = (missing[node] ?? 0) + 1
    const acknowledged = offset === -1 ? "acknowledged" : `acknowledged at ${offset}`
    const detail =
      `${value}, ${acknowledged} by broker ${append.node}, is lost (${where}); ` +
      `the log is ${log.startOffset} to ${log.endOffset}, missing on ${missingOn.join(", ")}`
    anomalies.add("lost-write", view.partition, detail, [append, log.drain], { where, missingOn })
  }
  return { partition: view.partition, ...places, missingOn: missing }
}

/** Lowest and highest offset of what was acknowledged and is there; [∞, −1] when nothing is. */
function survivors(view: PartitionView, log: FinalLog): readonly [number, number] {
  let first = Infinity
  let last = -1
  for (const { outcome, acks, values } of view.appends) {
    if (outcome !== "ok" || acks !== -1) continue
    for (const value of values) {
      const offset = log.firstOffsetOf(value)
      if (offset === undefined) continue
      first = Math.min(first, offset)
      last = Math.max(last, offset)
    }
  }
  return [first, last]
}
