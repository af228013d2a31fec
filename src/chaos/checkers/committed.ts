/** The register that a group's committed offset of one partition is. */
import type { CommitCall, CommittedCall, Operation } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { lowerBound } from "./lower-bound.ts"

type Commit = Operation<CommitCall>
type Read = Operation<CommittedCall>

/** What tells a commit from others: its tag, or, where the client sets none, its offset alone. */
const nameOf = ({ tag, offset }: CommitCall | CommittedCall): string =>
  tag === "" ? `#${offset}` : tag

/** Of one group and partition. */
export function checkRegister(
  commits: ReadonlyArray<Commit>,
  reads: ReadonlyArray<Read>,
  found: Anomalies,
): void {
  const byName = Map.groupBy(commits, nameOf)
  const settled = settledAt(byName, reads)
  const newest = newestBy(commits, settled)
  for (const read of reads) {
    const { partition, group } = read
    const who = `${group}: ${read.offset} (${read.tag || "no tag"})`
    const explained = read.offset < 0 ? [] : (byName.get(nameOf(read)) ?? [])
    const [commit] = explained
    if (read.offset >= 0 && commit?.offset !== read.offset) {
      found.add("uncommitted-offset", partition, `${who} was never committed`, [read])
      continue
    }
    if (commit !== undefined && explained.every(({ outcome }) => outcome === "fail")) {
      found.add("aborted-commit", partition, `${who} had been refused`, [commit, read])
    }
    if (commit !== undefined && explained.every(({ invoked }) => invoked > read.returned)) {
      found.add("uncommitted-offset", partition, `${who} was read before`, [commit, read])
    }
    const over = explained.reduce((last, one) => Math.max(last, settled.get(one) ?? Infinity), -1)
    const later = newest[lowerBound(newest, read.invoked, ({ at }) => at) - 1]?.commit
    if (later === undefined || later.invoked <= over) continue
    const detail = `${who} is told, ${later.offset} (${later.tag || "no tag"}) had been committed`
    const kind = commit === undefined ? "lost-commits" : "stale-commit"
    found.add(kind, partition, detail, [later, read])
  }
}

/** When each has certainly taken effect: when it was answered, or seen by somebody. */
function settledAt(
  byName: ReadonlyMap<string, ReadonlyArray<Commit>>,
  reads: ReadonlyArray<Read>,
): ReadonlyMap<Commit, number> {
  const settled = new Map<Commit, number>()
  for (const commits of byName.values()) {
    for (const commit of commits) if (commit.outcome === "ok") settled.set(commit, commit.returned)
  }
  for (const read of reads) {
    // Of several with one name nobody can tell which one was seen.
    const [commit, another] = byName.get(nameOf(read)) ?? []
    if (commit === undefined || another !== undefined || read.offset < 0) continue
    settled.set(commit, Math.min(settled.get(commit) ?? Infinity, read.returned))
  }
  return settled
}

interface Newest {
  readonly at: number
  readonly commit: Commit
}

/** By the time they had taken effect: those that were invoked later than all before. */
function newestBy(
  commits: ReadonlyArray<Commit>,
  settled: ReadonlyMap<Commit, number>,
): ReadonlyArray<Newest> {
  const newest: Array<Newest> = []
  const done = commits
    .flatMap((commit) => {
      const at = settled.get(commit)
      return at === undefined ? [] : [{ at, commit }]
    })
    .sort((a, b) => a.at - b.at)
  for (const one of done) {
    if (one.commit.invoked > (newest.at(-1)?.commit.invoked ?? -Infinity)) newest.push(one)
  }
  return newest
}
