/**
 * ListOffsets and OffsetForLeaderEpoch: linearizable ends, and what the log says of times, epochs.
 */
import type { EpochEndCall, ListOffsetsCall, Operation, RemoveCall } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import type { FinalLog } from "./final-log.ts"
import { lowerBound } from "./lower-bound.ts"
import type { PartitionView } from "./partition-view.ts"
import { sentBy } from "./polls.ts"

const latest = -1
const earliest = -2
const greatest = -3

export function checkOffsets(view: PartitionView, anomalies: Anomalies): void {
  checkEnds(view, anomalies)
  checkStarts(view, anomalies)
  checkRemoved(view, anomalies)
  const { log } = view
  // Where records are missing between others, which one is the first of a time or an epoch is too.
  if (log === undefined || log.isCompacted) return
  checkTimes(view, log, anomalies)
  checkEpochEnds(view, log, anomalies)
}

function checkEnds(view: PartitionView, anomalies: Anomalies): void {
  const sent = view.log === undefined ? [] : sentBy(view)
  for (const list of view.lists) {
    if (list.outcome !== "ok" || list.at !== latest) continue
    const known = view.ends.before(list.invoked)
    if (known !== undefined && list.offset < known.end) {
      const detail = `latest is ${list.offset}, ${known.end} was known before it was asked`
      anomalies.add("stale-offsets", view.partition, detail, [known.by, list])
    }
    if (view.log === undefined) continue
    if (list.offset > view.log.endOffset) {
      const detail = `latest is ${list.offset}, and the log ends at ${view.log.endOffset}`
      anomalies.add("early-high-watermark", view.partition, detail, [list, view.log.drain])
      continue
    }
    const place = view.log.placeAt(list.offset)
    if ((sent[place - 1] ?? -1) < list.returned) continue
    const detail = `latest is ${list.offset} before all below it was sent`
    anomalies.add("early-high-watermark", view.partition, detail, [list])
  }
}

/**
 * The start of a log only moves forward, as one process tells it: a cut is told before it is
 * durable, as Kafka tells a start before its checkpoint, and replicas cut for themselves.
 */
function checkStarts(view: PartitionView, anomalies: Anomalies): void {
  const starts = view.lists.filter(({ outcome, at }) => outcome === "ok" && at === earliest)
  const told = Map.groupBy(starts, ({ process, node, connection }) =>
    [process, node, connection].join(" "),
  )
  for (const lists of told.values()) checkStartsOf(lists, view, anomalies)
}

function checkStartsOf(
  starts: ReadonlyArray<Operation<ListOffsetsCall>>,
  view: PartitionView,
  anomalies: Anomalies,
): void {
  const byReturn = starts.toSorted((a, b) => a.returned - b.returned)
  let next = 0
  let highest: Operation<ListOffsetsCall> | undefined
  for (const list of starts.toSorted((a, b) => a.invoked - b.invoked)) {
    for (; next < byReturn.length; next++) {
      const done = byReturn[next]
      if (done === undefined || done.returned > list.invoked) break
      if (highest === undefined || done.offset > highest.offset) highest = done
    }
    if (highest === undefined || list.offset >= highest.offset) continue
    const detail = `earliest is ${list.offset} after ${highest.offset}`
    anomalies.add("stale-offsets", view.partition, detail, [highest, list])
  }
}

/** What was deleted for a client is so for everybody who asks later, whoever leads then. */
function checkRemoved(view: PartitionView, anomalies: Anomalies): void {
  const removes = view.removes.filter(({ outcome }) => outcome === "ok")
  for (const remove of removes) {
    // −1: not told, which proves nothing.
    if (remove.lowWatermark === -1 || remove.lowWatermark >= remove.offset) continue
    const detail = `deleted up to ${remove.lowWatermark}, asked for ${remove.offset}`
    anomalies.add("stale-offsets", view.partition, detail, [remove])
  }
  const deepest = deepestBy(removes)
  const last = deepest.at(-1)
  if (last !== undefined && view.log !== undefined && view.log.startOffset < last.lowWatermark) {
    const detail = `all below ${last.lowWatermark} was deleted, and the log begins at ${view.log.startOffset} in the end`
    anomalies.add("stale-offsets", view.partition, detail, [last, view.log.drain])
  }
  for (const list of view.lists) {
    if (list.outcome !== "ok" || list.at !== earliest) continue
    const done = deepest[lowerBound(deepest, list.invoked, ({ returned }) => returned) - 1]
    if (done === undefined || list.offset >= done.lowWatermark) continue
    const detail = `earliest is ${list.offset} after all below ${done.lowWatermark} was deleted`
    anomalies.add("stale-offsets", view.partition, detail, [done, list])
  }
}

/** By their returns: those that deleted more than all before. */
function deepestBy(
  removes: ReadonlyArray<Operation<RemoveCall>>,
): ReadonlyArray<Operation<RemoveCall>> {
  const deepest: Array<Operation<RemoveCall>> = []
  for (const remove of removes.toSorted((a, b) => a.returned - b.returned)) {
    if (remove.lowWatermark > (deepest.at(-1)?.lowWatermark ?? 0)) deepest.push(remove)
  }
  return deepest
}

function checkTimes(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  // The start of the log may have moved since: then the first record of a time may be gone.
  if (Math.max(log.startOffset, view.highestStart) > 0) return
  const times = view.logWriters.map((append) => append?.timestampMs ?? -1)
  // The client did not tell: then any record may be of any time.
  if (times.includes(-1)) return
  let most = -1
  const mostBy = times.map((time) => (most = Math.max(most, time)))
  for (const list of view.lists) {
    if (list.outcome !== "ok" || list.at === latest || list.at === earliest) continue
    const known = view.ends.before(list.invoked)?.end ?? 0
    const wrong =
      list.at === greatest
        ? wrongGreatest(list, log, times, mostBy, known)
        : wrongTime(list, log, mostBy, known)
    if (wrong === undefined) continue
    anomalies.add("wrong-offset-for-time", view.partition, `at ${list.at}: ${wrong}`, [list])
  }
}

function wrongTime(
  list: Operation<ListOffsetsCall>,
  log: FinalLog,
  mostBy: ReadonlyArray<number>,
  known: number,
): string | undefined {
  const first = log.records[lowerBound(mostBy, list.at, (time) => time)]?.[0]
  if (list.offset === -1) {
    return first !== undefined && first < known ? `none, ${first} holds it` : undefined
  }
  return list.offset === first ? undefined : `${list.offset} instead of ${first}`
}

/** The first of those with the greatest time, of some prefix that holds all that was known. */
function wrongGreatest(
  list: Operation<ListOffsetsCall>,
  log: FinalLog,
  times: ReadonlyArray<number>,
  mostBy: ReadonlyArray<number>,
  known: number,
): string | undefined {
  if (list.offset === -1) return known > 0 ? `none, the log reached ${known}` : undefined
  const place = log.placeAt(list.offset)
  const time = times[place] ?? -1
  const before = mostBy[place - 1] ?? -1
  if (before >= time) return `${list.offset}, an earlier record is as late`
  const inKnown = log.placeAt(known)
  const most = mostBy[inKnown - 1] ?? -1
  return most > time ? `${list.offset}, a later time was known` : undefined
}

function checkEpochEnds(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  if (log.records.some(([, , epoch]) => epoch === -1)) return
  for (const call of view.epochEnds) {
    if (call.outcome !== "ok" || call.endOffset < 0) continue
    const known = view.ends.before(call.invoked)
    const wrong = wrongEpochEnd(call, log, view.highestStart, known?.end ?? 0)
    if (wrong === undefined) continue
    const shown = known === undefined ? [call] : [known.by, call]
    anomalies.add("wrong-epoch-end", view.partition, wrong, shown)
  }
}

/** Epochs ascend along a log: those up to the asked one are a prefix. */
function wrongEpochEnd(
  call: Operation<EpochEndCall>,
  log: FinalLog,
  highestStart: number,
  known: number,
): string | undefined {
  const place = lowerBound(log.records, call.epoch + 1, ([, , epoch]) => epoch)
  const end = log.records[place]?.[0]
  // A leader whose own log was cut ends the epochs it does not know any more where it begins.
  if (end !== undefined && call.endOffset > Math.max(end, highestStart)) {
    return `epoch ${call.epoch} ends at ${call.endOffset}, a later one begins at ${end}`
  }
  // Where the epochs ended that are cut away is not known any more.
  if (place === 0 && log.startOffset > 0) return undefined
  const least = Math.min(known, end ?? log.endOffset)
  if (call.endOffset >= least || least < log.startOffset) return undefined
  return `epoch ${call.epoch} ends at ${call.endOffset}, ${least} was known`
}
