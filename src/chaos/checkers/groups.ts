/**
 * What groups were told (VERIFICATION §3.2 ii). A committed offset is a register: each read of it
 * is explained by some order of the commits, one whose outcome is unknown may land at any time.
 * In a generation every partition has one owner, generations do not fall, and whoever is of an
 * earlier one commits nothing. What lies below a committed offset was read by the group.
 */
import type {
  AssignCall,
  CommitCall,
  CommittedCall,
  JoinCall,
  Operation,
} from "../history/history.ts"
import { operationsOf } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import type { PartitionView } from "./partition-view.ts"

type Commit = Operation<CommitCall>
type Read = Operation<CommittedCall>
type Assign = Operation<AssignCall>

const keyOf = ({ group, partition }: Commit | Read): string => `${group} ${partition}`

export function checkGroups(
  operations: ReadonlyArray<Operation>,
  views: ReadonlyArray<PartitionView>,
  found: Anomalies,
): void {
  const commits = operationsOf(operations, "commit")
  if (commits.length === 0 && operationsOf(operations, "join").length === 0) return
  const reads = operationsOf(operations, "committed").filter(({ outcome }) => outcome === "ok")
  const readsByKey = Map.groupBy(reads, keyOf)
  const commitsByKey = Map.groupBy(commits, keyOf)
  for (const key of new Set([...readsByKey.keys(), ...commitsByKey.keys()])) {
    checkRegister(commitsByKey.get(key) ?? [], readsByKey.get(key) ?? [], found)
  }
  const assigns = operationsOf(operations, "assign").filter(({ outcome }) => outcome === "ok")
  const [ofEpochs, ofGenerations] = byProtocol(assigns)
  checkGenerations(ofGenerations, operationsOf(operations, "join"), commits, found)
  checkHandedOn(ofEpochs, commits, found)
  checkOwners(assigns, found)
  for (const view of views) checkRead(view, commits, found)
}

/** When it has certainly taken effect: when it was answered, or seen by somebody. */
function settledAt(commits: ReadonlyArray<Commit>, reads: ReadonlyArray<Read>) {
  const settled = new Map<string, number>()
  for (const { tag, outcome, returned } of commits) if (outcome === "ok") settled.set(tag, returned)
  for (const { tag, returned } of reads) {
    if (tag !== "") settled.set(tag, Math.min(settled.get(tag) ?? Infinity, returned))
  }
  return settled
}

function checkRegister(
  commits: ReadonlyArray<Commit>,
  reads: ReadonlyArray<Read>,
  found: Anomalies,
): void {
  const byTag = new Map(commits.map((commit) => [commit.tag, commit]))
  const settled = settledAt(commits, reads)
  const done = commits
    .flatMap((commit) => {
      const at = settled.get(commit.tag)
      return at === undefined ? [] : [{ commit, at }]
    })
    .sort((a, b) => a.at - b.at)
  for (const read of reads) {
    const { partition, group } = read
    const commit = byTag.get(read.tag)
    const who = `${group}: ${read.offset} (${read.tag || "nothing"})`
    if (read.offset >= 0 && (commit === undefined || commit.offset !== read.offset)) {
      found.add("uncommitted-offset", partition, `${who} was never committed`, [read])
      continue
    }
    if (commit?.outcome === "fail") {
      found.add("aborted-commit", partition, `${who} had been refused`, [commit, read])
    }
    if (commit !== undefined && commit.invoked > read.returned) {
      found.add("uncommitted-offset", partition, `${who} was read before`, [commit, read])
    }
    const over = commit === undefined ? -1 : (settled.get(commit.tag) ?? Infinity)
    const later = done.find(({ commit: { invoked }, at }) => at < read.invoked && invoked > over)
    if (later === undefined) continue
    const detail = `${who} is told, ${later.commit.offset} (${later.commit.tag}) had been committed`
    const kind = commit === undefined ? "lost-commits" : "stale-commit"
    found.add(kind, partition, detail, [later.commit, read])
  }
}

/** A generation counts from when a member was given its assignment: before that it may be lost. */
function checkGenerations(
  assigns: ReadonlyArray<Assign>,
  joins: ReadonlyArray<Operation<JoinCall>>,
  commits: ReadonlyArray<Commit>,
  found: Anomalies,
): void {
  const later = [...joins, ...commits].filter(({ outcome }) => outcome === "ok")
  const events = [
    ...assigns.map((assign) => ({ at: assign.returned, assign, later: undefined })),
    ...later.map((one) => ({ at: one.invoked, assign: undefined, later: one })),
  ].sort((a, b) => a.at - b.at)
  const highest = new Map<string, Assign>()
  for (const { assign, later: one } of events) {
    const before = highest.get((assign ?? one).group)
    if (assign !== undefined) {
      if (before === undefined || assign.generation > before.generation) {
        highest.set(assign.group, assign)
      }
    } else if (before !== undefined && one.generation < before.generation) {
      const detail = `${one.group}: ${one.generation} of ${one.member} after ${before.generation}`
      const isCommit = one.f === "commit"
      const kind = isCommit ? "fenced-commit" : "generation-regress"
      found.add(kind, isCommit ? one.partition : "", detail, [before, one])
    }
  }
}

const byProtocol = (assigns: ReadonlyArray<Assign>) =>
  [
    assigns.filter(({ protocol }) => protocol === "consumer"),
    assigns.filter(({ protocol }) => protocol === "classic"),
  ] as const

/**
 * In the new protocol members may be epochs apart; but a partition that another one was given in a
 * later epoch had been given up, or its owner been expelled.
 */
function checkHandedOn(
  assigns: ReadonlyArray<Assign>,
  commits: ReadonlyArray<Commit>,
  found: Anomalies,
): void {
  const given = Map.groupBy(
    assigns.flatMap((assign) => assign.partitions.map((partition) => ({ assign, partition }))),
    ({ assign, partition }) => `${assign.group} ${partition}`,
  )
  for (const commit of commits) {
    if (commit.outcome !== "ok") continue
    const over = given
      .get(keyOf(commit))
      ?.find(
        ({ assign }) =>
          assign.member !== commit.member &&
          assign.generation > commit.generation &&
          assign.returned < commit.invoked,
      )
    if (over === undefined) continue
    const { member, generation } = over.assign
    const detail = `${commit.group}: ${commit.member} committed in epoch ${commit.generation}, after ${member} owned it in ${generation}`
    found.add("fenced-commit", commit.partition, detail, [over.assign, commit])
  }
}

function checkOwners(assigns: ReadonlyArray<Assign>, found: Anomalies): void {
  const owners = new Map<string, Assign>()
  for (const assign of assigns) {
    for (const partition of assign.partitions) {
      const key = `${assign.group} ${assign.generation} ${partition}`
      const before = owners.get(key)
      if (before !== undefined && before.member !== assign.member) {
        const detail = `${assign.group}, generation ${assign.generation}: ${before.member} and ${assign.member}`
        found.add("two-owners", partition, detail, [before, assign])
      }
      owners.set(key, assign)
    }
  }
}

/** Every record below what a group has committed was given to one of its members. */
function checkRead(view: PartitionView, commits: ReadonlyArray<Commit>, found: Anomalies): void {
  const { log, partition } = view
  if (log === undefined) return
  const highest = new Map<string, Commit>()
  for (const commit of commits) {
    if (commit.partition !== partition || commit.outcome !== "ok") continue
    const before = highest.get(commit.group)
    if (before === undefined || commit.offset > before.offset) highest.set(commit.group, commit)
  }
  const start = Math.max(log.startOffset, view.highestStart)
  for (const [group, commit] of highest) {
    const read = new Set<number>()
    for (const { process, records } of view.polls) {
      if (process.startsWith(`${group}.`)) for (const [offset] of records) read.add(offset)
    }
    const skipped = log.records.find(
      ([offset]) => offset >= start && offset < commit.offset && !read.has(offset),
    )
    if (skipped === undefined) continue
    const detail = `${group} has committed ${commit.offset}, and never read ${skipped[1]} at ${skipped[0]}`
    found.add("skipped-record", partition, detail, [commit])
  }
}
