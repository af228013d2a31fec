/** What a log may claim once somebody has answered for whatever it has lost. */
import type { HardState } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"

export function acceptedLoss({ hardState, lastIndex }: GroupLog): HardState {
  const commitIndex = Math.min(hardState.commitIndex, lastIndex)
  return { ...hardState, commitIndex, standing: "trusted" }
}
