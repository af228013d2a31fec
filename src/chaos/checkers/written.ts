/** What the log holds: each offset one value, each value written by somebody, once. */
import type { Append, Operation } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import type { PartitionView } from "./partition-view.ts"

export function checkWritten(view: PartitionView, anomalies: Anomalies): void {
  const seen = new Seen(view, anomalies)
  for (const reads of [view.drains, view.polls]) {
    for (const read of reads) {
      if (read.outcome !== "ok") continue
      for (const [offset, value] of read.records) {
        const writer = seen.see(offset, value, read)
        checkWriter(view, value, offset, writer, read, anomalies)
      }
    }
  }
  for (const append of view.appends) {
    // With fewer acks an acknowledged record may be lost, and its offset belong to another.
    if (append.outcome !== "ok" || append.acks !== -1 || append.offset < 0) continue
    append.values.forEach((value, i) => void seen.see(append.offset + i, value, append))
  }
  seen.checkCopies()
}

/** The value at each offset: that of the final log, and what was seen where it has none. */
class Seen {
  readonly #view: PartitionView
  readonly #anomalies: Anomalies
  readonly #elsewhere = new Map<number, { readonly value: string; readonly by: Operation }>()

  constructor(view: PartitionView, anomalies: Anomalies) {
    this.#view = view
    this.#anomalies = anomalies
  }

  /** Returns who wrote the value. */
  see(offset: number, value: string, by: Operation): Operation<Append> | undefined {
    const { log, logWriters, writers } = this.#view
    const place = log?.placeAt(offset) ?? -1
    const final = log?.records[place]
    if (log !== undefined && final !== undefined && final[0] === offset) {
      if (final[1] === value) return logWriters[place]
      this.#differ(offset, final[1], value, log.drain, by)
      return writers.firstOf(value)
    }
    const before = this.#elsewhere.get(offset)
    if (before === undefined) this.#elsewhere.set(offset, { value, by })
    else if (before.value !== value) this.#differ(offset, before.value, value, before.by, by)
    return writers.firstOf(value)
  }

  #differ(offset: number, one: string, other: string, by: Operation, and: Operation): void {
    const detail = `offset ${offset} is ${one} and ${other}`
    this.#anomalies.add("inconsistent-offsets", this.#view.partition, detail, [by, and])
  }

  /** Idempotent: once. Else at most as often as it was sent. */
  checkCopies(): void {
    const { log, writers, partition } = this.#view
    const places = new Map<string, Array<number>>()
    for (const [value, offsets] of log?.copies ?? []) places.set(value, [...offsets])
    for (const [offset, { value }] of this.#elsewhere) {
      const known = places.get(value)
      if (known === undefined) places.set(value, [...(log?.offsetsOf(value) ?? []), offset])
      else known.push(offset)
    }
    for (const [value, offsets] of places) {
      const append = writers.firstOf(value)
      if (append === undefined || offsets.length <= writers.copiesMax(value)) continue
      const detail = `${value} is at ${offsets.toSorted((a, b) => a - b).join(", ")}`
      this.#anomalies.add("duplicate", partition, detail, [append])
    }
  }
}

function checkWriter(
  view: PartitionView,
  value: string,
  offset: number,
  writer: Operation<Append> | undefined,
  read: Operation,
  anomalies: Anomalies,
): void {
  if (writer === undefined || writer.invoked > read.returned) {
    const detail = `${value} at ${offset} was not written to this partition`
    anomalies.add("unwritten-value", view.partition, detail, [read])
  } else if (writer.outcome === "fail" && view.writers.didAllFail(value)) {
    const detail = `${value} at ${offset}: its write failed (${writer.error})`
    anomalies.add("aborted-read", view.partition, detail, [writer, read])
  }
}
