/**
 * `uniform` where all members subscribe to the same topics: everybody gets the same number of
 * partitions, some one more. Members keep what they have up to that number; what
 * they give up and what nobody has goes to those who have less.
 */
import type { Uuid } from "../../protocol/schema.ts"
import type { GroupSpec, TopicPartitions } from "./assignor.ts"
import {
  assignedTopicsInOrder,
  membersInOrder,
  partitionsInOrder,
  subscribedTopicsInOrder,
} from "./hash-order.ts"

interface Unassigned {
  readonly topicId: Uuid
  readonly partition: number
}

type Draft = Map<Uuid, Set<number>>

interface Plan {
  readonly spec: GroupSpec
  readonly subscribed: ReadonlySet<Uuid>
  /** Grows by what members give up. */
  readonly unassigned: Unassigned[]
}

export function assignHomogeneous(spec: GroupSpec): ReadonlyMap<string, TopicPartitions> {
  const memberIds = membersInOrder(spec.members.keys())
  const topicIds = topicsOf(spec, memberIds)
  if (topicIds.length === 0) return new Map()
  const unassigned = unassignedPartitions(spec, topicIds)
  const total = topicIds.reduce((sum, topicId) => sum + spec.partitionsOf(topicId), 0)
  const quotaMin = Math.floor(total / memberIds.length)
  let extra = total % memberIds.length
  const subscribed = new Set(topicIds)
  const assignment = new Map<string, Draft>()
  const unfilled: Array<{ readonly draft: Draft; readonly quota: number }> = []
  for (const [at, memberId] of memberIds.entries()) {
    const assigned = spec.members.get(memberId)?.assigned ?? new Map()
    const canHaveExtra = extra > 0
    const quota = quotaMin + (canHaveExtra ? 1 : 0)
    const { draft, left } = keepWithin(quota, assigned, { spec, subscribed, unassigned })
    // Who could not fill it leaves the odd partition to one behind it, who may have it already.
    const leavesExtra = canHaveExtra && left > 0 && memberIds.length - at > extra
    if (canHaveExtra && !leavesExtra) extra--
    assignment.set(memberId, draft)
    const wanted = leavesExtra ? left - 1 : left
    if (wanted > 0) unfilled.push({ draft, quota: wanted })
  }
  fill(unfilled, unassigned)
  return assignment
}

function topicsOf(spec: GroupSpec, memberIds: ReadonlyArray<string>): Uuid[] {
  const first = memberIds[0]
  const member = first === undefined ? undefined : spec.members.get(first)
  return subscribedTopicsInOrder(member?.topicIds ?? [])
}

function unassignedPartitions(spec: GroupSpec, topicIds: ReadonlyArray<Uuid>): Unassigned[] {
  const assigned = new Map<Uuid, Set<number>>()
  for (const member of spec.members.values()) {
    for (const [topicId, partitions] of member.assigned) {
      const all = assigned.get(topicId) ?? new Set()
      for (const partition of partitions) all.add(partition)
      assigned.set(topicId, all)
    }
  }
  const unassigned: Unassigned[] = []
  for (const topicId of topicIds) {
    const taken = assigned.get(topicId)
    const count = spec.partitionsOf(topicId)
    for (let partition = 0; partition < count; partition++) {
      if (taken?.has(partition) !== true) unassigned.push({ topicId, partition })
    }
  }
  return unassigned
}

/** What a member keeps of what it has; the rest of the subscribed topics goes to `unassigned`. */
function keepWithin(
  quota: number,
  assigned: TopicPartitions,
  { spec, subscribed, unassigned }: Plan,
): { readonly draft: Draft; readonly left: number } {
  const draft: Draft = new Map()
  let left = quota
  for (const topicId of assignedTopicsInOrder(assigned.keys())) {
    if (!subscribed.has(topicId)) continue
    const count = spec.partitionsOf(topicId)
    const known = partitionsInOrder(assigned.get(topicId) ?? [])
    const partitions = known.filter((partition) => partition < count)
    const kept = new Set(partitions.slice(0, left))
    for (const partition of partitions.slice(left)) unassigned.push({ topicId, partition })
    left -= kept.size
    if (kept.size > 0) draft.set(topicId, kept)
  }
  return { draft, left }
}

function fill(
  unfilled: ReadonlyArray<{ readonly draft: Draft; readonly quota: number }>,
  unassigned: ReadonlyArray<Unassigned>,
): void {
  let at = 0
  for (const { draft, quota } of unfilled) {
    for (const { topicId, partition } of unassigned.slice(at, at + quota)) {
      const partitions = draft.get(topicId)
      if (partitions === undefined) draft.set(topicId, new Set([partition]))
      else partitions.add(partition)
    }
    at += quota
  }
  if (at < unassigned.length) throw new Error("uniform assignor: partitions were left unassigned")
}
