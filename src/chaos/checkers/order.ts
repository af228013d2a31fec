/**
 * The order of a log: batches in one piece, an idempotent producer's in its own order, and each
 * behind all that was acknowledged before it was sent. With offsets answered and a log drained that
 * is linearizability of the log, without a search.
 */
import type { Append, Operation } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import type { FinalLog } from "./final-log.ts"
import type { LogIndex } from "./log-index.ts"
import { wasSentOnce } from "./partition-view.ts"
import type { PartitionView } from "./partition-view.ts"
import { isIdempotent } from "./writers.ts"

export function checkOrder(view: PartitionView, anomalies: Anomalies): void {
  const { log, known } = view
  checkAnswers(view, anomalies)
  if (log !== undefined) checkPieces(view, log, anomalies)
  if (known === undefined) return
  checkSequences(view, known, anomalies)
  checkFences(view, known, anomalies)
  checkRealTime(view, known, anomalies)
}

const placeOf = (log: LogIndex, { values, offset }: Operation<Append>): number | undefined =>
  log.firstOffsetOf(values[0] ?? "", offset)

const producerOf = ({ producer }: Append): string =>
  `${producer?.id ?? -1}/${producer?.epoch ?? -1}`

/** A batch that is repeated is answered with the offset that it has got the first time. */
function checkAnswers(view: PartitionView, anomalies: Anomalies): void {
  const answered = new Map<string, Operation<Append>>()
  for (const append of view.appends) {
    if (append.outcome !== "ok" || append.acks !== -1 || append.offset < 0) continue
    if (!isIdempotent(append) || !view.writers.isRepeated(append.values[0] ?? "")) continue
    const key = `${producerOf(append)}/${append.producer?.baseSequence ?? -1}`
    const before = answered.get(key)
    if (before === undefined) answered.set(key, append)
    else if (before.offset !== append.offset) {
      const detail = `${append.values[0]} was acknowledged at ${before.offset} and at ${append.offset}`
      anomalies.add("wrong-ack-offset", view.partition, detail, [before, append])
    }
  }
}

function checkPieces(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  for (const append of view.appends) {
    if (append.values.length === 1) continue
    const at = log.isCompacted ? misplaced(log, append) : torn(log, append)
    if (at === -1) continue
    const first = placeOf(log, append)
    const detail = `${append.values[at]} does not follow ${append.values[0]} at ${first ?? "no offset"}`
    anomalies.add("torn-batch", view.partition, detail, [append, log.drain])
  }
}

/** Also of a batch that the log begins in. */
function torn(log: LogIndex, { values }: Append): number {
  const inside = values.indexOf(log.valueAt(log.firstOffset) ?? "")
  const first =
    log.firstOffsetOf(values[0] ?? "") ?? (inside === -1 ? undefined : log.firstOffset - inside)
  return values.findIndex((value, i) => {
    if (first === undefined) return log.firstOffsetOf(value) !== undefined
    return first + i >= log.firstOffset && log.valueAt(first + i) !== value
  })
}

/** Some may be gone; the others lie as they lay. */
function misplaced(log: LogIndex, { values }: Append): number {
  let base: number | undefined
  return values.findIndex((value, i) => {
    const offset = log.firstOffsetOf(value)
    if (offset === undefined) return false
    base ??= offset - i
    return offset !== base + i
  })
}

function checkSequences(view: PartitionView, log: LogIndex, anomalies: Anomalies): void {
  const idempotent = view.appends.filter(isIdempotent)
  for (const [key, appends] of Map.groupBy(idempotent, producerOf)) {
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

/** What one producer id wrote in an earlier epoch lies before what it wrote in a later one. */
function checkFences(view: PartitionView, log: LogIndex, anomalies: Anomalies): void {
  const highest = new Map<number, { readonly epoch: number; readonly by: Operation<Append> }>()
  for (const [place, append] of view.logWriters.entries()) {
    if (append === undefined || append.producer === null || append.producer.id < 0) continue
    const [offset, value] = log.records[place] ?? [-1, ""]
    // Which of the attempts wrote it cannot be told, nor in which epoch.
    if (view.writers.isRepeated(value)) continue
    const { id, epoch } = append.producer
    const before = highest.get(id)
    if (before === undefined || epoch > before.epoch) highest.set(id, { epoch, by: append })
    else if (epoch < before.epoch) {
      const detail = `producer ${id}: ${value} of epoch ${epoch} at ${offset}, behind epoch ${before.epoch}`
      anomalies.add("fenced-append", view.partition, detail, [before.by, append])
    }
  }
}

interface Settled {
  readonly append: Operation<Append>
  readonly offset: number
}

/** In the order of invocations, against the highest offset acknowledged by then. */
function checkRealTime(view: PartitionView, log: LogIndex, anomalies: Anomalies): void {
  const settled = view.appends
    .flatMap((append) => settledOf(view, log, append))
    .sort((a, b) => a.append.returned - b.append.returned)
  let next = 0
  let highest: Settled | undefined
  for (const append of view.appends.toSorted((a, b) => a.invoked - b.invoked)) {
    for (; next < settled.length; next++) {
      const done = settled[next]
      if (done === undefined || done.append.returned > append.invoked) break
      if (highest === undefined || done.offset > highest.offset) highest = done
    }
    const place = placeOf(log, append)
    if (highest === undefined || place === undefined || place > highest.offset) continue
    if (view.writers.firstOf(append.values[0] ?? "") !== append) continue
    const detail = `${append.values[0]} at ${place} was sent after ${highest.append.values[0]} at ${highest.offset} was acknowledged`
    anomalies.add("realtime-order", view.partition, detail, [highest.append, append])
  }
}

/**
 * Where what was acknowledged lies: acknowledged by all, where it was said to. With acks=1 it may
 * be lost; one that was sent once and is there lies where its leader had put it.
 */
function settledOf(
  view: PartitionView,
  log: LogIndex,
  append: Operation<Append>,
): ReadonlyArray<Settled> {
  const { outcome, acks, offset } = append
  if (outcome !== "ok" || acks === 0) return []
  if (acks === -1 && offset >= 0) return [{ append, offset }]
  const place = acks === -1 || wasSentOnce(view, append) ? placeOf(log, append) : undefined
  return place === undefined ? [] : [{ append, offset: place }]
}
