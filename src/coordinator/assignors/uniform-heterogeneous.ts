/**
 * `uniform` where members subscribe to different topics. First everybody keeps what they have, then
 * unowned partitions go to the least loaded subscribers, the topics with most partitions per
 * subscriber first; then partitions are moved from the most to the least loaded subscribers, topic
 * by topic, until none can be moved to better the balance (or 16 rounds are over).
 */
import type { Uuid } from "../../protocol/schema.ts"
import type { GroupSpec, TopicPartitions } from "./assignor.ts"
import { membersInOrder } from "./hash-order.ts"
import { LoadBalancer } from "./load-balancer.ts"

const roundsMax = 16
const nobody = -1

interface Topic {
  readonly id: Uuid
  /** Indexes of members, ascending. */
  readonly subscribers: number[]
  /** Index of the member, or `nobody`, by partition. */
  readonly owners: number[]
}

export function assignHeterogeneous(spec: GroupSpec): ReadonlyMap<string, TopicPartitions> {
  const memberIds = membersInOrder(spec.members.keys())
  const topics = topicsOf(spec, memberIds)
  if (topics.length === 0) return new Map()
  const loads = keepAssigned(spec, memberIds, topics)
  assignUnowned(topics, loads)
  balance(
    topics.filter(({ subscribers }) => subscribers.length > 1),
    loads,
  )
  return assignmentOf(memberIds, topics)
}

/** In the order in which they are treated. */
function topicsOf(spec: GroupSpec, memberIds: ReadonlyArray<string>): Topic[] {
  const topics = new Map<Uuid, Topic>()
  for (const [at, memberId] of memberIds.entries()) {
    for (const id of spec.members.get(memberId)?.topicIds ?? []) {
      const topic = topics.get(id)
      if (topic !== undefined) topic.subscribers.push(at)
      else {
        const owners = Array.from({ length: spec.partitionsOf(id) }, () => nobody)
        topics.set(id, { id, subscribers: [at], owners })
      }
    }
  }
  return [...topics.values()].sort(byPartitionsPerSubscriber)
}

function byPartitionsPerSubscriber(a: Topic, b: Topic): number {
  const perSubscriber = ({ owners, subscribers }: Topic) => owners.length / subscribers.length
  return (
    perSubscriber(b) - perSubscriber(a) ||
    a.subscribers.length - b.subscribers.length ||
    compareUuids(a.id, b.id)
  )
}

/** As Kafka compares ids: as two signed 64-bit words. Flipping each sign bit makes it a text's. */
function compareUuids(a: Uuid, b: Uuid): number {
  return sortable(a) < sortable(b) ? -1 : sortable(a) > sortable(b) ? 1 : 0
}

const sortable = (id: Uuid): string => flipSign(id.slice(0, 16)) + flipSign(id.slice(16))

const flipSign = (word: string): string =>
  (Number.parseInt(word.slice(0, 1), 16) ^ 8).toString(16) + word.slice(1)

/** Number of partitions by member. */
function keepAssigned(
  spec: GroupSpec,
  memberIds: ReadonlyArray<string>,
  topics: ReadonlyArray<Topic>,
): number[] {
  const byId = new Map(topics.map((topic) => [topic.id, topic]))
  return memberIds.map((memberId, at) => {
    const member = spec.members.get(memberId)
    let load = 0
    for (const [topicId, partitions] of member?.assigned ?? []) {
      const owners = byId.get(topicId)?.owners
      if (owners === undefined || member?.topicIds.has(topicId) !== true) continue
      for (const partition of partitions) {
        if (partition >= owners.length) continue
        owners[partition] = at
        load++
      }
    }
    return load
  })
}

function assignUnowned(topics: ReadonlyArray<Topic>, loads: number[]): void {
  const balancer = new LoadBalancer(loads)
  for (const topic of topics) {
    if (!topic.owners.includes(nobody)) continue
    balancer.start(topic.subscribers)
    for (const [partition, owner] of topic.owners.entries()) {
      if (owner === nobody) give(topic, partition, balancer.nextLeastLoaded(), loads)
    }
  }
}

function give(topic: Topic, partition: number, member: number, loads: number[]): void {
  const before = topic.owners[partition] ?? nobody
  if (before !== nobody) loads[before] = (loads[before] ?? 0) - 1
  topic.owners[partition] = member
  loads[member] = (loads[member] ?? 0) + 1
}

function balance(topics: ReadonlyArray<Topic>, loads: number[]): void {
  const balancer = new LoadBalancer(loads)
  // Once the topic that was changed last comes round again, nothing more can be bettered.
  let last = -1
  for (let round = 0; round < roundsMax; round++) {
    for (const [at, topic] of topics.entries()) {
      if (at === last) return
      const moved = balanceTopic(topic, balancer, loads)
      if (moved > 0 || last === -1) last = at
    }
  }
}

function balanceTopic(topic: Topic, balancer: LoadBalancer, loads: number[]): number {
  if (balancer.start(topic.subscribers) <= 1) return 0
  const owned = new Map<number, number[]>()
  for (const [partition, owner] of topic.owners.entries()) {
    const partitions = owned.get(owner)
    if (partitions === undefined) owned.set(owner, [partition])
    else partitions.push(partition)
  }
  let moved = 0
  while (!balancer.isBalanced) {
    const partition = nextToGiveUp(owned, balancer)
    if (partition === undefined) break
    const member = balancer.nextLeastLoaded()
    if (balancer.isBalanced) break
    give(topic, partition, member, loads)
    moved++
  }
  return moved
}

/**
 * The last partition of the topic that the most loaded subscriber has; undefined: nobody has any.
 */
function nextToGiveUp(owned: ReadonlyMap<number, number[]>, balancer: LoadBalancer) {
  for (;;) {
    const member = balancer.nextMostLoaded()
    if (member === undefined) return undefined
    const partition = owned.get(member)?.pop()
    if (partition !== undefined) return partition
    balancer.excludeMostLoaded()
  }
}

function assignmentOf(memberIds: ReadonlyArray<string>, topics: ReadonlyArray<Topic>) {
  const assignment = new Map<string, Map<Uuid, Set<number>>>()
  for (const memberId of memberIds) assignment.set(memberId, new Map())
  for (const { id, owners } of topics) {
    for (const [partition, owner] of owners.entries()) {
      const own = assignment.get(memberIds[owner] ?? "")
      if (own === undefined) throw new Error("uniform assignor: a partition was left unassigned")
      const partitions = own.get(id)
      if (partitions === undefined) own.set(id, new Set([partition]))
      else partitions.add(partition)
    }
  }
  return assignment
}
