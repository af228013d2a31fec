/**
 * The order of a log: batches in one piece, an idempotent producer's in its own order, and each
 * behind all that was acknowledged before it was sent. With offsets answered and a log drained that
 * is linearizability of the log, without a search.
 */
import type { Append, Operation } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import type { FinalLog, PartitionView } from "./partition-view.ts"

export function checkOrder(view: PartitionView, anomalies: Anomalies): void {
  const { log } = view
  checkEpochs(view, anomalies)
  if (log === undefined) return
  checkPieces(view, log, anomalies)
  checkSequences(view, log, anomalies)
  checkRealTime(view, log, anomalies)
}

const placeOf = (log: FinalLog, append: Operation<Append>): number | undefined =>
  log.offsetsOf.get(append.values[0] ?? "")?.[0]

/** Also of a batch that the log begins in: where its first record was. */
function firstPlace(log: FinalLog, append: Operation<Append>): number | undefined {
  const first = placeOf(log, append)
  if (first !== undefined) return first
  const inside = append.values.indexOf(log.valueAt.get(log.firstOffset) ?? "")
  return inside === -1 ? undefined : log.firstOffset - inside
}

function checkPieces(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  for (const append of view.appends) {
    const first = firstPlace(log, append)
    const at = append.values.findIndex((value, i) => {
      if (first === undefined) return log.offsetsOf.has(value)
      return first + i >= log.firstOffset && log.valueAt.get(first + i) !== value
    })
    if (at === -1) continue
    const detail = `${append.values[at]} does not follow ${append.values[0]} at ${first}`
    anomalies.add("torn-batch", view.partition, detail, [append, log.drain])
  }
}

function checkSequences(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  const byProducer = new Map<string, Array<Operation<Append>>>()
  for (const append of view.appends) {
    if (append.producer === null) continue
    const key = `${append.producer.id}/${append.producer.epoch}`
    const known = byProducer.get(key)
    if (known === undefined) byProducer.set(key, [append])
    else known.push(append)
  }
  for (const [key, appends] of byProducer) {
    appends.sort((a, b) => (a.producer?.baseSequence ?? 0) - (b.producer?.baseSequence ?? 0))
    let before: { append: Operation<Append>; place: number } | undefined
    for (const append of appends) {
      const place = placeOf(log, append)
      if (place === undefined) continue
      if (before !== undefined && place < before.place) {
        const detail = `producer ${key}: ${append.values[0]} at ${place}, before it ${before.append.values[0]} at ${before.place}`
        anomalies.add("nonmonotonic-send", view.partition, detail, [before.append, append])
      }
      before = { append, place }
    }
  }
}

/** In the order of invocations, against the highest offset acknowledged by then. */
function checkRealTime(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  const acknowledged = view.appends
    .filter(({ outcome, acks, offset }) => outcome === "ok" && acks === -1 && offset >= 0)
    .toSorted((a, b) => a.returned - b.returned)
  let next = 0
  let highest: Operation<Append> | undefined
  for (const append of view.appends.toSorted((a, b) => a.invoked - b.invoked)) {
    for (; next < acknowledged.length; next++) {
      const done = acknowledged[next]
      if (done === undefined || done.returned > append.invoked) break
      if (highest === undefined || done.offset > highest.offset) highest = done
    }
    const place = placeOf(log, append)
    if (highest === undefined || place === undefined || place > highest.offset) continue
    const detail = `${append.values[0]} at ${place} was sent after ${highest.values[0]} at ${highest.offset} was acknowledged`
    anomalies.add("realtime-order", view.partition, detail, [highest, append])
  }
}

function checkEpochs(view: PartitionView, anomalies: Anomalies): void {
  for (const drain of view.drains) {
    let highest = -1
    for (const [offset, value, epoch] of drain.records) {
      if (epoch < highest) {
        const detail = `${value} at ${offset} has epoch ${epoch} behind ${highest}`
        anomalies.add("epoch-order", view.partition, detail, [drain])
        break
      }
      highest = epoch
    }
  }
}
