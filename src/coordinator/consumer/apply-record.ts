/**
 * Takes one committed record into a consumer group. Works on any log that compaction may leave:
 * tombstones of what is not there are ignored, order within a batch is not relied on more than
 * Kafka's own loading does.
 */
import { ownBytes } from "../own-bytes.ts"
import type { DecodedRecord, ValueOf } from "../records/codec.ts"
import type { TopicPartitions } from "../assignors/assignor.ts"
import { ConsumerGroup } from "./consumer-group.ts"
import { memberStateOf } from "./group-records.ts"
import { leaveEpoch, newMember, sortedNames } from "./member.ts"
import type { ConsumerMember } from "./member.ts"
import { nonePartitions } from "./owned-partitions.ts"
import type { OwnedPartitions } from "./owned-partitions.ts"

export type ConsumerRecord = Extract<DecodedRecord, { readonly _tag: `ConsumerGroup${string}` }>

/** Undefined: the group is not there, or not any more. */
export function applyConsumerRecord(
  known: ConsumerGroup | undefined,
  record: ConsumerRecord,
): ConsumerGroup | undefined {
  if (record.value === null) {
    if (known === undefined || record._tag === "ConsumerGroupMetadata") return undefined
    applyTombstone(known, record)
    return known
  }
  const group = known ?? new ConsumerGroup(record.key.groupId)
  applyValue(group, record)
  return group
}

function applyValue(group: ConsumerGroup, record: ConsumerRecord): void {
  const { value } = record
  if (value === null) return
  switch (record._tag) {
    case "ConsumerGroupMetadata": {
      const { epoch, metadataHash } = record.value ?? unreachable()
      group.groupEpoch = epoch
      group.metadataHash = metadataHash
      return
    }
    case "ConsumerGroupPartitionMetadata":
      group.hasPartitionMetadata = true
      return
    case "ConsumerGroupMemberMetadata": {
      const member = group.members.get(record.key.memberId) ?? newMember(record.key.memberId)
      group.setMember(withMetadata(member, record.value ?? unreachable()))
      return
    }
    case "ConsumerGroupTargetAssignmentMetadata": {
      const { assignmentEpoch, assignmentTimestamp } = record.value ?? unreachable()
      group.assignmentEpoch = assignmentEpoch
      group.assignmentTimestampMs = assignmentTimestamp
      return
    }
    case "ConsumerGroupTargetAssignmentMember":
      group.targets.set(record.key.memberId, targetOf(record.value ?? unreachable()))
      return
    case "ConsumerGroupCurrentMemberAssignment": {
      const member = group.members.get(record.key.memberId) ?? newMember(record.key.memberId)
      group.setMember(withAssignment(member, record.value ?? unreachable()))
      return
    }
    case "ConsumerGroupRegularExpression": {
      const { topics, version, timestamp } = record.value ?? unreachable()
      const resolved = { topics: sortedNames(topics), version, timestampMs: timestamp }
      group.resolvedRegexes.set(record.key.regularExpression, resolved)
    }
  }
}

const unreachable = (): never => {
  throw new Error("a tombstone where a value was expected")
}

function applyTombstone(group: ConsumerGroup, record: ConsumerRecord): void {
  switch (record._tag) {
    case "ConsumerGroupMetadata":
      return
    case "ConsumerGroupPartitionMetadata":
      group.hasPartitionMetadata = false
      return
    case "ConsumerGroupMemberMetadata":
      group.removeMember(record.key.memberId)
      return
    case "ConsumerGroupTargetAssignmentMetadata":
      group.assignmentEpoch = -1
      group.assignmentTimestampMs = 0
      return
    case "ConsumerGroupTargetAssignmentMember":
      group.targets.delete(record.key.memberId)
      return
    case "ConsumerGroupCurrentMemberAssignment": {
      const member = group.members.get(record.key.memberId)
      if (member !== undefined) group.setMember({ ...member, ...gone })
      return
    }
    case "ConsumerGroupRegularExpression":
      group.resolvedRegexes.delete(record.key.regularExpression)
  }
}

const gone = {
  memberEpoch: leaveEpoch,
  previousMemberEpoch: leaveEpoch,
  assigned: nonePartitions,
  pendingRevocation: nonePartitions,
}

const withMetadata = (
  member: ConsumerMember,
  value: ValueOf<"ConsumerGroupMemberMetadata">,
): ConsumerMember => ({
  ...member,
  instanceId: value.instanceId,
  rackId: value.rackId,
  clientId: value.clientId,
  clientHost: value.clientHost,
  subscribedTopicNames: sortedNames(value.subscribedTopicNames),
  subscribedTopicRegex: value.subscribedTopicRegex,
  rebalanceTimeoutMs: value.rebalanceTimeoutMs,
  serverAssignor: value.serverAssignor,
  classic:
    value.classicMemberMetadata === null
      ? null
      : {
          sessionTimeoutMs: value.classicMemberMetadata.sessionTimeoutMs,
          supportedProtocols: value.classicMemberMetadata.supportedProtocols.map(
            ({ name, metadata }) => ({ name, metadata: ownBytes(metadata) }),
          ),
        },
})

const withAssignment = (
  member: ConsumerMember,
  value: ValueOf<"ConsumerGroupCurrentMemberAssignment">,
): ConsumerMember => ({
  ...member,
  memberEpoch: value.memberEpoch,
  previousMemberEpoch: value.previousMemberEpoch,
  state: memberStateOf(value.state),
  assigned: ownedOf(value.assignedPartitions, value.memberEpoch),
  pendingRevocation: ownedOf(value.partitionsPendingRevocation, value.memberEpoch),
})

/** Records of before KIP-1251 have no epochs: the member's stands for them. */
function ownedOf(
  topics: ValueOf<"ConsumerGroupCurrentMemberAssignment">["assignedPartitions"],
  memberEpoch: number,
): OwnedPartitions {
  const owned = new Map<string, Map<number, number>>()
  for (const { topicId, partitions, assignmentEpochs } of topics) {
    const epochs = assignmentEpochs?.length === partitions.length ? assignmentEpochs : undefined
    owned.set(
      topicId,
      new Map(partitions.map((p, at) => [p, epochs?.[at] ?? Math.max(memberEpoch, 0)])),
    )
  }
  return owned
}

function targetOf(value: ValueOf<"ConsumerGroupTargetAssignmentMember">): TopicPartitions {
  return new Map(value.topicPartitions.map((topic) => [topic.topicId, new Set(topic.partitions)]))
}
