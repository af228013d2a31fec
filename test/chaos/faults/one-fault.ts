import type { FaultKind, FaultPlan, FaultRecord } from "../../../src/chaos/fault.ts"
import { runNemesis } from "../../../src/chaos/faults/nemesis.ts"
import type { NemesisOptions, NemesisResult } from "../../../src/chaos/faults/nemesis.ts"
import { allFaults } from "../../../src/chaos/faults/registry.ts"
import { traits } from "../../../src/chaos/faults/traits.ts"
import type { ClientControl } from "../../../src/chaos/workload.ts"
import type { FakeCluster } from "./fake-cluster.ts"

export interface Told extends NemesisResult {
  readonly lines: ReadonlyArray<string>
  /** What was current, as it changed. */
  readonly current: ReadonlyArray<string | undefined>
}

export async function runPlans(
  cluster: FakeCluster,
  plans: ReadonlyArray<FaultPlan>,
  more: Partial<NemesisOptions> = {},
): Promise<Told> {
  const lines: Array<string> = []
  const current: Array<string | undefined> = []
  const result = await runNemesis({
    plans,
    faults: allFaults(cluster.tools),
    cluster,
    clock: cluster.clock,
    topics: ["orders"],
    clients: () => [],
    windowStartMs: cluster.clock.nowMs(),
    signal: new AbortController().signal,
    log: (line) => lines.push(line),
    onCurrent: (text) => current.push(text),
    tools: cluster.tools,
    ...more,
  })
  return { ...result, lines, current }
}

/** As long as its kind lasts at least, at second one. */
export const planOf = (
  kind: FaultKind,
  seed: number,
  more: Partial<FaultPlan> = {},
): FaultPlan => ({
  kind,
  atMs: 1_000,
  durationMs: traits[kind].lastsMs[0],
  seed,
  ...more,
})

/** The record of one fault of that kind. */
export async function strikeOnce(
  cluster: FakeCluster,
  kind: FaultKind,
  seed: number,
  clients: ReadonlyArray<ClientControl> = [],
): Promise<Told & { readonly record: FaultRecord }> {
  const told = await runPlans(cluster, [planOf(kind, seed)], { clients: () => clients })
  const [record] = told.records
  if (record === undefined) throw new Error("no record was made")
  return { ...told, record }
}
