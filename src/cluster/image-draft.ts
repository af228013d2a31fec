/** The next image while the records of one entry are applied to it. Used once, then `finish`. */
import type { GroupId } from "../../storage/wal.ts"
import type { Uuid } from "../protocol/schema.ts"
import type { ConfigResource } from "./config-resources.ts"
import { ConfigResourceType, resourceKey, withChanges } from "./config-resources.ts"
import type { BrokerInfo, MetadataImage, PartitionInfo, TopicInfo } from "./image.ts"
import { memberId } from "./members.ts"
import type {
  BrokerRegistered,
  ConfigsChanged,
  LeadersAssigned,
  MembershipChanged,
  MetadataRecord,
  NewPartition,
  PartitionsCreated,
  ProducerIdsAllocated,
  ReplicaDisk,
  TopicCreated,
} from "./records.ts"
import { collisionKey, hasCollisionChars, isInternalTopic } from "./topic-names.ts"

const none: ReadonlyArray<number> = []

interface TopicDraft {
  readonly id: Uuid
  readonly name: string
  configs: ReadonlyMap<string, string>
  readonly internal: boolean
  /** Own copy: changed in place. */
  readonly partitions: Array<PartitionInfo>
}

/**
 * A record that no longer fits (its topic or broker is gone, its id exists) changes nothing, on
 * every broker alike: it was decided before what overtook it. Ids of groups are given here and not
 * in the record, so two decisions can never claim the same one.
 */
export class ImageDraft {
  private readonly before: MetadataImage
  private readonly index: number
  private brokers: Map<number, BrokerInfo> | undefined
  /** By id; undefined: deleted. */
  private readonly topics = new Map<Uuid, TopicDraft | undefined>()
  /** undefined: gone. Kept apart, for a name may go and come back with another id. */
  private readonly names = new Map<string, Uuid | undefined>()
  private readonly groups = new Map<GroupId, PartitionInfo | undefined>()
  private readonly collisions = new Map<string, ReadonlyArray<string> | undefined>()
  private readonly configs = new Map<string, ConfigResource | undefined>()
  private nextGroupId: GroupId
  private nextProducerId: number

  constructor(before: MetadataImage, index: number) {
    this.before = before
    this.index = index
    this.nextGroupId = before.nextGroupId
    this.nextProducerId = before.nextProducerId
  }

  apply(record: MetadataRecord): void {
    switch (record._tag) {
      case "BrokerRegistered":
        return this.register(record)
      case "BrokerFenced":
        return this.setFenced(record.brokerId, true)
      case "BrokerUnfenced":
        return this.setFenced(record.brokerId, false)
      case "TopicCreated":
        return this.createTopic(record)
      case "TopicDeleted":
        return this.deleteTopic(record.topicId)
      case "PartitionsCreated":
        return this.createPartitions(record)
      case "LeadersAssigned":
        return this.assignLeaders(record)
      case "ProducerIdsAllocated":
        return this.allocateProducerIds(record)
      case "MembershipChanged":
        return this.changeMembership(record)
      case "ConfigsChanged":
        return this.changeConfigs(record)
    }
  }

  finish(): MetadataImage {
    const { before } = this
    const byId = new Map<Uuid, TopicInfo | undefined>()
    for (const [id, draft] of this.topics) byId.set(id, draft)
    const byName = new Map<string, TopicInfo | undefined>()
    for (const [name, id] of this.names) {
      byName.set(name, id === undefined ? undefined : this.topics.get(id))
    }
    for (const draft of this.topics.values()) if (draft) byName.set(draft.name, draft)
    return {
      ...before,
      index: this.index,
      brokers: this.brokers ?? before.brokers,
      topics: before.topics.with(byName),
      topicsById: before.topicsById.with(byId),
      groups: before.groups.with(this.groups),
      collisions: before.collisions.with(this.collisions),
      configs: before.configs.with(this.configs),
      nextGroupId: this.nextGroupId,
      nextProducerId: this.nextProducerId,
    }
  }

  private setBroker(broker: BrokerInfo): void {
    this.brokers ??= new Map(this.before.brokers)
    this.brokers.set(broker.id, broker)
  }

  private register(record: BrokerRegistered): void {
    const { brokerId, diskUuid, incarnation, host, port, rack } = record
    const epoch = this.index
    this.setBroker({
      id: brokerId,
      diskUuid,
      incarnation,
      epoch,
      host,
      port,
      rack,
      fenced: false,
    })
  }

  private setFenced(brokerId: number, fenced: boolean): void {
    const broker = (this.brokers ?? this.before.brokers).get(brokerId)
    if (broker !== undefined && broker.fenced !== fenced) this.setBroker({ ...broker, fenced })
  }

  private nameTaken(name: string): boolean {
    if (this.names.has(name)) return this.names.get(name) !== undefined
    return this.before.topics.has(name)
  }

  private topicDraft(id: Uuid): TopicDraft | undefined {
    if (this.topics.has(id)) return this.topics.get(id)
    const topic = this.before.topicsById.get(id)
    if (topic === undefined) return undefined
    const draft = { ...topic, partitions: [...topic.partitions] }
    this.topics.set(id, draft)
    return draft
  }

  private createTopic(record: TopicCreated): void {
    const { topicId, name } = record
    if (this.nameTaken(name) || this.topicDraft(topicId) !== undefined) return
    const draft: TopicDraft = {
      id: topicId,
      name,
      configs: new Map(record.configs.map((config) => [config.name, config.value])),
      internal: isInternalTopic(name),
      partitions: [],
    }
    this.topics.set(topicId, draft)
    this.names.set(name, topicId)
    this.setColliding(name, (others) => [...others, name])
    this.addPartitions(draft, record.partitions, record.disks)
  }

  private createPartitions(record: PartitionsCreated): void {
    const draft = this.topicDraft(record.topicId)
    if (draft === undefined || draft.partitions.length !== record.firstPartition) return
    this.addPartitions(draft, record.partitions, record.disks)
  }

  private addPartitions(
    topic: TopicDraft,
    partitions: ReadonlyArray<NewPartition>,
    disks: ReadonlyArray<ReplicaDisk>,
  ): void {
    const members = new Map(
      disks.map((disk) => [disk.brokerId, memberId(disk.brokerId, disk.uuid)]),
    )
    const memberOn = (id: number) => members.get(id) ?? missingDisk(topic.name, id)
    for (const { replicas, leader, witness } of partitions) {
      const group = this.nextGroupId++
      const founders = replicas.map(memberOn)
      const info: PartitionInfo = {
        topicId: topic.id,
        topic: topic.name,
        partition: topic.partitions.length,
        group,
        replicas,
        adding: none,
        removing: none,
        witness,
        members: founders,
        foundingWitness: witness === -1 ? null : memberOn(witness),
        voters: founders,
        departing: none,
        leavingWitnesses: none,
        vacating: none,
        membershipIndex: 0,
        claimTerm: 0,
        assignedLeader: leader,
        assignedIndex: this.index,
        assignedHow: "campaign",
      }
      topic.partitions.push(info)
      this.groups.set(group, info)
    }
  }

  private deleteTopic(id: Uuid): void {
    const draft = this.topicDraft(id)
    if (draft === undefined) return
    for (const partition of draft.partitions) this.groups.set(partition.group, undefined)
    this.topics.set(id, undefined)
    this.names.set(draft.name, undefined)
    this.setColliding(draft.name, (others) => others.filter((other) => other !== draft.name))
  }

  private setColliding(
    name: string,
    change: (names: ReadonlyArray<string>) => ReadonlyArray<string>,
  ): void {
    if (!hasCollisionChars(name)) return
    const key = collisionKey(name)
    const known = this.collisions.has(key) ? this.collisions : this.before.collisions
    const names = change(known.get(key) ?? [])
    this.collisions.set(key, names.length === 0 ? undefined : names)
  }

  private assignLeaders(record: LeadersAssigned): void {
    for (const { group, leader, how } of record.assignments) {
      this.changePartition(group, {
        assignedLeader: leader,
        assignedIndex: this.index,
        assignedHow: how,
      })
    }
  }

  private changeMembership(record: MembershipChanged): void {
    const { group, replicas, adding, removing, departing, witness, claimTerm } = record
    const { leavingWitnesses, vacating } = record
    const voters = record.voters?.map(({ brokerId, uuid }) => memberId(brokerId, uuid))
    this.changePartition(group, {
      replicas,
      adding,
      removing,
      departing,
      witness,
      claimTerm,
      leavingWitnesses,
      vacating,
      ...(voters === undefined ? {} : { voters }),
      membershipIndex: this.index,
    })
  }

  private changePartition(group: GroupId, changes: Partial<PartitionInfo>): void {
    const info = this.groups.has(group) ? this.groups.get(group) : this.before.groups.get(group)
    const draft = info && this.topicDraft(info.topicId)
    if (info === undefined || draft === undefined) return
    const changed: PartitionInfo = { ...info, ...changes }
    draft.partitions[info.partition] = changed
    this.groups.set(group, changed)
  }

  private changeConfigs(record: ConfigsChanged): void {
    const { resourceType: type, resourceName: name } = record
    if (type === ConfigResourceType.TOPIC) {
      const id = this.idOf(name)
      const draft = id === undefined ? undefined : this.topicDraft(id)
      if (draft !== undefined) draft.configs = withChanges(draft.configs, record)
      return
    }
    const key = resourceKey(type, name)
    const known = this.configs.has(key) ? this.configs.get(key) : this.before.configs.get(key)
    const configs = withChanges(known?.configs ?? new Map(), record)
    this.configs.set(key, configs.size === 0 ? undefined : { type, name, configs })
  }

  private idOf(name: string): Uuid | undefined {
    return this.names.has(name) ? this.names.get(name) : this.before.topics.get(name)?.id
  }

  /**
   * Unlike the others not forgiving: the same ids handed to two brokers would let two producers
   * pass for one.
   */
  private allocateProducerIds(record: ProducerIdsAllocated): void {
    const { firstProducerId, count } = record
    if (firstProducerId < this.nextProducerId) {
      throw new Error(`producer ids from ${firstProducerId} handed out twice`)
    }
    this.nextProducerId = firstProducerId + count
  }
}

const missingDisk = (topic: string, brokerId: number): never => {
  throw new Error(`topic ${topic}: no disk recorded for replica ${brokerId}`)
}
