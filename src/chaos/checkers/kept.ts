/** Nothing acknowledged by all, and nothing that was read, is gone at the end. */
import type { Anomalies } from "./anomaly.ts"
import type { FinalLog, PartitionView } from "./partition-view.ts"

export function checkKept(view: PartitionView, anomalies: Anomalies): void {
  const { log } = view
  if (log === undefined) return
  checkAcknowledged(view, log, anomalies)
  checkRead(view, log, anomalies)
  checkReplicas(view, log, anomalies)
}

function checkAcknowledged(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  for (const append of view.appends) {
    if (append.outcome !== "ok" || append.acks !== -1) continue
    append.values.forEach((value, i) => {
      const offset = append.offset + i
      if (offset < log.startOffset || log.valueAt.get(offset) === value) return
      const found = log.offsetsOf.get(value)
      if (found === undefined) {
        const detail = `${value}, acknowledged at ${offset}; the log ends at ${log.endOffset}`
        anomalies.add("lost-write", view.partition, detail, [append, log.drain])
      } else {
        const detail = `${value}, acknowledged at ${offset}, is at ${found.join(", ")}`
        anomalies.add("wrong-ack-offset", view.partition, detail, [append, log.drain])
      }
    })
  }
}

function checkRead(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  for (const poll of view.polls) {
    for (const [offset, value] of poll.records) {
      if (offset < log.startOffset || log.valueAt.has(offset)) continue
      const detail = `${value} was read at ${offset}; the log ends at ${log.endOffset}`
      anomalies.add("read-then-lost", view.partition, detail, [poll, log.drain])
    }
  }
}

/** Each replica may begin elsewhere; where two hold an offset, they hold the same. */
function checkReplicas(view: PartitionView, log: FinalLog, anomalies: Anomalies): void {
  for (const drain of view.drains) {
    if (drain === log.drain) continue
    const differs = drain.records.find(
      ([offset, value]) => offset >= log.startOffset && log.valueAt.get(offset) !== value,
    )
    const held = drain.records.filter(([offset]) => offset >= log.startOffset).length
    const wanted = log.records.filter(([offset]) => offset >= log.startOffset).length
    if (differs === undefined && held === wanted && drain.highWatermark === log.endOffset) continue
    const where = differs === undefined ? "" : `, and differs at ${differs[0]}`
    const detail =
      `broker ${drain.node} holds ${held} records up to ${drain.highWatermark}, ` +
      `broker ${log.drain.node} ${wanted} up to ${log.endOffset}${where}`
    anomalies.add("replica-divergence", view.partition, detail, [drain, log.drain])
  }
}
