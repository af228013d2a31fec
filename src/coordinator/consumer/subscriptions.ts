/** What the members of a group subscribe to, all together. */
import { subscribedNamesInOrder } from "../assignors/hash-order.ts"
import type { Uuid } from "../../protocol/schema.ts"
import type { TopicsView } from "../ports.ts"
import type { ConsumerGroup, ResolvedRegex } from "./consumer-group.ts"
import { regexOf } from "./member.ts"
import type { ConsumerMember } from "./member.ts"

export type ResolvedRegexes = ReadonlyMap<string, ResolvedRegex>

export interface Subscriptions {
  /** By name or by a resolved regex; whether or not such a topic exists. */
  readonly topicNames: ReadonlySet<string>
  /** Everybody subscribes to the same. */
  readonly isHomogeneous: boolean
}

/** The members as they will be: `updated` in place of itself and of `replacedId`. */
export function* membersWith(
  group: ConsumerGroup,
  updated: ConsumerMember,
  replacedId: string | undefined,
): Iterable<ConsumerMember> {
  for (const member of group.members.values()) {
    if (member.memberId !== updated.memberId && member.memberId !== replacedId) yield member
  }
  yield updated
}

export function subscriptionsOf(
  members: Iterable<ConsumerMember>,
  resolved: ResolvedRegexes,
): Subscriptions {
  const byName = new Map<string, number>()
  const regexes = new Map<string, number>()
  let count = 0
  for (const member of members) {
    count++
    for (const name of member.subscribedTopicNames) increment(byName, name)
    const regex = regexOf(member)
    if (regex !== undefined) increment(regexes, regex)
  }
  const byRegex = new Map<string, number>()
  for (const regex of regexes.keys()) {
    for (const name of resolved.get(regex)?.topics ?? []) increment(byRegex, name)
  }
  return {
    topicNames: new Set([...byName.keys(), ...byRegex.keys()]),
    isHomogeneous: isHomogeneous(count, byName, byRegex, regexes),
  }
}

const increment = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function isHomogeneous(
  members: number,
  byName: ReadonlyMap<string, number>,
  byRegex: ReadonlyMap<string, number>,
  regexes: ReadonlyMap<string, number>,
): boolean {
  const [first] = regexes.values()
  if (first === undefined) return [...byName.values()].every((count) => count === members)
  if (first !== members) return false
  return [...byRegex].every(([name, count]) => count !== 1 || !byName.has(name))
}

/** The existing topics of one member, in the order in which Kafka would walk through them. */
export function subscribedTopicIds(
  member: ConsumerMember,
  resolved: ResolvedRegexes,
  topics: TopicsView,
): Set<Uuid> {
  const regex = regexOf(member)
  const matched = regex === undefined ? undefined : resolved.get(regex)
  const names = new Set([
    ...subscribedNamesInOrder(member.subscribedTopicNames),
    ...subscribedNamesInOrder(matched?.topics ?? []),
  ])
  const ids = new Set<Uuid>()
  for (const name of names) {
    const id = topics.topicId(name)
    if (id !== undefined) ids.add(id)
  }
  return ids
}
