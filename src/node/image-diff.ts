/**
 * What lies between two images, in the words of the records: so whoever follows records follows a
 * snapshot too. The records name everything that differs; they are not those that were committed.
 */
import type { BrokerInfo, MetadataImage, PartitionInfo, TopicInfo } from "../cluster/image.ts"
import type { Assignment, MetadataRecord } from "../cluster/records.ts"

export function imageDiff(
  before: MetadataImage,
  after: MetadataImage,
): ReadonlyArray<MetadataRecord> {
  const records: MetadataRecord[] = []
  for (const broker of after.brokers.values()) {
    records.push(...brokerDiff(before.brokers.get(broker.id), broker))
  }
  for (const { id } of before.topics.values()) {
    if (after.topicsById.get(id) === undefined) records.push({ _tag: "TopicDeleted", topicId: id })
  }
  const assignments: Assignment[] = []
  for (const topic of after.topics.values()) {
    records.push(...topicDiff(before.topicsById.get(topic.id), topic))
    for (const info of topic.partitions) {
      const known = before.groups.get(info.group)
      if (known === info) continue
      if (known?.membershipIndex !== info.membershipIndex) records.push(membershipOf(info))
      if (known?.assignedIndex !== info.assignedIndex) assignments.push(assignmentOf(info))
    }
  }
  if (assignments.length > 0) records.push({ _tag: "LeadersAssigned", assignments })
  return records
}

function brokerDiff(before: BrokerInfo | undefined, after: BrokerInfo): MetadataRecord[] {
  const { id: brokerId, diskUuid, incarnation, host, port, rack } = after
  const records: MetadataRecord[] = []
  if (before?.epoch !== after.epoch) {
    const fields = { brokerId, diskUuid, incarnation, host, port, rack }
    records.push({ _tag: "BrokerRegistered", ...fields })
  }
  if ((before?.fenced ?? false) !== after.fenced) {
    records.push({ _tag: after.fenced ? "BrokerFenced" : "BrokerUnfenced", brokerId })
  }
  return records
}

function topicDiff(before: TopicInfo | undefined, { id, name, partitions }: TopicInfo) {
  const firstPartition = before?.partitions.length ?? 0
  if (before !== undefined && firstPartition === partitions.length) return []
  const created = partitions.slice(firstPartition).map(({ replicas, assignedLeader, witness }) => ({
    replicas,
    leader: assignedLeader,
    witness,
  }))
  const fields = { topicId: id, disks: [], partitions: created }
  const record: MetadataRecord =
    before === undefined
      ? { _tag: "TopicCreated", name, configs: [], ...fields }
      : { _tag: "PartitionsCreated", firstPartition, ...fields }
  return [record]
}

function membershipOf(info: PartitionInfo): MetadataRecord {
  const { group, replicas, adding, removing, departing, witness, claimTerm } = info
  const { leavingWitnesses, vacating } = info
  const roles = { replicas, adding, removing, departing, witness, leavingWitnesses, vacating }
  return { _tag: "MembershipChanged", group, ...roles, claimTerm, voters: null }
}

function assignmentOf({ group, assignedLeader, assignedHow }: PartitionInfo): Assignment {
  return { group, leader: assignedLeader, how: assignedHow }
}
