/**
 * Groups that change their protocol while they run (KIP-848, "Online Consumer Group Upgrade"): a
 * classic group of consumers becomes one of the consumer protocol with the first member who speaks
 * it, its members staying as they are; it becomes classic again when the last such member is gone.
 */
import type { TopicPartitions } from "../assignors/assignor.ts"
import { classicGroupTombstone, encodeClassicGroup } from "../classic/classic-group.ts"
import type { ClassicGroup } from "../classic/classic-group.ts"
import { LiveGroup } from "../classic/live-group.ts"
import { Member, noAssignment } from "../classic/member.ts"
import { consumerProtocolType } from "../classic/subscription.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { Uuid } from "../../protocol/schema.ts"
import type { CoordinatorHost, CoordinatorRecord, TopicsView } from "../ports.ts"
import { ConsumerGroup } from "./consumer-group.ts"
import { decodeAssignment, decodeSubscription, encodeAssignment } from "./embedded-protocol.ts"
import type { EmbeddedAssignment, EmbeddedSubscription, TopicList } from "./embedded-protocol.ts"
import * as recordOf from "./group-records.ts"
import { newMember, sortedNames } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { metadataHash } from "./metadata-hash.ts"
import { partitionsOf, unionOf, withEpoch } from "./owned-partitions.ts"
import type { OwnedPartitions } from "./owned-partitions.ts"
import { isRefused, refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"
import { subscriptionsOf } from "./subscriptions.ts"

export interface Upgrade {
  readonly group: ConsumerGroup
  readonly records: ReadonlyArray<CoordinatorRecord>
}

export function upgrade(classic: LiveGroup, host: CoordinatorHost): Upgrade | Refused {
  const refusal = checkUpgrade(classic, host)
  if (refusal !== undefined) return refusal
  const { groupId, generationId } = classic
  const group = new ConsumerGroup(groupId)
  group.groupEpoch = generationId
  group.assignmentEpoch = generationId
  const said = new Map<Member, Said>()
  for (const member of classic.members.values()) {
    const one = saidBy(classic, member)
    if (isRefused(one)) return one
    said.set(member, one)
  }
  const owned = ownedBy(said, host.topics)
  for (const [member, { subscription }] of said) {
    const assigned = withEpoch(owned.get(member) ?? new Map(), generationId)
    group.targets.set(member.memberId, partitionsOf(assigned))
    group.setMember(upgradedMember(member, subscription, generationId, assigned))
  }
  const { topicNames } = subscriptionsOf(group.members.values(), new Map())
  group.metadataHash = metadataHash(topicNames, host.topics)
  host.log("info", `group ${groupId}: from the classic to the consumer protocol`)
  return { group, records: [classicGroupTombstone(groupId), ...group.records()] }
}

const notUpgraded = (classic: LiveGroup, why: string): Refused =>
  refused(
    ErrorCode.GROUP_ID_NOT_FOUND,
    `Cannot upgrade classic group ${classic.groupId} to consumer group because ${why}.`,
  )

function checkUpgrade(classic: LiveGroup, { settings }: CoordinatorHost): Refused | undefined {
  const policy = settings.groupConsumerMigrationPolicy
  if (policy !== "bidirectional" && policy !== "upgrade") {
    return notUpgraded(classic, "online upgrade is disabled")
  }
  if (classic.protocolType !== consumerProtocolType) {
    return notUpgraded(classic, "the group does not use the consumer embedded protocol")
  }
  return classic.members.size > settings.groupConsumerMaxSize
    ? notUpgraded(classic, "the group size exceeds the consumer group maximum size")
    : undefined
}

/** What a member sent when it joined, and what it was given since. */
interface Said {
  readonly subscription: EmbeddedSubscription
  readonly assignment: EmbeddedAssignment
}

function saidBy(classic: LiveGroup, member: Member): Said | Refused {
  // Before its first generation a group has not chosen a protocol.
  const protocol =
    member.protocols.find(({ name }) => name === classic.protocolName) ?? member.protocols[0]
  const subscription = decodeSubscription(protocol?.metadata ?? noAssignment)
  const assignment =
    member.assignment.length === 0
      ? { partitions: [], userData: noAssignment }
      : decodeAssignment(member.assignment)
  if (subscription === undefined || assignment === undefined) {
    return notUpgraded(classic, "the embedded consumer protocol is malformed")
  }
  if (assignment.userData.length > 0) {
    const advice = "Please refer to the documentation or switch to a default assignor before "
    const why = `an unsupported custom assignor is in use. ${advice}re-attempting the upgrade`
    return notUpgraded(classic, why)
  }
  return { subscription, assignment }
}

/**
 * What each member has: what it was assigned, and what it said that it owned when it joined, unless
 * somebody else was assigned that. Cooperative members go on with what they own while a rebalance
 * runs, and until they have heard its outcome; Kafka forgets about that, and gives it to others too
 * soon. Of two who say the same the one with the later generation is right.
 */
function ownedBy(said: ReadonlyMap<Member, Said>, topics: TopicsView): Map<Member, Places> {
  const owners = new Map<string, Member>()
  const claims = [...said].sort(
    ([, a], [, b]) => a.subscription.generationId - b.subscription.generationId,
  )
  for (const [member, { subscription }] of claims) claim(owners, member, subscription.owned)
  for (const [member, { assignment }] of said) claim(owners, member, assignment.partitions)
  const owned = new Map<Member, Places>()
  for (const [member, { subscription, assignment }] of said) {
    const isItsOwn = (topic: string, partition: number) =>
      owners.get(`${topic}:${partition}`) === member
    const lists = [...assignment.partitions, ...subscription.owned].map(
      ({ topic, partitions }) => ({
        topic,
        partitions: partitions.filter((partition) => isItsOwn(topic, partition)),
      }),
    )
    const own = lists.filter(({ partitions }) => partitions.length > 0)
    owned.set(member, toTopicIds(own, topics))
  }
  return owned
}

function claim(owners: Map<string, Member>, member: Member, lists: ReadonlyArray<TopicList>): void {
  for (const { topic, partitions } of lists) {
    for (const partition of partitions) owners.set(`${topic}:${partition}`, member)
  }
}

const upgradedMember = (
  member: Member,
  subscription: EmbeddedSubscription,
  generationId: number,
  assigned: OwnedPartitions,
): ConsumerMember => ({
  ...newMember(member.memberId),
  memberEpoch: generationId,
  previousMemberEpoch: generationId,
  instanceId: member.groupInstanceId,
  rackId: subscription.rackId,
  rebalanceTimeoutMs: member.rebalanceTimeoutMs,
  clientId: member.clientId,
  clientHost: member.clientHost,
  subscribedTopicNames: sortedNames(subscription.topics),
  assigned,
  classic: { sessionTimeoutMs: member.sessionTimeoutMs, supportedProtocols: member.protocols },
})

type Places = Map<Uuid, Set<number>>

/** Without topics that are not there. */
export function toTopicIds(lists: ReadonlyArray<TopicList>, topics: TopicsView): Places {
  const ids: Places = new Map()
  for (const { topic, partitions } of lists) {
    const id = topics.topicId(topic)
    if (id === undefined) continue
    const known = ids.get(id) ?? new Set()
    for (const partition of partitions) known.add(partition)
    ids.set(id, known)
  }
  return ids
}

export function toTopicLists(partitions: TopicPartitions, topics: TopicsView): TopicList[] {
  const lists: TopicList[] = []
  for (const [topicId, own] of partitions) {
    const topic = topics.topicName(topicId)
    if (topic !== undefined) lists.push({ topic, partitions: [...own].sort((a, b) => a - b) })
  }
  return lists
}

/** Is nobody left who speaks the consumer protocol, once these are gone? */
export function mayDowngrade(
  group: ConsumerGroup,
  gone: ReadonlySet<string>,
  /** Members the classic group would have. */
  size: number,
  host: CoordinatorHost,
): boolean {
  for (const { memberId, classic } of group.members.values()) {
    if (classic === null && !gone.has(memberId)) return false
  }
  const { settings } = host
  const policy = settings.groupConsumerMigrationPolicy
  const isAllowed = policy === "bidirectional" || policy === "downgrade"
  if (size === 0) return false
  if (isAllowed && size <= settings.groupMaxSize) return true
  host.log("info", `group ${group.groupId}: not to the classic protocol: by policy or for its size`)
  return false
}

export interface Downgrade {
  readonly classic: ClassicGroup
  /** The members as they joined: the record keeps one protocol of each. */
  readonly members: ReadonlyArray<Member>
  readonly records: ReadonlyArray<CoordinatorRecord>
}

/** `joining` steps in the place of the static member `gone`; otherwise all of `gone` have left. */
export function downgrade(
  group: ConsumerGroup,
  gone: ReadonlySet<string>,
  joining: ConsumerMember | undefined,
  host: CoordinatorHost,
): Downgrade {
  const { groupId } = group
  const stays = [...group.members.values()].filter(({ memberId }) => !gone.has(memberId))
  const members = joining === undefined ? stays : [...stays, joining]
  const live = new LiveGroup(groupId)
  live.generationId = group.groupEpoch
  for (const member of members) live.add(classicMember(member), consumerProtocolType)
  live.protocolName = live.selectProtocol()
  live.moveTo("Stable", host.wallMs())
  const assignments = new Map<string, Uint8Array>()
  for (const member of members) {
    // What it has, not what it was to have: until the rebalance is over it goes on with that.
    const owned = unionOf(member.assigned, member.pendingRevocation)
    const lists = toTopicLists(partitionsOf(owned), host.topics)
    const metadata = live.members.get(member.memberId)?.metadataFor(live.protocolName)
    const version = decodeSubscription(metadata ?? noAssignment)?.version ?? 0
    assignments.set(member.memberId, encodeAssignment(version, lists))
  }
  const classic = live.committed(assignments)
  // The one who leaves a place to another has its tombstones already.
  const ids = joining === undefined ? [...group.members.keys()] : members.map((m) => m.memberId)
  const tombstones = recordOf.groupTombstones(groupId, ids, group.resolvedRegexes.keys())
  host.log("info", `group ${groupId}: from the consumer to the classic protocol`)
  return {
    classic,
    members: [...live.members.values()],
    records: [...tombstones, encodeClassicGroup(classic)],
  }
}

const classicMember = (member: ConsumerMember): Member =>
  new Member({
    memberId: member.memberId,
    groupInstanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    sessionTimeoutMs: member.classic?.sessionTimeoutMs ?? 0,
    protocols: member.classic?.supportedProtocols ?? [],
    assignment: noAssignment,
  })
