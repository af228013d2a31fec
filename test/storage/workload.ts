/**
 * A load whose k-th commit is a function of k and of the log before it: whoever has the first k
 * commits can say what must be on disk. The hard state of group 0 carries k itself.
 */
import { Prng } from "../../raft/prng.ts"
import type { HardState, Snapshot } from "../../raft/types.ts"
import type { GroupLog, GroupWrite, Wal } from "../../storage/index.ts"
import { data, snapshotAt } from "./entries.ts"

export const workloadGroups: ReadonlyArray<number> = [0, 1, 2, 3, 4]

export function workloadCommit(k: number, wal: Wal): ReadonlyArray<GroupWrite> {
  const prng = new Prng(k)
  const counter: HardState = {
    term: k,
    votedFor: `k${k}`,
    commitIndex: k,
    acceptedTerm: k,
    standing: "trusted",
  }
  const writes: Array<GroupWrite> = [{ group: 0, entries: [], hardState: counter }]
  for (const group of workloadGroups.slice(1)) {
    if (prng.below(3) === 0) continue
    const log = wal.log(group)
    const cut = group > 2 ? cutOf(log, prng) : undefined
    const back = cut === undefined && prng.below(10) === 0 ? prng.below(4) : 0
    const first = Math.max(log.firstIndex, log.lastIndex + 1 - back)
    const before = log.metas(first - 1, first, 1)[0] ?? log.cut
    const bytes = prng.below(20) === 0 ? 70_000 : prng.below(3000)
    const count = 1 + prng.below(3)
    const entries = Array.from({ length: count }, (_, n) =>
      data(first + n, before.lastOffset + n, { term: k, bytes, salt: k }),
    )
    writes.push({ group, entries, ...(cut === undefined ? {} : { cut }) })
  }
  return writes
}

/** Now and then most of the log goes. */
function cutOf(log: GroupLog, prng: Prng): Snapshot | undefined {
  if (log.lastIndex - log.cut.index < 40 || prng.below(4) > 0) return undefined
  const last = log.metas(log.lastIndex - 5, log.lastIndex - 4, 1)[0]
  return last === undefined ? undefined : snapshotAt(last, 2000)
}

/** Number of the last commit that the log holds. */
export function workloadProgress(wal: Wal): number {
  return wal.log(0).hardState.commitIndex
}
