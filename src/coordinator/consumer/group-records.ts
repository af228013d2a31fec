/** The records of a consumer group: Kafka's own, one function each. */
import type { TopicPartitions } from "../assignors/assignor.ts"
import type { CoordinatorRecord } from "../ports.ts"
import { encodeRecord } from "../records/codec.ts"
import type { ResolvedRegex } from "./consumer-group.ts"
import type { ConsumerMember, MemberState } from "./member.ts"
import { listPartitions } from "./owned-partitions.ts"
import type { OwnedPartitions } from "./owned-partitions.ts"

const stateBytes: Readonly<Record<MemberState, number>> = {
  stable: 0,
  unrevokedPartitions: 1,
  unreleasedPartitions: 2,
  unknown: 127,
}

const statesByByte: ReadonlyMap<number, MemberState> = new Map([
  [0, "stable"],
  [1, "unrevokedPartitions"],
  [2, "unreleasedPartitions"],
])

export const memberStateOf = (byte: number): MemberState => statesByByte.get(byte) ?? "unknown"

export const groupMetadata = (groupId: string, epoch: number, metadataHash: number) =>
  encodeRecord("ConsumerGroupMetadata", { groupId }, { epoch, metadataHash })

export const memberMetadata = (groupId: string, member: ConsumerMember): CoordinatorRecord =>
  encodeRecord(
    "ConsumerGroupMemberMetadata",
    { groupId, memberId: member.memberId },
    {
      instanceId: member.instanceId,
      rackId: member.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: member.subscribedTopicNames,
      subscribedTopicRegex: member.subscribedTopicRegex,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      serverAssignor: member.serverAssignor,
      classicMemberMetadata: member.classic,
    },
  )

export const targetMember = (
  groupId: string,
  memberId: string,
  target: TopicPartitions,
): CoordinatorRecord =>
  encodeRecord(
    "ConsumerGroupTargetAssignmentMember",
    { groupId, memberId },
    { topicPartitions: listPartitions(target) },
  )

export const targetMetadata = (
  groupId: string,
  assignmentEpoch: number,
  assignmentTimestamp: number,
) =>
  encodeRecord(
    "ConsumerGroupTargetAssignmentMetadata",
    { groupId },
    { assignmentEpoch, assignmentTimestamp },
  )

export const currentAssignment = (groupId: string, member: ConsumerMember): CoordinatorRecord =>
  encodeRecord(
    "ConsumerGroupCurrentMemberAssignment",
    { groupId, memberId: member.memberId },
    {
      memberEpoch: member.memberEpoch,
      previousMemberEpoch: member.previousMemberEpoch,
      state: stateBytes[member.state],
      assignedPartitions: withEpochs(member.assigned),
      partitionsPendingRevocation: withEpochs(member.pendingRevocation),
    },
  )

function withEpochs(owned: OwnedPartitions) {
  return [...owned].map(([topicId, epochs]) => {
    const sorted = [...epochs].sort(([a], [b]) => a - b)
    return {
      topicId,
      partitions: sorted.map(([partition]) => partition),
      assignmentEpochs: sorted.map(([, epoch]) => epoch),
    }
  })
}

export const regularExpression = (
  groupId: string,
  regex: string,
  { topics, version, timestampMs }: ResolvedRegex,
): CoordinatorRecord =>
  encodeRecord(
    "ConsumerGroupRegularExpression",
    { groupId, regularExpression: regex },
    { topics, version, timestamp: timestampMs },
  )

/** Stands for whatever topics an older version wrote: nobody reads them. */
export const emptyPartitionMetadata = (groupId: string): CoordinatorRecord =>
  encodeRecord("ConsumerGroupPartitionMetadata", { groupId }, { topics: [] })

export const regularExpressionTombstone = (groupId: string, regex: string): CoordinatorRecord =>
  encodeRecord("ConsumerGroupRegularExpression", { groupId, regularExpression: regex }, null)

export const partitionMetadataTombstone = (groupId: string): CoordinatorRecord =>
  encodeRecord("ConsumerGroupPartitionMetadata", { groupId }, null)

/** In Kafka's order: what a member has, its target, itself. */
export const memberTombstones = (groupId: string, memberId: string): CoordinatorRecord[] => [
  encodeRecord("ConsumerGroupCurrentMemberAssignment", { groupId, memberId }, null),
  encodeRecord("ConsumerGroupTargetAssignmentMember", { groupId, memberId }, null),
  encodeRecord("ConsumerGroupMemberMetadata", { groupId, memberId }, null),
]

export const groupTombstones = (
  groupId: string,
  memberIds: ReadonlyArray<string>,
  regexes: Iterable<string>,
): CoordinatorRecord[] => [
  ...memberIds.map((memberId) =>
    encodeRecord("ConsumerGroupCurrentMemberAssignment", { groupId, memberId }, null),
  ),
  ...memberIds.map((memberId) =>
    encodeRecord("ConsumerGroupTargetAssignmentMember", { groupId, memberId }, null),
  ),
  encodeRecord("ConsumerGroupTargetAssignmentMetadata", { groupId }, null),
  ...memberIds.map((memberId) =>
    encodeRecord("ConsumerGroupMemberMetadata", { groupId, memberId }, null),
  ),
  ...[...regexes].map((regex) => regularExpressionTombstone(groupId, regex)),
  partitionMetadataTombstone(groupId),
  encodeRecord("ConsumerGroupMetadata", { groupId }, null),
]
