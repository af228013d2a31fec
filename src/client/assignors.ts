/**
 * How the leader of a classic group divides partitions among its members. Pure. `range` and
 * `roundrobin` divide exactly as Kafka's assignors of these names do; `cooperative-sticky` keeps
 * the promises of Kafka's (balance as good, nobody given what another still holds) with a simpler
 * search.
 */
import { byTopicAndPartition, partitionName } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"

export interface AssignorMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly topics: ReadonlyArray<string>
  /** What it held when it joined, for sticky assignors. */
  readonly owned: ReadonlyArray<TopicPartition>
  /** The generation in which it got `owned`; −1: none. */
  readonly generationId: number
}

export type Assignment = ReadonlyMap<string, ReadonlyArray<TopicPartition>>

export interface Assignor {
  /** As it stands in JoinGroup. */
  readonly name: string
  /** Members keep what they hold while the group rebalances. */
  readonly cooperative: boolean
  /** Every member has an entry. Topics without partitions are left out of `partitionCounts`. */
  readonly assign: (
    members: ReadonlyArray<AssignorMember>,
    partitionCounts: ReadonlyMap<string, number>,
  ) => Assignment
}

/** Static members first, by instance id; the others by member id. */
function byIdentity(a: AssignorMember, b: AssignorMember): number {
  if (a.groupInstanceId !== null && b.groupInstanceId !== null) {
    return compare(a.groupInstanceId, b.groupInstanceId)
  }
  if (a.groupInstanceId !== null) return -1
  if (b.groupInstanceId !== null) return 1
  return compare(a.memberId, b.memberId)
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const emptyAssignment = (members: ReadonlyArray<AssignorMember>): Map<string, TopicPartition[]> =>
  new Map(members.map(({ memberId }) => [memberId, []]))

function subscribedTopics(members: ReadonlyArray<AssignorMember>): ReadonlyArray<string> {
  return [...new Set(members.flatMap(({ topics }) => topics))].sort()
}

/** Consecutive partitions of each topic; the first members get one more if it does not divide. */
export const range: Assignor = {
  name: "range",
  cooperative: false,
  assign: (members, partitionCounts) => {
    const assignment = emptyAssignment(members)
    const sorted = members.toSorted(byIdentity)
    for (const topic of subscribedTopics(members)) {
      const count = partitionCounts.get(topic) ?? 0
      const takers = sorted.filter(({ topics }) => topics.includes(topic))
      const each = Math.floor(count / takers.length)
      const more = count % takers.length
      let next = 0
      for (const [i, { memberId }] of takers.entries()) {
        const end = next + each + (i < more ? 1 : 0)
        for (; next < end; next++) assignment.get(memberId)?.push({ topic, partition: next })
      }
    }
    return assignment
  },
}

/** All partitions in order, dealt out in turn to those who want them. */
export const roundRobin: Assignor = {
  name: "roundrobin",
  cooperative: false,
  assign: (members, partitionCounts) => {
    const assignment = emptyAssignment(members)
    const sorted = members.toSorted(byIdentity)
    let turn = 0
    for (const one of allPartitions(members, partitionCounts)) {
      while (sorted[turn % sorted.length]?.topics.includes(one.topic) === false) turn++
      assignment.get(sorted[turn % sorted.length]?.memberId ?? "")?.push(one)
      turn++
    }
    return assignment
  },
}

function allPartitions(
  members: ReadonlyArray<AssignorMember>,
  partitionCounts: ReadonlyMap<string, number>,
): ReadonlyArray<TopicPartition> {
  return subscribedTopics(members).flatMap((topic) =>
    Array.from({ length: partitionCounts.get(topic) ?? 0 }, (_, partition) => ({
      topic,
      partition,
    })),
  )
}

/**
 * Everybody keeps what is theirs as far as balance allows. What must change hands is given to
 * nobody in this round: its holder gives it up and joins again, and then it is free.
 */
export const cooperativeSticky: Assignor = {
  name: "cooperative-sticky",
  cooperative: true,
  assign: (members, partitionCounts) => {
    const partitions = allPartitions(members, partitionCounts)
    const owners = validOwners(members, partitions)
    const balanced = balance(members, partitions, owners)
    const assignment = emptyAssignment(members)
    for (const one of partitions) {
      const owner = owners.get(partitionName(one))
      const chosen = balanced.get(partitionName(one))
      if (chosen === undefined || (owner !== undefined && owner !== chosen)) continue
      assignment.get(chosen)?.push(one)
    }
    return assignment
  },
}

/** Who holds what: of two that claim the same, the one of the later generation. */
function validOwners(
  members: ReadonlyArray<AssignorMember>,
  partitions: ReadonlyArray<TopicPartition>,
): ReadonlyMap<string, string> {
  const existing = new Set(partitions.map(partitionName))
  const owners = new Map<string, string>()
  for (const member of members.toSorted((a, b) => a.generationId - b.generationId)) {
    for (const one of member.owned) {
      const name = partitionName(one)
      if (existing.has(name)) owners.set(name, member.memberId)
    }
  }
  return owners
}

function balance(
  members: ReadonlyArray<AssignorMember>,
  partitions: ReadonlyArray<TopicPartition>,
  owners: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const sorted = members.toSorted(byIdentity)
  const loads = new Map(members.map(({ memberId }) => [memberId, 0]))
  const chosen = new Map<string, string>()
  const give = (one: TopicPartition, memberId: string) => {
    const before = chosen.get(partitionName(one))
    if (before !== undefined) loads.set(before, (loads.get(before) ?? 0) - 1)
    chosen.set(partitionName(one), memberId)
    loads.set(memberId, (loads.get(memberId) ?? 0) + 1)
  }
  const wants = ({ topics }: AssignorMember, { topic }: TopicPartition) => topics.includes(topic)
  const leastLoaded = (one: TopicPartition) =>
    sorted
      .filter((member) => wants(member, one))
      .toSorted((a, b) => (loads.get(a.memberId) ?? 0) - (loads.get(b.memberId) ?? 0))[0]
  for (const one of partitions) {
    const owner = members.find(({ memberId }) => memberId === owners.get(partitionName(one)))
    if (owner !== undefined && wants(owner, one)) give(one, owner.memberId)
  }
  for (const one of partitions) {
    if (chosen.has(partitionName(one))) continue
    const taker = leastLoaded(one)
    if (taker !== undefined) give(one, taker.memberId)
  }
  // Each move narrows a difference of two or more: it ends, and no later than this.
  for (let moves = partitions.length * members.length; moves > 0; moves--) {
    const moved = partitions.toSorted(byTopicAndPartition).findLast((one) => {
      const load = loads.get(chosen.get(partitionName(one)) ?? "") ?? 0
      const taker = leastLoaded(one)
      if (taker === undefined || load - (loads.get(taker.memberId) ?? 0) < 2) return false
      give(one, taker.memberId)
      return true
    })
    if (moved === undefined) break
  }
  return chosen
}

/** By Kafka's names of the classes, as `partition.assignment.strategy` lists them. */
export const assignorsByClass: ReadonlyMap<string, Assignor> = new Map([
  ["org.apache.kafka.clients.consumer.RangeAssignor", range],
  ["org.apache.kafka.clients.consumer.RoundRobinAssignor", roundRobin],
  ["org.apache.kafka.clients.consumer.CooperativeStickyAssignor", cooperativeSticky],
])
