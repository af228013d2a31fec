/**
 * The `range` assignor: per topic, consecutive partitions to its subscribers in the order of their
 * instance ids (static members first) and member ids; the first ones take one more. What a member
 * had before does not matter, so that equal numbers of topics with equal numbers of partitions are
 * co-partitioned.
 */
import type { Uuid } from "../../protocol/schema.ts"
import type { Assignor, GroupSpec, MemberSpec } from "./assignor.ts"

interface Range {
  next: number
  readonly end: number
  readonly quota: number
  extra: number
}

export const assignRange: Assignor = (spec) => {
  const ranges = rangesOf(spec)
  const assignment = new Map<string, Map<Uuid, Set<number>>>()
  for (const [memberId, member] of sortedMembers(spec)) {
    const own = new Map<Uuid, Set<number>>()
    for (const topicId of member.topicIds) {
      const partitions = take(ranges.get(topicId))
      if (partitions.size > 0) own.set(topicId, partitions)
    }
    assignment.set(memberId, own)
  }
  return assignment
}

function rangesOf(spec: GroupSpec): Map<Uuid, Range> {
  const subscribers = new Map<Uuid, number>()
  for (const { topicIds } of spec.members.values()) {
    for (const id of topicIds) subscribers.set(id, (subscribers.get(id) ?? 0) + 1)
  }
  const ranges = new Map<Uuid, Range>()
  for (const [topicId, count] of subscribers) {
    const end = spec.partitionsOf(topicId)
    ranges.set(topicId, { next: 0, end, quota: Math.floor(end / count), extra: end % count })
  }
  return ranges
}

function take(range: Range | undefined): Set<number> {
  const partitions = new Set<number>()
  if (range === undefined) return partitions
  const count = range.quota + (range.extra > 0 ? 1 : 0)
  if (range.extra > 0) range.extra--
  const end = Math.min(range.next + count, range.end)
  for (; range.next < end; range.next++) partitions.add(range.next)
  return partitions
}

function sortedMembers(spec: GroupSpec): Array<[string, MemberSpec]> {
  return [...spec.members].sort(([a, { instanceId: x }], [b, { instanceId: y }]) => {
    if (x !== null && y !== null) return compare(x, y)
    if (x !== null) return -1
    return y !== null ? 1 : compare(a, b)
  })
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
