/**
 * From what happened to a verdict, a report, and a folder with what somebody may want to look at.
 */
import { checkHistoryFile } from "./check-history.ts"
import type { CheckOutcome, HistoryCheck } from "./check-history.ts"
import { unseenOverTime } from "./checkers/index.ts"
import { limitsOf } from "./limits.ts"
import { aroundMs, logLinesAround } from "./log-lines.ts"
import type { Interval } from "./log-lines.ts"
import { commandOf } from "./options.ts"
import { writeReport } from "./report/write-report.ts"
import { statisticsOf } from "./report/statistics/index.ts"
import type { Phases, RunResult } from "./result.ts"
import type { FinishedRun, Happened } from "./run.ts"
import { judge } from "./verdict.ts"
import { versionsOf } from "./versions.ts"
import type { Operation } from "./history/history.ts"

const unseenEveryMs = 500

const nothingChecked: Pick<HistoryCheck, "anomalies" | "counts" | "undrained" | "losses"> = {
  anomalies: [],
  counts: {},
  undrained: [],
  losses: [],
}

export async function concludeRun(happened: Happened): Promise<FinishedRun> {
  const { request, folder, clock } = happened
  const { options, signal } = request
  const outcome = await checkHistoryFile(folder.history, limitsOf(options).checkMs, signal)
  signal.throwIfAborted()
  const operations = happened.recorder.operations()
  const phases: Phases = { ...happened.phases, endMs: clock.nowMs() }
  const result = await resultOf(happened, outcome, phases, operations)
  const report = await writeReport({ dir: folder.dir, result, operations })
  if (result.verdict === "VALID") folder.removeData()
  return { result, report }
}

async function resultOf(
  happened: Happened,
  outcome: CheckOutcome,
  phases: Phases,
  operations: ReadonlyArray<Operation>,
): Promise<RunResult> {
  const { request, cluster, faults, skipped, workloads, startedAt, leaders } = happened
  const { options, kafka } = request
  const { anomalies, counts, undrained, losses } =
    outcome._tag === "checked" ? outcome.check : nothingChecked
  const checked = outcome._tag === "checked" ? { _tag: "checked" as const, counts } : outcome
  const { verdict, reasons } = judge({
    ...happened,
    options,
    gaps: [
      ...happened.gaps,
      ...undrained.map((partition) => `${partition} was not read to its end`),
    ],
    checked,
    acknowledgedInFaults: acknowledgedWithin(operations, phases.faultsMs, phases.healMs),
  })
  const moments = momentsOf(happened, anomalies, operations)
  return {
    verdict,
    reasons,
    promises: workloads.flatMap(({ promises }) => promises),
    options,
    command: commandOf(options, kafka),
    versions: versionsOf(cluster),
    startedAt: startedAt.toISOString(),
    phases,
    faults,
    skipped,
    ...statisticsOf({ operations, faults, phases }),
    anomalies,
    anomalyCounts: counts,
    losses,
    leaders,
    unseen: unseenOverTime(operations, unseenEveryMs),
    logLines: await logLinesAround(cluster.nodes, startedAt.getTime(), moments),
  }
}

/** Records. */
function acknowledgedWithin(
  operations: ReadonlyArray<Operation>,
  fromMs: number,
  toMs: number,
): number {
  let count = 0
  for (const operation of operations) {
    const { f, outcome, returnedMs } = operation
    if (f !== "append" || outcome !== "ok" || returnedMs < fromMs || returnedMs >= toMs) continue
    count += operation.values.length
  }
  return count
}

const around = (atMs: number): Interval => ({ fromMs: atMs - aroundMs, toMs: atMs + aroundMs })

/** Around what somebody will ask "why?" of. */
function momentsOf(
  { brokerEnds, noProgress, phases }: Happened,
  anomalies: RunResult["anomalies"],
  operations: ReadonlyArray<Operation>,
): ReadonlyArray<Interval> {
  const byId = new Map(operations.map((operation) => [operation.id, operation]))
  const shown = anomalies.flatMap((anomaly) => anomaly.operations)
  return [
    ...shown.flatMap((id) => {
      const operation = byId.get(id)
      if (operation === undefined) return []
      const { invokedMs, returnedMs } = operation
      return [around(invokedMs), ...(returnedMs < 0 ? [] : [around(returnedMs)])]
    }),
    ...brokerEnds.map(({ atMs }) => around(atMs)),
    ...(noProgress.length === 0 ? [] : [{ fromMs: phases.healMs, toMs: phases.drainMs }]),
  ]
}
