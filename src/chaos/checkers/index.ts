/**
 * All black-box checks over one history: plain data in, anomalies out, in O(n log n). They know
 * nothing of the cluster that made it, nor of the simulator.
 */
import type { Operation } from "../history/history.ts"
import { Anomalies } from "./anomaly.ts"
import type { Anomaly, AnomalyKind } from "./anomaly.ts"
import { checkGroups } from "./groups.ts"
import { checkKept } from "./kept.ts"
import { checkMetadata } from "./metadata.ts"
import { checkOffsets } from "./offsets.ts"
import { checkOrder } from "./order.ts"
import { partitionViews } from "./partition-view.ts"
import { checkPolls } from "./polls.ts"
import { checkSequenceRefusals } from "./sequences.ts"
import { checkWritten } from "./written.ts"

export type { Anomaly, AnomalyKind } from "./anomaly.ts"
export { anomalyKinds } from "./anomaly.ts"

export interface HistoryVerdict {
  /** At most 20 of a kind. */
  readonly anomalies: ReadonlyArray<Anomaly>
  readonly counts: ReadonlyMap<AnomalyKind, number>
  readonly operations: number
  /** Appends acknowledged by all, records read, partitions drained: what the verdict rests on. */
  readonly acknowledged: number
  readonly read: number
  readonly drained: number
}

/**
 * `logStarts`: by partition, the highest offset at which any replica's log ever began, where that
 * is known; else what the replicas say at the end must do.
 */
export function checkHistory(
  operations: ReadonlyArray<Operation>,
  logStarts: ReadonlyMap<string, number> = new Map(),
): HistoryVerdict {
  const found = new Anomalies()
  let acknowledged = 0
  let read = 0
  let drained = 0
  const views = partitionViews(operations, logStarts)
  for (const view of views) {
    checkWritten(view, found)
    checkKept(view, found)
    checkOrder(view, found)
    checkPolls(view, found)
    checkOffsets(view, found)
    checkSequenceRefusals(view, found)
    for (const { outcome, acks } of view.appends)
      if (outcome === "ok" && acks === -1) acknowledged++
    for (const poll of view.polls) read += poll.records.length
    if (view.log !== undefined) drained++
  }
  checkMetadata(operations, found)
  checkGroups(operations, views, found)
  const { found: anomalies, counts } = found
  return { anomalies, counts, operations: operations.length, acknowledged, read, drained }
}
