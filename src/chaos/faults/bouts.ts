/** Faults of a schedule that belong together, because one begins while another lasts. */
import type { FaultPlan } from "../fault.ts"

export interface Bout {
  readonly atMs: number
  readonly plans: ReadonlyArray<FaultPlan>
}

export function boutsOf(plans: ReadonlyArray<FaultPlan>): ReadonlyArray<Bout> {
  const bouts: Array<{ atMs: number; endMs: number; plans: Array<FaultPlan> }> = []
  for (const plan of plans.toSorted((a, b) => a.atMs - b.atMs)) {
    const last = bouts.at(-1)
    const endMs = plan.atMs + plan.durationMs
    if (last === undefined || plan.atMs >= last.endMs) {
      bouts.push({ atMs: plan.atMs, endMs, plans: [plan] })
    } else {
      last.plans.push(plan)
      last.endMs = Math.max(last.endMs, endMs)
    }
  }
  return bouts
}
