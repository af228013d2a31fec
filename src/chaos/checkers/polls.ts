/** What consumers were given: in order, without gaps, never beyond what is committed. */
import type { Operation, Poll } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { lowerBound } from "./partition-view.ts"
import type { FinalLog, PartitionView } from "./partition-view.ts"

export function checkPolls(view: PartitionView, anomalies: Anomalies): void {
  const watermarks = new Map<string, Operation<Poll>>()
  /** By process: the end of what it has read. */
  const reached = new Map<string, number>()
  for (const poll of view.polls.toSorted((a, b) => a.returned - b.returned)) {
    if (poll.outcome === "fail") {
      checkRefusal(view, poll, reached.get(poll.process) ?? 0, anomalies)
      continue
    }
    if (poll.outcome !== "ok") continue
    checkAnswer(view, poll, anomalies)
    if (view.log !== undefined) checkGaps(view, view.log, poll, anomalies)
    const key = `${poll.process} ${poll.node} ${poll.connection}`
    const before = watermarks.get(key)
    if (before !== undefined && before.highWatermark > poll.highWatermark) {
      const detail = `broker ${poll.node}: ${poll.highWatermark} after ${before.highWatermark}`
      anomalies.add("high-watermark-regress", view.partition, detail, [before, poll])
    }
    watermarks.set(key, poll)
    const last = poll.records.at(-1)
    if (last !== undefined) {
      reached.set(poll.process, Math.max(reached.get(poll.process) ?? 0, last[0] + 1))
    }
  }
  if (view.log !== undefined) checkEarly(view, view.log, anomalies)
}

/** Offsets a consumer has read up to exist as long as no replica's log begins behind them. */
function checkRefusal(
  view: PartitionView,
  poll: Operation<Poll>,
  reached: number,
  anomalies: Anomalies,
): void {
  const startOffset = Math.max(view.log?.startOffset ?? Infinity, view.highestStart)
  if (poll.from > reached || poll.from < startOffset) return
  const detail = `broker ${poll.node} at ${poll.from}, read up to ${reached}: ${poll.error}`
  if (poll.error === "OFFSET_OUT_OF_RANGE") {
    anomalies.add("spurious-out-of-range", view.partition, detail, [poll])
  } else if (poll.error === "DIVERGING_EPOCH") {
    anomalies.add("diverged-committed", view.partition, detail, [poll])
  }
}

function checkAnswer(view: PartitionView, poll: Operation<Poll>, anomalies: Anomalies): void {
  let before = -1
  for (const [offset, value] of poll.records) {
    if (offset <= before) {
      const detail = `${value} at ${offset} comes after ${before}`
      anomalies.add("int-nonmonotonic-poll", view.partition, detail, [poll])
    }
    if (offset < poll.from) {
      const detail = `${value} at ${offset}, asked for ${poll.from}`
      anomalies.add("nonmonotonic-poll", view.partition, detail, [poll])
    }
    if (offset >= poll.highWatermark) {
      const detail = `${value} at ${offset}, the high watermark is ${poll.highWatermark}`
      anomalies.add("above-high-watermark", view.partition, detail, [poll])
    }
    before = offset
  }
}

/** Of the records in the log from the offset asked for on, the answer holds the first ones. */
function checkGaps(
  view: PartitionView,
  log: FinalLog,
  poll: Operation<Poll>,
  anomalies: Anomalies,
): void {
  if (poll.records.length === 0) return
  const from = Math.max(poll.from, log.startOffset)
  let place = lowerBound(log.records, from, ([offset]) => offset)
  let first = true
  for (const [offset, value] of poll.records) {
    if (offset < from) continue
    const expected = log.records[place++]
    if (expected === undefined) return
    if (expected[0] === offset) {
      first = false
      continue
    }
    // What was lost, or is elsewhere, is for others to say.
    if (expected[0] > offset) return
    const detail = `${value} at ${offset} comes, ${expected[1]} at ${expected[0]} does not`
    anomalies.add(first ? "poll-skip" : "int-poll-skip", view.partition, detail, [poll])
    return
  }
}

/** Whatever lies below a high watermark had been sent when it was told. */
function checkEarly(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  const latest = sentBy(view, log)
  for (const poll of view.polls) {
    if (poll.outcome !== "ok") continue
    const place = lowerBound(log.records, poll.highWatermark, ([offset]) => offset)
    const sent = latest[place - 1]
    if (sent === undefined || sent < poll.returned) continue
    const detail = `${poll.highWatermark} was told before all below it was sent`
    anomalies.add("early-high-watermark", view.partition, detail, [poll])
  }
}

/** By place in the log: when the last of all records up to there was sent. */
export function sentBy(view: PartitionView, log: FinalLog): ReadonlyArray<number> {
  let latest = -1
  return log.records.map(([, value]) => {
    latest = Math.max(latest, view.writers.get(value)?.append.invoked ?? -1)
    return latest
  })
}
