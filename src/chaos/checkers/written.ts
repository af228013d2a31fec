/** What the log holds: each offset one value, each value written by somebody, once. */
import type { Operation } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import type { PartitionView } from "./partition-view.ts"

interface Seen {
  readonly value: string
  readonly by: Operation
}

export function checkWritten(view: PartitionView, anomalies: Anomalies): void {
  const { partition } = view
  const at = new Map<number, Seen>()
  const see = (offset: number, value: string, by: Operation): void => {
    const before = at.get(offset)
    if (before === undefined) at.set(offset, { value, by })
    else if (before.value !== value) {
      const detail = `offset ${offset} is ${before.value} and ${value}`
      anomalies.add("inconsistent-offsets", partition, detail, [before.by, by])
    }
  }
  for (const reads of [view.drains, view.polls]) {
    for (const read of reads) {
      for (const [offset, value] of read.records) {
        see(offset, value, read)
        checkWriter(view, value, offset, read, anomalies)
      }
    }
  }
  for (const append of view.appends) {
    // With fewer acks an acknowledged record may be lost, and its offset belong to another.
    if (append.outcome !== "ok" || append.acks !== -1 || append.offset < 0) continue
    append.values.forEach((value, i) => see(append.offset + i, value, append))
  }
  checkCopies(view, at, anomalies)
}

function checkWriter(
  view: PartitionView,
  value: string,
  offset: number,
  read: Operation,
  anomalies: Anomalies,
): void {
  const writer = view.writers.get(value)
  if (writer === undefined || writer.append.invoked > read.returned) {
    const detail = `${value} at ${offset} was not written to this partition`
    anomalies.add("unwritten-value", view.partition, detail, [read])
  } else if (writer.append.outcome === "fail") {
    const detail = `${value} at ${offset}: its write failed (${writer.append.error})`
    anomalies.add("aborted-read", view.partition, detail, [writer.append, read])
  }
}

/** Idempotent: once. Else at most as often as it was sent. */
function checkCopies(
  view: PartitionView,
  at: ReadonlyMap<number, Seen>,
  anomalies: Anomalies,
): void {
  const places = new Map<string, Array<number>>()
  for (const [offset, { value }] of at) {
    const known = places.get(value)
    if (known === undefined) places.set(value, [offset])
    else known.push(offset)
  }
  for (const [value, offsets] of places) {
    const append = view.writers.get(value)?.append
    if (append === undefined || offsets.length === 1) continue
    const most = append.producer === null ? Math.max(1, append.attempts) : 1
    if (append.outcome === "pending" && append.producer === null) continue
    if (offsets.length <= most) continue
    const detail = `${value} is at ${offsets.toSorted((a, b) => a - b).join(", ")}`
    anomalies.add("duplicate", view.partition, detail, [append])
  }
}
