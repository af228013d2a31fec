/** A consumer group as ConsumerGroupDescribe shows it. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { Uuid } from "../../protocol/schema.ts"
import type { CoordinatorHost, TopicsView } from "../ports.ts"
import type { DescribedConsumerGroup } from "../wire.ts"
import type { ConsumerGroup } from "./consumer-group.ts"
import { inListingOrder } from "./member-order.ts"
import type { ConsumerMember } from "./member.ts"
import { listPartitions, unionOf } from "./owned-partitions.ts"
import { mostWanted } from "./target-assignment.ts"

const memberTypes = { classic: 0, consumer: 1 } as const

export const describeConsumerGroup = (
  group: ConsumerGroup,
  { topics, settings }: CoordinatorHost,
): DescribedConsumerGroup => ({
  errorCode: ErrorCode.NONE,
  groupId: group.groupId,
  groupState: group.state,
  groupEpoch: group.groupEpoch,
  assignmentEpoch: group.assignmentEpoch,
  assignorName: mostWanted(
    [...group.members.values()].map(({ serverAssignor }) => serverAssignor),
    settings,
  ),
  members: inListingOrder(group.members.keys()).flatMap((memberId) => {
    const member = group.members.get(memberId)
    return member === undefined ? [] : [describeMember(group, member, topics)]
  }),
})

const describeMember = (group: ConsumerGroup, member: ConsumerMember, topics: TopicsView) => ({
  memberId: member.memberId,
  instanceId: member.instanceId,
  rackId: member.rackId,
  memberEpoch: member.memberEpoch,
  clientId: member.clientId,
  clientHost: member.clientHost,
  subscribedTopicNames: [...member.subscribedTopicNames],
  subscribedTopicRegex: member.subscribedTopicRegex,
  assignment: describeAssignment(unionOf(member.assigned, member.pendingRevocation), topics),
  targetAssignment: describeAssignment(group.targets.get(member.memberId) ?? new Map(), topics),
  memberType: member.classic === null ? memberTypes.consumer : memberTypes.classic,
})

/** Without topics that are gone: they have no name. */
const describeAssignment = (
  partitions: ReadonlyMap<Uuid, ReadonlyMap<number, number> | ReadonlySet<number>>,
  topics: TopicsView,
) => ({
  topicPartitions: listPartitions(partitions).flatMap(({ topicId, partitions: own }) => {
    const topicName = topics.topicName(topicId)
    return topicName === undefined ? [] : [{ topicId, topicName, partitions: own }]
  }),
})
