/**
 * One owner: of a partition in each generation, and at each moment. A group may give a partition to
 * another member when its owner has asked to join again, has given it up, or has not been heard of
 * for as long as the group must wait.
 */
import type {
  AssignCall,
  HeartbeatCall,
  JoinCall,
  Operation,
  ReleaseCall,
} from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { lowerBound } from "./lower-bound.ts"

type Assign = Operation<AssignCall>
/** Commits are none: the new protocol does not take them for a sign of life. */
type Sign = Operation<AssignCall | HeartbeatCall | JoinCall | ReleaseCall>

export function checkOwners(
  operations: ReadonlyArray<Operation>,
  assigns: ReadonlyArray<Assign>,
  found: Anomalies,
): void {
  checkGeneration(assigns, found)
  if (!assigns.some(({ timeoutMs }) => timeoutMs !== undefined)) return
  checkTimes(assigns, new Signs(operations), found)
}

function checkGeneration(assigns: ReadonlyArray<Assign>, found: Anomalies): void {
  const owners = new Map<string, Assign>()
  for (const assign of assigns) {
    if (assign.generation === -1) continue
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

const memberOf = ({ group, member }: { readonly group: string; readonly member: string }): string =>
  `${group} ${member}`

/** In the order in which members learned what they own, each against the owner before it. */
function checkTimes(assigns: ReadonlyArray<Assign>, signs: Signs, found: Anomalies): void {
  const owners = new Map<string, Assign>()
  for (const assign of assigns.toSorted((a, b) => a.returned - b.returned)) {
    for (const partition of assign.partitions) {
      const key = `${assign.group} ${partition}`
      const before = owners.get(key)
      owners.set(key, assign)
      if (before === undefined || before.member === assign.member) continue
      const heard = signs.ownsUntil(before, partition, assign)
      if (heard === undefined || heard.untilMs <= assign.returnedMs) continue
      const leftMs = Math.round(heard.untilMs - assign.returnedMs)
      const detail = `${assign.group}: ${assign.member} owns it, ${leftMs} ms before ${before.member} may be given up`
      found.add("owners-overlap", partition, detail, [before, heard.sign, assign])
    }
  }
}

/** What each member did, by group and member, in the order of invocations. */
class Signs {
  readonly #byMember: ReadonlyMap<string, ReadonlyArray<Sign>>

  constructor(operations: ReadonlyArray<Operation>) {
    const signs = operations.filter(isSign).sort((a, b) => a.invoked - b.invoked)
    this.#byMember = Map.groupBy(signs, memberOf)
  }

  /**
   * Until when (run clock) `owner` owns the partition at least, as far as is known when `next` has
   * got it; undefined when it had given it up by then, or when that cannot be said.
   */
  ownsUntil(
    owner: Assign,
    partition: string,
    next: Assign,
  ): { readonly untilMs: number; readonly sign: Sign } | undefined {
    if (owner.timeoutMs === undefined) return undefined
    const signs = this.#byMember.get(memberOf(owner)) ?? []
    let last: Sign = owner
    for (let i = lowerBound(signs, owner.invoked, ({ invoked }) => invoked); ; i++) {
      const sign = signs[i]
      if (sign === undefined || sign.invoked > next.returned) break
      if (sign !== owner && mayGiveUp(sign, partition)) return undefined
      if (sign.outcome === "ok" && sign.returned < next.returned) last = sign
    }
    return { untilMs: last.invokedMs + owner.timeoutMs, sign: last }
  }
}

const isSign = (operation: Operation): operation is Sign =>
  operation.f === "join" ||
  operation.f === "assign" ||
  operation.f === "heartbeat" ||
  operation.f === "release"

/** A member that joins again, or is told what it owns, may have given up everything before. */
function mayGiveUp(sign: Sign, partition: string): boolean {
  if (sign.f === "join" || sign.f === "assign") return true
  return sign.f === "release" && sign.partitions.includes(partition)
}
