/**
 * What groups were told (VERIFICATION §3.2 ii). A committed offset is a register: each read of it
 * is explained by some order of the commits, one whose outcome is unknown may land at any time.
 * Generations do not fall, and whoever is of an earlier one commits nothing.
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
import { checkRegister } from "./committed.ts"
import { checkOwners } from "./owners.ts"

type Commit = Operation<CommitCall>
type Assign = Operation<AssignCall>

const keyOf = ({ group, partition }: CommitCall | CommittedCall): string => `${group} ${partition}`

export function checkGroups(operations: ReadonlyArray<Operation>, found: Anomalies): void {
  const commits = operationsOf(operations, "commit")
  const joins = operationsOf(operations, "join")
  const reads = operationsOf(operations, "committed").filter(({ outcome }) => outcome === "ok")
  const readsByKey = Map.groupBy(reads, keyOf)
  const commitsByKey = Map.groupBy(commits, keyOf)
  for (const key of new Set([...readsByKey.keys(), ...commitsByKey.keys()])) {
    checkRegister(commitsByKey.get(key) ?? [], readsByKey.get(key) ?? [], found)
  }
  const assigns = operationsOf(operations, "assign").filter(({ outcome }) => outcome === "ok")
  const known = assigns.filter(({ generation }) => generation !== -1)
  const [ofEpochs, ofGenerations] = byProtocol(known)
  checkGenerations(ofGenerations, joins, commits, found)
  checkHandedOn(ofEpochs, commits, found)
  checkOwners(operations, assigns, found)
}

/** A generation counts from when a member was given its assignment: before that it may be lost. */
function checkGenerations(
  assigns: ReadonlyArray<Assign>,
  joins: ReadonlyArray<Operation<JoinCall>>,
  commits: ReadonlyArray<Commit>,
  found: Anomalies,
): void {
  const later = [...joins, ...commits].filter(
    ({ outcome, generation }) => outcome === "ok" && generation !== -1,
  )
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
  const done = commits.filter(({ outcome, generation }) => outcome === "ok" && generation !== -1)
  for (const [key, ofKey] of Map.groupBy(done, keyOf)) {
    const owners = (given.get(key) ?? [])
      .map(({ assign }) => assign)
      .sort((a, b) => a.returned - b.returned)
    const newest = new Newest()
    let next = 0
    for (const commit of ofKey.toSorted((a, b) => a.invoked - b.invoked)) {
      for (; (owners[next]?.returned ?? Infinity) < commit.invoked; next++) newest.see(owners[next])
      const over = newest.besides(commit.member)
      if (over === undefined || over.generation <= commit.generation) continue
      const detail = `${commit.group}: ${commit.member} committed in epoch ${commit.generation}, after ${over.member} owned it in ${over.generation}`
      found.add("fenced-commit", commit.partition, detail, [over, commit])
    }
  }
}

/** Of two members the assignments with the highest epochs, of all seen so far. */
class Newest {
  #first: Assign | undefined
  /** Of another member than the first. */
  #second: Assign | undefined

  see(assign: Assign | undefined): void {
    if (assign === undefined) return
    const first = this.#first
    if (first === undefined || assign.generation > first.generation) {
      if (first !== undefined && first.member !== assign.member) this.#second = first
      this.#first = assign
    } else if (
      assign.member !== first.member &&
      assign.generation > (this.#second?.generation ?? -1)
    ) {
      this.#second = assign
    }
  }

  besides(member: string): Assign | undefined {
    return this.#first?.member === member ? this.#second : this.#first
  }
}
