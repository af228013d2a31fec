/**
 * The cluster as group 0's log tells it: brokers, topics, groups, assigned leaders. Immutable;
 * applying records gives a new image that shares what did not change, so every reader may keep the
 * one it has.
 */
import type { MemberId } from "../../raft/types.ts"
import type { GroupId } from "../../storage/wal.ts"
import type { Uuid } from "../protocol/schema.ts"
import type { ConfigResources, Configs } from "./config-resources.ts"
import { configsOf, ConfigResourceType } from "./config-resources.ts"
import { ImageDraft } from "./image-draft.ts"
import { LayeredMap } from "./layered-map.ts"
import type { MetadataRecord } from "./records.ts"

export interface BrokerInfo {
  readonly id: number
  /**
   * The disk it runs on now. Groups created with another disk of this broker do not count it as a
   * voter.
   */
  readonly diskUuid: string
  /** New at every start of its process. */
  readonly incarnation: string
  /** Raft index of the record that registered this incarnation: Kafka's broker epoch. */
  readonly epoch: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  /**
   * Decided lost by the metadata leader; it leads nothing until it is unfenced or registers anew.
   */
  readonly fenced: boolean
}

export type AssignedHow = "campaign" | "transfer"

export interface PartitionInfo {
  readonly topicId: Uuid
  readonly topic: string
  readonly partition: number
  readonly group: GroupId
  /**
   * Data replicas, the preferred leader first. During a reassignment, as in Kafka: the target, then
   * those that go.
   */
  readonly replicas: ReadonlyArray<number>
  /** Of `replicas`, ascending: not there before the reassignment under way. */
  readonly adding: ReadonlyArray<number>
  /** Of `replicas`, ascending: gone once it is done. */
  readonly removing: ReadonlyArray<number>
  /**
   * A broker that votes without data and is no replica (replication factor 2); −1 = none. Its log
   * has no payloads.
   */
  readonly witness: number
  /**
   * Data replicas the group was created with, as raft members (memberId of node and disk). With
   * `foundingWitness` what an empty log begins with; never changes.
   */
  readonly members: ReadonlyArray<MemberId>
  readonly foundingWitness: MemberId | null
  /** Data voters as of the last membership that was settled: those that may be assigned to lead. */
  readonly voters: ReadonlyArray<MemberId>
  /**
   * Brokers that were to be replicas and are not wanted any more (a reassignment was cancelled):
   * maybe still members, so they keep their logs until the membership is settled.
   */
  readonly departing: ReadonlyArray<number>
  /** Brokers whose witness is not wanted any more and may still be a member. */
  readonly leavingWitnesses: ReadonlyArray<number>
  /**
   * Former witnesses that are no members any more. Their logs lack payloads: until such a broker
   * has said that its log is gone it holds nothing of the group.
   */
  readonly vacating: ReadonlyArray<number>
  /** Raft index of the record that last changed any of the above; 0 = since the creation none. */
  readonly membershipIndex: number
  /** Term whose leader may change the group's raft membership; 0 = none yet. See membership.ts. */
  readonly claimTerm: number
  readonly assignedLeader: number
  /** Raft index of the record that assigned it. */
  readonly assignedIndex: number
  readonly assignedHow: AssignedHow
}

export interface TopicInfo {
  readonly name: string
  readonly id: Uuid
  /** By partition number, without gaps. */
  readonly partitions: ReadonlyArray<PartitionInfo>
  /** Only what was set for this topic. */
  readonly configs: ReadonlyMap<string, string>
  readonly internal: boolean
}

/**
 * Invariants:
 *  1. `topics` and `topicsById` hold the same objects;
 *  2. `groups` holds exactly the partitions of all topics, the same objects;
 *  3. every group id is in [1, nextGroupId), and an id below nextGroupId that is not in
 *     `groups` was deleted;
 *  4. every producer id ever handed out is below nextProducerId.
 */
export interface MetadataImage {
  /** Raft index applied. */
  readonly index: number
  readonly clusterId: string
  readonly brokers: ReadonlyMap<number, BrokerInfo>
  readonly topics: LayeredMap<string, TopicInfo>
  readonly topicsById: LayeredMap<Uuid, TopicInfo>
  readonly groups: LayeredMap<GroupId, PartitionInfo>
  /** Topics with `.` or `_` in their names, by `collisionKey`. */
  readonly collisions: LayeredMap<string, ReadonlyArray<string>>
  /** Of brokers, groups and client metrics; a topic's are with the topic. */
  readonly configs: ConfigResources
  readonly nextGroupId: GroupId
  readonly nextProducerId: number
}

/** Group 0 is the metadata group itself. */
export const firstDataGroup: GroupId = 1

export const emptyImage = (clusterId: string): MetadataImage => ({
  index: 0,
  clusterId,
  brokers: new Map(),
  topics: LayeredMap.empty(),
  topicsById: LayeredMap.empty(),
  groups: LayeredMap.empty(),
  collisions: LayeredMap.empty(),
  configs: LayeredMap.empty(),
  nextGroupId: firstDataGroup,
  nextProducerId: 0,
})

/** All records of one raft entry. Cost: what they change, not the size of the cluster. */
export const applyRecords = (
  image: MetadataImage,
  records: ReadonlyArray<MetadataRecord>,
  index: number,
): MetadataImage => {
  if (index <= image.index) throw new Error(`metadata entry ${index} after ${image.index}`)
  const draft = new ImageDraft(image, index)
  for (const record of records) draft.apply(record)
  return draft.finish()
}

/**
 * A group that this image knows to be gone; its log may be dropped. Unknown ids are not: they may
 * still come.
 */
export const isDeletedGroup = (image: MetadataImage, group: GroupId): boolean =>
  group >= firstDataGroup && group < image.nextGroupId && !image.groups.has(group)

/** What was set for a consumer group (resource type 32); undefined when nothing was. */
export const groupConfigs = (image: MetadataImage, groupId: string): Configs | undefined => {
  const configs = configsOf(image, ConfigResourceType.GROUP, groupId)
  return configs.size === 0 ? undefined : configs
}

export const partitionOf = (
  image: MetadataImage,
  topic: string,
  partition: number,
): PartitionInfo | undefined => image.topics.get(topic)?.partitions[partition]
