/**
 * All black-box checks over one history: plain data in, anomalies out, in O(n log n). They know
 * nothing of the cluster that made it, nor of the simulator. DESIGN.md has what each anomaly is.
 */
import type { Operation } from "../history/history.ts"
import { Anomalies } from "./anomaly.ts"
import type { Anomaly, AnomalyKind } from "./anomaly.ts"
import { checkGroupReads, commitsByPartition } from "./group-reads.ts"
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
import { Strays } from "./strays.ts"
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
  const basis = new Basis()
  const strays = new Strays(operations)
  const commits = commitsByPartition(operations)
  for (const view of partitionViews(operations, logStarts)) {
    checkWritten(view, found)
    const lost = checkKept(view, found)
    if (lost !== undefined) losses.push(lost)
    checkReplicas(view, found)
    checkOrder(view, found)
    checkPolls(view, found)
    checkUnseen(view, found)
    checkOffsets(view, found)
    checkSequenceRefusals(view, found)
    checkGroupReads(view, commits.get(view.partition) ?? [], found)
    strays.see(view)
    basis.see(view)
  }
  strays.check(found)
  checkMetadata(operations, found)
  checkGroups(operations, found)
  const { acknowledged, read, drained, undrained } = basis
  return {
    anomalies: found.found,
    counts: found.counts,
    operations: operations.length,
    acknowledged,
    read,
    drained,
    undrained,
    losses,
  }
}

/** What there was to judge by. */
class Basis {
  acknowledged = 0
  read = 0
  drained = 0
  readonly undrained: Array<string> = []

  see({ partition, appends, polls, log, isDeleted }: PartitionView): void {
    let acknowledged = 0
    for (const { outcome, acks } of appends) if (outcome === "ok" && acks === -1) acknowledged++
    for (const poll of polls) this.read += poll.records.length
    this.acknowledged += acknowledged
    if (log !== undefined) this.drained++
    else if (acknowledged > 0 && !isDeleted) this.undrained.push(partition)
  }
}
