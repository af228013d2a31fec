/**
 * Whether a cluster is well: every broker answers and sees all others, every partition has a leader
 * and all its replicas in sync, and every workload has acknowledged something since.
 */
import type { RunClock } from "./clock.ts"
import type { ChaosCluster } from "./cluster.ts"
import { MetadataProbe } from "./metadata-probe.ts"
import type { ClusterSeen } from "./metadata-probe.ts"
import type { Workload } from "./workload.ts"

export type Recovery =
  | { readonly _tag: "well"; readonly afterMs: number }
  /** What is missing, a line each, at most `linesMax`. */
  | { readonly _tag: "ill"; readonly afterMs: number; readonly missing: ReadonlyArray<string> }

export interface RecoveryOptions {
  readonly cluster: ChaosCluster
  readonly clock: RunClock
  readonly workloads: ReadonlyArray<Workload>
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

const everyMs = 250
const linesMax = 5

/** Rejects only with the signal's reason. */
export async function awaitRecovery(options: RecoveryOptions): Promise<Recovery> {
  const { cluster, clock, workloads, deadlineMs, signal } = options
  const sinceMs = clock.nowMs()
  const probe = new MetadataProbe(cluster.nodes)
  try {
    for (;;) {
      const missing = [
        ...(await missingInCluster(cluster, probe)),
        ...workloads
          .filter(({ progress }) => progress.lastAcknowledgedMs <= sinceMs)
          .map(({ name }) => `workload ${name} has acknowledged nothing since`),
      ]
      const afterMs = clock.nowMs() - sinceMs
      if (missing.length === 0) return { _tag: "well", afterMs }
      if (afterMs > deadlineMs) return { _tag: "ill", afterMs, missing: short(missing) }
      await clock.sleep(everyMs, signal)
    }
  } finally {
    probe.dispose()
  }
}

async function missingInCluster(
  { nodes }: ChaosCluster,
  probe: MetadataProbe,
): Promise<ReadonlyArray<string>> {
  const views = await Promise.all(nodes.map(({ id }) => probe.ask(id)))
  return nodes.flatMap(({ id }, i) => {
    const view = views[i]
    return view === undefined
      ? [`broker ${id} does not answer`]
      : missingFor(id, view, nodes.length)
  })
}

/** What one broker says is missing. */
export function missingFor(
  id: number,
  { brokers, partitions }: ClusterSeen,
  brokerCount: number,
): ReadonlyArray<string> {
  const missing: Array<string> = []
  if (brokers.length < brokerCount)
    missing.push(`broker ${id} sees brokers ${brokers.join(", ")} alone`)
  for (const { partition, leader, replicas, inSync } of partitions) {
    const behind = replicas.filter((replica) => !inSync.includes(replica))
    if (leader < 0) missing.push(`${partition} has no leader, says broker ${id}`)
    else if (behind.length > 0)
      missing.push(`${partition}: replica ${behind.join(", ")} not in sync, says broker ${id}`)
  }
  return missing
}

const short = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length <= linesMax
    ? lines
    : [...lines.slice(0, linesMax), `and ${lines.length - linesMax} more`]
