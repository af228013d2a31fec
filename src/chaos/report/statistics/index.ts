/** What follows from a run's operations and faults alone: pure, in O(n log n). */
import type { FaultRecord } from "../../fault.ts"
import type { Operation } from "../../history/history.ts"
import type { Phases, RunResult } from "../../result.ts"
import { countAcknowledged, countRead, operationCounts } from "./counts.ts"
import { allOutages, longestAfterLastHeal, longestInWindow } from "./outages.ts"

export { driverOf } from "./counts.ts"

export type Statistics = Pick<
  RunResult,
  "operations" | "acknowledged" | "read" | "outages" | "longestOutageAfterHealMs"
>

/** The part of a `RunResult` that is counted rather than judged. */
export function statisticsOf(run: {
  readonly operations: ReadonlyArray<Operation>
  readonly faults: ReadonlyArray<FaultRecord>
  readonly phases: Phases
}): Statistics {
  const { operations, faults, phases } = run
  const outages = allOutages(operations, phases.drainMs)
  return {
    operations: operationCounts(operations),
    acknowledged: countAcknowledged(operations),
    read: countRead(operations),
    outages: longestInWindow(outages, phases),
    longestOutageAfterHealMs: longestAfterLastHeal(outages, faults, phases),
  }
}
