/**
 * All black-box checks over one history: plain data in, anomalies out, in O(n log n). They know
 * nothing of the cluster that made it, nor of the simulator. DESIGN.md has what each anomaly is.
 */
import type { Operation } from "../history/history.ts"
import { Anomalies } from "./anomaly.ts"
import type { Anomaly, AnomalyKind } from "./anomaly.ts"
import { checkGroups } from "./groups.ts"
import { checkKept } from "./kept.ts"
import type { Losses } from "./losses.ts"
import { checkMetadata } from "./metadata.ts"
import { checkOffsets } from "./offsets.ts"
import { checkOrder } from "./order.ts"
import { partitionViews } from "./partition-view.ts"
import type { PartitionView } from "./partition-view.ts"
import { checkPolls } from "./polls.ts"
import { checkReplicas } from "./replicas.ts"
import { checkSequenceRefusals } from "./sequences.ts"
import { checkStrays } from "./strays.ts"
import { checkUnseen } from "./unseen.ts"
import { checkWritten } from "./written.ts"

export type { Anomaly, AnomalyKind, LossPlace } from "./anomaly.ts"
export { anomalyKinds } from "./anomaly.ts"
export type { Losses } from "./losses.ts"
export { explainAnomaly } from "./explain.ts"
export type { Explanation } from "./explain.ts"
export { unseenOverTime } from "./unseen.ts"
export type { UnseenAt } from "./unseen.ts"

export interface HistoryVerdict {
  /** At most 20 of a kind. */
  readonly anomalies: ReadonlyArray<Anomaly>
  readonly counts: ReadonlyMap<AnomalyKind, number>
  readonly operations: number
  /** Appends acknowledged by all, records read, partitions drained: what the verdict rests on. */
  readonly acknowledged: number
  readonly read: number
  readonly drained: number
  /** Partitions with acknowledged appends that nobody drained: nothing says that they are kept. */
  readonly undrained: ReadonlyArray<string>
  /** Of each partition that has lost writes. */
  readonly losses: ReadonlyArray<Losses>
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
  const losses: Array<Losses> = []
  const views = partitionViews(operations, logStarts)
  for (const view of views) {
    checkWritten(view, found)
    const lost = checkKept(view, found)
    if (lost !== undefined) losses.push(lost)
    checkReplicas(view, found)
    checkOrder(view, found)
    checkPolls(view, found)
    checkUnseen(view, found)
    checkOffsets(view, found)
    checkSequenceRefusals(view, found)
  }
  checkStrays(operations, views, found)
  checkMetadata(operations, found)
  checkGroups(operations, views, found)
  const { found: anomalies, counts } = found
  return { anomalies, counts, operations: operations.length, ...basisOf(views), losses }
}

function basisOf(
  views: ReadonlyArray<PartitionView>,
): Pick<HistoryVerdict, "acknowledged" | "read" | "drained" | "undrained"> {
  let acknowledged = 0
  let read = 0
  const undrained: Array<string> = []
  for (const view of views) {
    const before = acknowledged
    for (const { outcome, acks } of view.appends) {
      if (outcome === "ok" && acks === -1) acknowledged++
    }
    for (const poll of view.polls) read += poll.records.length
    if (acknowledged > before && view.log === undefined && !view.isDeleted) {
      undrained.push(view.partition)
    }
  }
  const drained = views.filter(({ log }) => log !== undefined).length
  return { acknowledged, read, drained, undrained }
}
