/** Nothing acknowledged by all, and nothing that was read, is gone at the end. */
import type { Append, Operation } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { Compaction } from "./compaction.ts"
import type { FinalLog } from "./final-log.ts"
import { reportLosses } from "./losses.ts"
import type { Losses, LostWrite } from "./losses.ts"
import { wasSentOnce } from "./partition-view.ts"
import type { PartitionView } from "./partition-view.ts"

/** What is lost, by place and broker; undefined when nothing is. */
export function checkKept(view: PartitionView, anomalies: Anomalies): Losses | undefined {
  const { log } = view
  if (log === undefined) return undefined
  const compaction = log.isCompacted ? new Compaction(view, log.records) : undefined
  const lost = checkAcknowledged(view, log, compaction, anomalies)
  if (compaction !== undefined) lost.push(...undoneDeletions(view, log))
  checkRead(view, log, compaction, anomalies)
  return lost.length === 0 ? undefined : reportLosses(view, log, lost, anomalies)
}

function checkAcknowledged(
  view: PartitionView,
  log: FinalLog,
  compaction: Compaction | undefined,
  anomalies: Anomalies,
): Array<LostWrite> {
  const lost: Array<LostWrite> = []
  for (const append of view.appends) {
    if (append.outcome !== "ok" || append.acks === 0) continue
    append.values.forEach((value, i) => {
      const offset = append.offset < 0 ? -1 : append.offset + i
      if (offset === -1 ? mayBeCut(view, log, append) : offset < log.startOffset) return
      if (offset !== -1 && log.valueAt(offset) === value) return
      const found = log.firstOffsetOf(value)
      if (found === undefined) {
        if (append.acks !== -1 || compaction?.mayTake(value, offset) === true) return
        lost.push({ value, offset, append })
      } else if (offset !== -1 && (append.acks === -1 || wasSentOnce(view, append))) {
        const detail = `${value}, acknowledged at ${offset}, is at ${log.offsetsOf(value).join(", ")}`
        anomalies.add("wrong-ack-offset", view.partition, detail, [append, log.drain])
      }
    })
  }
  return lost
}

/**
 * Of one whose offset was not told: it may lie below where the log begins now, unless the log had
 * come as far as that before it was sent.
 */
const mayBeCut = (view: PartitionView, log: FinalLog, append: Operation<Append>): boolean =>
  log.startOffset > 0 && (view.ends.before(append.invoked)?.end ?? 0) < log.startOffset

/** A tombstone may go when all that it deletes is gone, not before. */
function undoneDeletions(view: PartitionView, log: FinalLog): ReadonlyArray<LostWrite> {
  const lost: Array<LostWrite> = []
  for (const append of view.appends) {
    const { tombstone, outcome, acks, offset, keys = [], values } = append
    if (tombstone !== true || outcome !== "ok" || acks !== -1 || offset < 0) continue
    values.forEach((value, i) => {
      if (offset + i < log.startOffset || log.firstOffsetOf(value) !== undefined) return
      lost.push({ value, offset: offset + i, append, key: keys[i] })
    })
  }
  if (lost.length === 0) return lost
  const lowest = new Map<string, number>()
  for (const [offset, value] of log.records) {
    const key = view.writers.keyOf(value)
    if (key !== undefined && !lowest.has(key)) lowest.set(key, offset)
  }
  return lost.filter(({ key, offset }) => (lowest.get(key ?? "") ?? Infinity) < offset)
}

function checkRead(
  view: PartitionView,
  log: FinalLog,
  compaction: Compaction | undefined,
  anomalies: Anomalies,
): void {
  for (const poll of view.polls) {
    for (const [offset, value] of poll.records) {
      if (offset < log.startOffset || log.has(offset)) continue
      if (compaction?.mayTake(value, offset) === true) continue
      const detail = `${value} was read at ${offset}; the log ends at ${log.endOffset}`
      anomalies.add("read-then-lost", view.partition, detail, [poll, log.drain])
    }
  }
}
