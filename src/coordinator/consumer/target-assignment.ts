/**
 * The target assignment of a group: what its members should have, computed by the server-side
 * assignor whenever the group's epoch has moved, at most once in the assignment interval
 * (KIP-1263).
 */
import type { GroupSpec, MemberSpec, TopicPartitions } from "../assignors/assignor.ts"
import { assignors } from "../assignors/by-name.ts"
import { subscribedNamesInOrder } from "../assignors/hash-order.ts"
import type { Uuid } from "../../protocol/schema.ts"
import type { CoordinatorRecord, TopicsView } from "../ports.ts"
import type { GroupSettings } from "../settings.ts"
import { assignmentIntervalMs } from "./group-context.ts"
import type { GroupContext } from "./group-context.ts"
import * as recordOf from "./group-records.ts"
import { inListingOrder } from "./member-order.ts"
import { regexOf } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { subscribedTopicIds } from "./subscriptions.ts"

export interface Target {
  readonly epoch: number
  /** Of the member that was asked for. */
  readonly partitions: TopicPartitions
  readonly records: ReadonlyArray<CoordinatorRecord>
}

export interface Change {
  /** The member whose request this is, as it will be. */
  readonly updated: ConsumerMember
  /** The static member in whose place it steps. */
  readonly replacedId: string | undefined
  readonly groupEpoch: number
  /** Everybody will subscribe to the same. */
  readonly isHomogeneous: () => boolean
}

/** The target as it is, or a new one where one is due. */
export function nextTarget(context: GroupContext, change: Change): Target {
  const { group, host } = context
  const { memberId, instanceId } = change.updated
  if (change.groupEpoch <= group.assignmentEpoch || !isDue(context)) {
    const partitions = group.target(memberId, instanceId)
    return { epoch: group.assignmentEpoch, partitions, records: [] }
  }
  const assignor = assignors.get(preferredAssignor(context, change))
  if (assignor === undefined) throw new Error(`no assignor for group ${group.groupId}`)
  const spec = specOf(context, change)
  const assignment = assignor(spec)
  const records: CoordinatorRecord[] = []
  for (const id of spec.members.keys()) {
    const target = assignment.get(id) ?? new Map()
    const before = group.targets.get(id)
    if (before === undefined || !equalTargets(before, target)) {
      records.push(recordOf.targetMember(group.groupId, id, target))
    }
  }
  records.push(recordOf.targetMetadata(group.groupId, change.groupEpoch, host.wallMs()))
  host.log("info", `group ${group.groupId}: new target assignment in epoch ${change.groupEpoch}`)
  return { epoch: change.groupEpoch, partitions: assignment.get(memberId) ?? new Map(), records }
}

function isDue({ group, host }: GroupContext): boolean {
  const intervalMs = assignmentIntervalMs(host, group.groupId)
  const lastMs = group.assignmentTimestampMs
  return lastMs === 0 || intervalMs === 0 || host.wallMs() >= lastMs + intervalMs
}

function preferredAssignor({ group, host }: GroupContext, { updated, replacedId }: Change): string {
  const names: Array<string | null> = [updated.serverAssignor]
  for (const member of group.members.values()) {
    if (member.memberId !== updated.memberId && member.memberId !== replacedId) {
      names.push(member.serverAssignor)
    }
  }
  return mostWanted(names, host.settings)
}

/** The assignor that most members name, or the default one. */
export function mostWanted(
  names: Iterable<string | null>,
  { groupConsumerAssignors }: GroupSettings,
): string {
  const counts = new Map<string, number>()
  for (const name of names) {
    if (name !== null && groupConsumerAssignors.includes(name)) {
      counts.set(name, (counts.get(name) ?? 0) + 1)
    }
  }
  let best = groupConsumerAssignors[0] ?? "uniform"
  let most = 0
  for (const name of subscribedNamesInOrder(counts.keys())) {
    const count = counts.get(name) ?? 0
    if (count > most) [best, most] = [name, count]
  }
  return best
}

function specOf(context: GroupContext, change: Change): GroupSpec {
  const { group, host } = context
  const { updated, replacedId } = change
  const topicIdsOf = resolver(context)
  const specs = new Map<string, MemberSpec>()
  const add = (member: ConsumerMember, assigned: TopicPartitions | undefined) =>
    specs.set(member.memberId, {
      instanceId: member.instanceId,
      rackId: member.rackId,
      topicIds: topicIdsOf(member),
      assigned: assigned ?? new Map(),
    })
  for (const id of inListingOrder(group.members.keys())) {
    const member = group.members.get(id)
    if (member === undefined || id === replacedId) continue
    add(id === updated.memberId ? updated : member, group.targets.get(id))
  }
  // A static member that comes back takes what its predecessor was to have.
  if (!specs.has(updated.memberId)) {
    add(updated, group.targets.get(replacedId ?? updated.memberId))
  }
  return {
    members: specs,
    isHomogeneous: change.isHomogeneous(),
    partitionsOf: (topicId) => partitionCount(host.topics, topicId),
  }
}

function partitionCount(topics: TopicsView, topicId: Uuid): number {
  const name = topics.topicName(topicId)
  return (name === undefined ? undefined : topics.partitions(name)) ?? 0
}

/** Members with equal subscriptions share one set of ids. */
function resolver({ group, host }: GroupContext) {
  const known = new Map<string, ReadonlySet<Uuid>>()
  return (member: ConsumerMember): ReadonlySet<Uuid> => {
    const key = [regexOf(member) ?? "", ...member.subscribedTopicNames].join("\u0000")
    const ids = known.get(key) ?? subscribedTopicIds(member, group.resolvedRegexes, host.topics)
    known.set(key, ids)
    return ids
  }
}

function equalTargets(a: TopicPartitions, b: TopicPartitions): boolean {
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const partition of partitions) if (!others.has(partition)) return false
  }
  return true
}
