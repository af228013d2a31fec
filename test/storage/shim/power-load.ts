/**
 * The workload with votes that change at every commit, or (steady) never: then the sentinel lags
 * behind the log as it does in a cluster at peace.
 */
import type { GroupWrite, Wal } from "../../../storage/index.ts"
import { workloadCommit } from "../workload.ts"

export function powerCommit(k: number, wal: Wal, steady: boolean): ReadonlyArray<GroupWrite> {
  const writes = workloadCommit(k, wal)
  if (!steady) return writes
  return writes.map((write) => {
    const { hardState } = write
    if (hardState === undefined) return write
    return { ...write, hardState: { ...hardState, term: 1, votedFor: null, acceptedTerm: 1 } }
  })
}
