/** The host says whether witnesses have to work. */
import { wake } from "./quiesce.ts"
import type { RaftState } from "./state.ts"

export function setWitnessesNeeded(s: RaftState, needed: boolean): void {
  if (needed === s.witnessesNeeded) return
  s.witnessesNeeded = needed
  const { leader } = s
  if (leader === null || !needed || leader.witnesses.length === 0) return
  wake(s)
  leader.touch()
  leader.sendDue = true
  // The question that was out was of a time when its answer did not matter.
  for (const progress of leader.witnesses) progress.probeOutstanding = false
}
