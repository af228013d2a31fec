import type { Phases } from "../../result.ts"

export interface Phase {
  readonly name: string
  readonly text: string
  readonly fromMs: number
  readonly toMs: number
}

/** In their order; those that never began are left out. */
export function phasesOf(phases: Phases): ReadonlyArray<Phase> {
  const { leadInMs, faultsMs, healMs, drainMs, checkMs, endMs } = phases
  const all: ReadonlyArray<Phase> = [
    { name: "start", text: "brokers and clients begin", fromMs: 0, toMs: leadInMs },
    { name: "lead-in", text: "a healthy cluster at work", fromMs: leadInMs, toMs: faultsMs },
    { name: "faults", text: "faults strike", fromMs: faultsMs, toMs: healMs },
    { name: "heal", text: "all faults are taken back", fromMs: healMs, toMs: drainMs },
    { name: "drain", text: "everything is read back", fromMs: drainMs, toMs: checkMs },
    { name: "check", text: "the history is judged", fromMs: checkMs, toMs: endMs },
  ]
  return all.filter(({ fromMs, toMs }) => toMs > fromMs)
}
