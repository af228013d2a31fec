/**
 * What lies between two images, in the words of the records: so whoever follows records follows a
 * snapshot too. The records name everything that differs; they are not those that were committed.
 */
import { configsOf, ConfigResourceType, resourceKey } from "../cluster/config-resources.ts"
import type { Configs } from "../cluster/config-resources.ts"
import type { BrokerInfo, MetadataImage, PartitionInfo, TopicInfo } from "../cluster/image.ts"
import type { Assignment, MetadataRecord } from "../cluster/records.ts"

export function imageDiff(
  before: MetadataImage,
  after: MetadataImage,
): ReadonlyArray<MetadataRecord> {
  const records: MetadataRecord[] = []
  for (const resource of before.configs.values()) {
    const { type, name } = resource
    if (after.configs.has(resourceKey(type, name))) continue
    records.push(...configDiff(type, name, resource.configs, new Map()))
  }
  for (const { type, name, configs } of after.configs.values()) {
    records.push(...configDiff(type, name, configsOf(before, type, name), configs))
  }
  for (const broker of after.brokers.values()) {
    records.push(...brokerDiff(before.brokers.get(broker.id), broker))
  }
  for (const { id } of before.topics.values()) {
    if (after.topicsById.get(id) === undefined) records.push({ _tag: "TopicDeleted", topicId: id })
  }
  const assignments: Assignment[] = []
  for (const topic of after.topics.values()) {
    const old = before.topicsById.get(topic.id)
    records.push(...topicDiff(old, topic))
    if (old !== undefined) {
      records.push(...configDiff(ConfigResourceType.TOPIC, topic.name, old.configs, topic.configs))
    }
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

function configDiff(
  resourceType: number,
  resourceName: string,
  before: Configs,
  after: Configs,
): ReadonlyArray<MetadataRecord> {
  if (before === after) return []
  const deletes = [...before.keys()].filter((name) => !after.has(name))
  const sets = [...after]
    .filter(([name, value]) => before.get(name) !== value)
    .map(([name, value]) => ({ name, value }))
  if (sets.length === 0 && deletes.length === 0) return []
  return [{ _tag: "ConfigsChanged", resourceType, resourceName, sets, deletes }]
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
