/** What consumers were given: in order, without gaps, never beyond what is committed. */
import type { Operation, Poll, SeenRecord } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { lastRecords } from "./compaction.ts"
import type { FinalLog } from "./final-log.ts"
import type { LogIndex } from "./log-index.ts"
import { lowerBound } from "./lower-bound.ts"
import type { PartitionView } from "./partition-view.ts"

/** How far one process has come. */
interface Progress {
  /** Where its next answer begins, if nobody says otherwise. */
  next: number
  /** The end of all that it has read. */
  reached: number
}

export function checkPolls(view: PartitionView, anomalies: Anomalies): void {
  const { log, known } = view
  const processes = new Map<string, Progress>()
  const expected = known && { log: known, records: lastRecords(view, known) }
  for (const poll of view.polls) {
    const progress = processes.get(poll.process)
    if (poll.outcome === "fail") checkRefusal(view, poll, progress?.reached ?? 0, anomalies)
    if (poll.outcome !== "ok") continue
    const from = beginOf(poll, progress?.next)
    checkAnswer(view, poll, from, anomalies)
    if (expected !== undefined) checkGaps(view, expected, poll, from, anomalies)
    const next = (poll.records.at(-1)?.[0] ?? from - 1) + 1
    const reached = poll.records.length === 0 ? 0 : next
    if (progress === undefined) processes.set(poll.process, { next, reached })
    else Object.assign(progress, { next, reached: Math.max(progress.reached, reached) })
  }
  checkWatermarks(view, anomalies)
  if (log !== undefined) checkEarly(view, log, anomalies)
}

/**
 * The offset at which the answer must begin; −1: of an answer without records nobody knows. A
 * member of a group may be given what others have read, or not what they have; and where a client
 * begins to read and does not tell, it may be anywhere.
 */
function beginOf({ from, group, records }: Operation<Poll>, next: number | undefined): number {
  if (from !== -1) return from
  const first = records[0]?.[0] ?? next ?? -1
  return group === undefined ? (next ?? first) : first
}

/** Offsets a consumer has read up to exist as long as no replica's log begins behind them. */
function checkRefusal(
  view: PartitionView,
  poll: Operation<Poll>,
  reached: number,
  anomalies: Anomalies,
): void {
  const startOffset = Math.max(view.log?.startOffset ?? Infinity, view.highestStart)
  if (poll.from === -1 || poll.from > reached || poll.from < startOffset) return
  const detail = `broker ${poll.node} at ${poll.from}, read up to ${reached}: ${poll.error}`
  if (poll.error === "OFFSET_OUT_OF_RANGE") {
    anomalies.add("spurious-out-of-range", view.partition, detail, [poll])
  } else if (poll.error === "DIVERGING_EPOCH") {
    anomalies.add("diverged-committed", view.partition, detail, [poll])
  }
}

function checkAnswer(
  view: PartitionView,
  poll: Operation<Poll>,
  from: number,
  anomalies: Anomalies,
): void {
  let before = -1
  for (const [offset, value] of poll.records) {
    if (offset <= before) {
      const detail = `${value} at ${offset} comes after ${before}`
      anomalies.add("int-nonmonotonic-poll", view.partition, detail, [poll])
    }
    if (offset < from) {
      const detail = `${value} at ${offset}, to be read from ${from} on`
      anomalies.add("nonmonotonic-poll", view.partition, detail, [poll])
    }
    if (poll.highWatermark >= 0 && offset >= poll.highWatermark) {
      const detail = `${value} at ${offset}, the high watermark is ${poll.highWatermark}`
      anomalies.add("above-high-watermark", view.partition, detail, [poll])
    }
    before = offset
  }
}

/** Of the records that must be shown from the offset on, the answer holds the first ones. */
function checkGaps(
  view: PartitionView,
  expected: { readonly log: LogIndex; readonly records: ReadonlyArray<SeenRecord> },
  poll: Operation<Poll>,
  begin: number,
  anomalies: Anomalies,
): void {
  if (poll.records.length === 0) return
  const { log, records } = expected
  const from = Math.max(begin, log.startOffset)
  let place = log.isCompacted ? lowerBound(records, from, ([at]) => at) : log.placeAt(from)
  let first = true
  for (const [offset, value] of poll.records) {
    if (offset < from) continue
    const wanted = records[place]
    if (wanted === undefined) return
    // What was lost, or is elsewhere, or has been compacted since, is for others to say.
    if (wanted[0] > offset) continue
    if (wanted[0] < offset) {
      const detail = `${value} at ${offset} comes, ${wanted[1]} at ${wanted[0]} does not`
      anomalies.add(first ? "poll-skip" : "int-poll-skip", view.partition, detail, [poll])
      return
    }
    first = false
    place++
  }
}

/** One broker's process never tells one connection less than before. */
function checkWatermarks(view: PartitionView, anomalies: Anomalies): void {
  const watermarks = new Map<string, Operation<Poll>>()
  for (const poll of view.polls) {
    if (poll.outcome !== "ok" || poll.highWatermark < 0 || poll.node < 0) continue
    const key = `${poll.process} ${poll.node} ${poll.connection}`
    const before = watermarks.get(key)
    if (before !== undefined && before.highWatermark > poll.highWatermark) {
      const detail = `broker ${poll.node}: ${poll.highWatermark} after ${before.highWatermark}`
      anomalies.add("high-watermark-regress", view.partition, detail, [before, poll])
    }
    watermarks.set(key, poll)
  }
}

/** Whatever lies below a high watermark had been sent when it was told. */
function checkEarly(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  const latest = sentBy(view)
  for (const poll of view.polls) {
    if (poll.outcome !== "ok" || poll.highWatermark < 0) continue
    if (poll.highWatermark > log.endOffset) {
      const detail = `${poll.highWatermark} was told, and the log ends at ${log.endOffset}`
      anomalies.add("early-high-watermark", view.partition, detail, [poll, log.drain])
      continue
    }
    const sent = latest[log.placeAt(poll.highWatermark) - 1]
    if (sent === undefined || sent < poll.returned) continue
    const detail = `${poll.highWatermark} was told before all below it was sent`
    anomalies.add("early-high-watermark", view.partition, detail, [poll])
  }
}

/** By place in the log: when the last of all records up to there was sent. */
export function sentBy({ logWriters }: PartitionView): ReadonlyArray<number> {
  let latest = -1
  return logWriters.map((append) => (latest = Math.max(latest, append?.invoked ?? -1)))
}
