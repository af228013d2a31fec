/**
 * Members of a consumer group who speak the classic protocol: their JoinGroup, SyncGroup and
 * Heartbeat as decisions. A JoinGroup is answered at once, for nobody waits for others here: it is
 * a heartbeat in other words, its generation the member's epoch, and REBALANCE_IN_PROGRESS is how
 * such a member hears that it has a step to take.
 */
import type { Member } from "../classic/member.ts"
import { protocolsOf } from "../classic/member.ts"
import type { JoinRequest } from "../classic/member.ts"
import { consumerProtocolType } from "../classic/subscription.ts"
import type { SyncRequest } from "../classic/sync.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { RequestOrigin, TopicsView } from "../ports.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import { decodeSubscription, encodeAssignment } from "./embedded-protocol.ts"
import type { EmbeddedSubscription } from "./embedded-protocol.ts"
import { checkInstance, unknownInstance, unknownMember } from "./find-member.ts"
import { sortedNames } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { toTopicIds, toTopicLists } from "./migration.ts"
import { listPartitions, partitionsOf } from "./owned-partitions.ts"
import type { ReportedPartitions } from "./owned-partitions.ts"
import { isRefused, refused } from "./refusal.ts"
import type { Refused } from "./refusal.ts"

export interface ClassicJoin {
  readonly subscription: EmbeddedSubscription
  readonly protocols: Member["protocols"]
}

/** A protocol that all classic members know must be among its own. */
export function checkClassicJoin(
  group: ConsumerGroup,
  request: JoinRequest,
): ClassicJoin | Refused {
  const protocols = protocolsOf(request)
  const [first] = protocols
  const isSupported = protocols.some(({ name }) => isKnownToAll(group, name))
  if (request.protocolType !== consumerProtocolType || first === undefined || !isSupported) {
    return refused(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  }
  const subscription = decodeSubscription(first.metadata)
  return subscription === undefined
    ? refused(ErrorCode.UNKNOWN_SERVER_ERROR)
    : { subscription, protocols }
}

function isKnownToAll(group: ConsumerGroup, protocol: string): boolean {
  for (const { classic } of group.members.values()) {
    if (classic?.supportedProtocols.every(({ name }) => name !== protocol) === true) return false
  }
  return true
}

export const joinedMember = (
  member: ConsumerMember,
  request: JoinRequest,
  { subscription, protocols }: ClassicJoin,
  origin: RequestOrigin,
): ConsumerMember => ({
  ...member,
  instanceId: request.groupInstanceId ?? member.instanceId,
  rackId: subscription.rackId ?? member.rackId,
  // Version 0 has none of its own.
  rebalanceTimeoutMs:
    request.rebalanceTimeoutMs === -1 ? request.sessionTimeoutMs : request.rebalanceTimeoutMs,
  subscribedTopicNames: sortedNames(subscription.topics),
  subscribedTopicRegex: "",
  clientId: origin.clientId,
  clientHost: origin.clientHost,
  classic: { sessionTimeoutMs: request.sessionTimeoutMs, supportedProtocols: protocols },
})

export const reportedBy = (
  { owned }: EmbeddedSubscription,
  topics: TopicsView,
): ReportedPartitions => listPartitions(toTopicIds(owned, topics))

export interface ClassicClaim {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
}

/** The classic member that a SyncGroup or Heartbeat speaks for. */
export function findClassicMember(
  group: ConsumerGroup,
  { memberId, groupInstanceId, generationId }: ClassicClaim,
): ConsumerMember | Refused {
  const member = findByClaim(group, memberId, groupInstanceId)
  if (isRefused(member)) return member
  if (member.classic === null) return refused(ErrorCode.UNKNOWN_MEMBER_ID)
  return member.memberEpoch === generationId ? member : refused(ErrorCode.ILLEGAL_GENERATION)
}

function findByClaim(
  group: ConsumerGroup,
  memberId: string,
  groupInstanceId: string | null,
): ConsumerMember | Refused {
  if (groupInstanceId === null) {
    return group.members.get(memberId) ?? unknownMember(group, memberId)
  }
  const member = group.staticMember(groupInstanceId)
  if (member === undefined) return unknownInstance(groupInstanceId)
  return checkInstance(member, memberId, groupInstanceId) ?? member
}

/** Who leaves: any member, whichever protocol it speaks; administration names instances alone. */
export function findLeaving(
  group: ConsumerGroup,
  memberId: string,
  groupInstanceId: string | null,
): ConsumerMember | Refused {
  if (groupInstanceId === null || memberId !== "") {
    return findByClaim(group, memberId, groupInstanceId)
  }
  return group.staticMember(groupInstanceId) ?? unknownInstance(groupInstanceId)
}

/** The protocol must be the one that JoinGroup named, where the request tells one (version 5). */
export function checkSyncProtocol(member: ConsumerMember, request: SyncRequest): ErrorCode {
  const { protocolType, protocolName } = request
  const isOtherType = protocolType !== null && protocolType !== consumerProtocolType
  const isOtherName = protocolName !== null && protocolName !== protocolNameOf(member)
  return isOtherType || isOtherName ? ErrorCode.INCONSISTENT_GROUP_PROTOCOL : ErrorCode.NONE
}

export const protocolNameOf = ({ classic }: ConsumerMember): string =>
  classic?.supportedProtocols[0]?.name ?? ""

/** It has partitions to revoke first, and takes the next step after that. */
export const mustCatchUp = (group: ConsumerGroup, member: ConsumerMember): boolean =>
  group.assignmentEpoch > member.memberEpoch && member.state !== "unrevokedPartitions"

/** A JoinGroup would bring it further. */
export const mustRejoin = (group: ConsumerGroup, member: ConsumerMember): boolean =>
  member.memberEpoch < group.assignmentEpoch ||
  member.state === "unrevokedPartitions" ||
  (member.state === "unreleasedPartitions" && !waitsForOthers(group, member))

function waitsForOthers(group: ConsumerGroup, member: ConsumerMember): boolean {
  for (const [topicId, partitions] of group.targets.get(member.memberId) ?? []) {
    for (const partition of partitions) {
      const isOwn = member.assigned.get(topicId)?.has(partition) === true
      if (!isOwn && group.isOwned(topicId, partition)) return true
    }
  }
  return false
}

export function embeddedAssignment(member: ConsumerMember, topics: TopicsView): Uint8Array {
  const metadata = member.classic?.supportedProtocols[0]?.metadata
  const version = metadata === undefined ? 0 : (decodeSubscription(metadata)?.version ?? 0)
  return encodeAssignment(version, toTopicLists(partitionsOf(member.assigned), topics))
}
