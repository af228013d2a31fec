/** Every replica's dump at the end: in order, without holes, and the same as the others'. */
import type { Drain, Operation, SeenRecord } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { Compaction } from "./compaction.ts"
import type { FinalLog } from "./final-log.ts"
import { lowerBound } from "./lower-bound.ts"
import type { PartitionView } from "./partition-view.ts"

export function checkReplicas(view: PartitionView, anomalies: Anomalies): void {
  const { log } = view
  for (const drain of view.drains) checkDump(view, drain, anomalies)
  if (log === undefined) return
  if (!log.isCompacted) checkHoles(view, log, anomalies)
  for (const drain of view.drains) {
    if (drain === log.drain) continue
    const differs = log.isCompacted
      ? compactedDifference(view, log, drain)
      : difference(log, drain.records)
    const sameEnd = drain.highWatermark === log.endOffset || drain.highWatermark < 0
    if (differs === undefined && sameEnd) continue
    const where = differs === undefined ? "" : `; ${differs}`
    const detail =
      `broker ${drain.node} ends at ${drain.highWatermark}, ` +
      `broker ${log.drain.node} at ${log.endOffset}${where}`
    anomalies.add("replica-divergence", view.partition, detail, [drain, log.drain])
  }
}

/** Offsets rise, and epochs do not fall. */
function checkDump(view: PartitionView, drain: Operation<Drain>, anomalies: Anomalies): void {
  let before = -1
  let highest = -1
  for (const [offset, value, epoch] of drain.records) {
    if (offset <= before) {
      const detail = `broker ${drain.node}: ${value} at ${offset} comes after ${before}`
      anomalies.add("int-nonmonotonic-poll", view.partition, detail, [drain])
      return
    }
    if (epoch !== -1 && epoch < highest) {
      const detail = `${value} at ${offset} has epoch ${epoch} behind ${highest}`
      anomalies.add("epoch-order", view.partition, detail, [drain])
      return
    }
    before = offset
    highest = Math.max(highest, epoch)
  }
}

/** Nothing but compaction takes a record out of a log, and nothing but records take an offset. */
function checkHoles(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  const { drain } = log
  let expected = drain.logStartOffset < 0 ? Math.max(0, log.firstOffset) : drain.logStartOffset
  for (let place = 0; place <= log.records.length; place++) {
    const offset = log.records[place]?.[0] ?? log.endOffset
    if (offset > expected) {
      const detail = `nothing lies at ${expected} to ${offset - 1} on broker ${drain.node}`
      anomalies.add("offset-hole", view.partition, detail, [drain])
    }
    if (offset >= expected) expected = offset + 1
  }
}

/** Each replica may begin elsewhere; above the highest start they hold the same. */
function difference(log: FinalLog, dump: ReadonlyArray<SeenRecord>): string | undefined {
  let place = log.placeAt(log.startOffset)
  for (let i = lowerBound(dump, log.startOffset, ([offset]) => offset); ; i++, place++) {
    const one = dump[i]
    const other = log.records[place]
    if (one === undefined && other === undefined) return undefined
    if (one?.[0] === other?.[0] && one?.[1] === other?.[1]) continue
    return `it holds ${textOf(one)} where that holds ${textOf(other)}`
  }
}

const textOf = (record: SeenRecord | undefined): string =>
  record === undefined ? "nothing" : `${record[1]} at ${record[0]}`

/** Each may have compacted as far as it has: what one lacks must be one that it may lack. */
function compactedDifference(
  view: PartitionView,
  log: FinalLog,
  drain: Operation<Drain>,
): string | undefined {
  const other = drain.records
  return (
    missingFrom(view, log.records, other, log.startOffset) ??
    missingFrom(view, other, log.records, log.startOffset)
  )
}

function missingFrom(
  view: PartitionView,
  records: ReadonlyArray<SeenRecord>,
  from: ReadonlyArray<SeenRecord>,
  startOffset: number,
): string | undefined {
  const held = new Map(from.map(([offset, value]) => [offset, value]))
  const compaction = new Compaction(view, from)
  const missing = records.find(([offset, value]) => {
    if (offset < startOffset) return false
    const there = held.get(offset)
    return there === undefined ? !compaction.mayTake(value, offset) : there !== value
  })
  return missing && `one of them lacks ${textOf(missing)}`
}
