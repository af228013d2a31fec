/** What lies below a committed offset was given to a member of the group. */
import type { CommitCall, Operation, Poll } from "../history/history.ts"
import { operationsOf } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { lastRecords } from "./compaction.ts"
import type { PartitionView } from "./partition-view.ts"

type Commit = Operation<CommitCall>

export const commitsByPartition = (
  operations: ReadonlyArray<Operation>,
): ReadonlyMap<string, ReadonlyArray<Commit>> =>
  Map.groupBy(
    operationsOf(operations, "commit").filter(({ outcome }) => outcome === "ok"),
    ({ partition }) => partition,
  )

/** Every record below what a group has committed was given to one of its members. */
export function checkGroupReads(
  view: PartitionView,
  commits: ReadonlyArray<Commit>,
  found: Anomalies,
): void {
  const { log, partition } = view
  if (log === undefined || commits.length === 0) return
  const highest = new Map<string, Commit>()
  for (const commit of commits) {
    const before = highest.get(commit.group)
    if (before === undefined || commit.offset > before.offset) highest.set(commit.group, commit)
  }
  const start = Math.max(log.startOffset, view.highestStart)
  const expected = lastRecords(view, log)
  const read = readBy(view, [...highest.keys()])
  for (const [group, commit] of highest) {
    const given = read.get(group)
    const skipped = expected.find(
      ([offset]) => offset >= start && offset < commit.offset && given?.has(offset) !== true,
    )
    if (skipped === undefined) continue
    const detail = `${group} has committed ${commit.offset}, and never read ${skipped[1]} at ${skipped[0]}`
    found.add("skipped-record", partition, detail, [commit])
  }
}

function readBy(
  view: PartitionView,
  groups: ReadonlyArray<string>,
): ReadonlyMap<string, ReadonlySet<number>> {
  const read = new Map(groups.map((group) => [group, new Set<number>()]))
  const groupOf = new Map<string, string | undefined>()
  for (const poll of view.polls) {
    if (poll.records.length === 0) continue
    let group = poll.group ?? groupOf.get(poll.process)
    if (group === undefined && !groupOf.has(poll.process)) {
      groupOf.set(poll.process, (group = named(poll, groups)))
    }
    const offsets = group === undefined ? undefined : read.get(group)
    if (offsets !== undefined) for (const [offset] of poll.records) offsets.add(offset)
  }
  return read
}

/** The members of a group are called after it where their polls do not name it. */
const named = ({ process }: Operation<Poll>, groups: ReadonlyArray<string>): string | undefined =>
  groups.find((group) => process.startsWith(`${group}.`))
