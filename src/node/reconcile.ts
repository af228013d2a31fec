/**
 * Makes this node what the applied metadata says: replicas created and deleted, assigned campaigns
 * and transfers begun, new disks of replicas taken in as learners. Works on what the records
 * touched, not on the whole image.
 */
import type { Configuration } from "../../raft/types.ts"
import type { GroupId, Wal } from "../../storage/wal.ts"
import { isDeletedGroup } from "../cluster/image.ts"
import type { MetadataImage, PartitionInfo } from "../cluster/image.ts"
import { memberId, memberOfBroker, nodeOf } from "../cluster/members.ts"
import type { MetadataRecord } from "../cluster/records.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import type { LeaderView } from "./leader-view.ts"
import type { Liveness } from "./liveness.ts"
import type { AppliedRecords, MetadataGroup } from "./metadata-group.ts"
import { metadataGroupId } from "./metadata-group.ts"
import type { NodeSettings } from "./ports.ts"
import type { Replicas } from "./replicas.ts"
import { partitionConfig } from "./topic-settings.ts"

export interface ReconcilerOptions {
  readonly nodeId: number
  readonly incarnation: string
  readonly settings: NodeSettings
  readonly metadata: MetadataGroup
  readonly replicas: Replicas
  readonly leaders: LeaderView
  readonly liveness: Liveness
  readonly wal: Wal
}

/** A campaign of this node that an assignment asks for, until somebody leads. */
interface Campaign {
  nextMs: number
  tries: number
}

/** Votes take a round trip and an fsync; a second campaign before that only disturbs the first. */
const campaignAgainMs = 300
const campaignTriesMax = 8
/** While no majority of the group is connected nothing is tried; this often it is looked at. */
const quorumLookMs = 25
const learnerLookMs = 250

export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #campaigns = new Map<GroupId, Campaign>()
  /** Groups led here whose membership may lack a replica's present disk. */
  readonly #learnerChecks = new Set<GroupId>()
  #nextLearnerLookMs = 0
  #registered = false

  constructor(options: ReconcilerOptions) {
    this.#options = options
  }

  /** This process is in the applied image, and not fenced. */
  get registered(): boolean {
    return this.#registered
  }

  get campaignsWanted(): number {
    return this.#campaigns.size
  }

  applied(entries: ReadonlyArray<AppliedRecords>, nowMs: number): void {
    const { image } = this.#options.metadata
    for (const { records } of entries) {
      for (const record of records) this.#reconcile(record, image, nowMs)
    }
    const was = this.#registered
    this.#registered = this.#isRegistered(image)
    if (this.#registered && !was) this.#campaignForAssigned(image, nowMs)
  }

  #isRegistered(image: MetadataImage): boolean {
    const own = image.brokers.get(this.#options.nodeId)
    return own?.incarnation === this.#options.incarnation && !own.fenced
  }

  #reconcile(record: MetadataRecord, image: MetadataImage, nowMs: number): void {
    switch (record._tag) {
      case "TopicCreated":
      case "PartitionsCreated":
        return this.#host(image, record.topicId, nowMs)
      case "TopicDeleted":
        return this.#dropDeleted(image)
      case "LeadersAssigned":
        for (const { group } of record.assignments) this.#assigned(image.groups.get(group), nowMs)
        return
      case "BrokerRegistered":
        return this.#brokerRegistered(record.brokerId)
      case "BrokerFenced":
      case "BrokerUnfenced":
      case "ProducerIdsAllocated":
        return
    }
  }

  #host(image: MetadataImage, topicId: string, nowMs: number): void {
    const { nodeId, replicas, settings } = this.#options
    const topic = image.topicsById.get(topicId)
    if (topic === undefined) return
    const config = partitionConfig(topic, settings)
    for (const info of topic.partitions) {
      if (!info.replicas.includes(nodeId) || replicas.get(info.group) !== undefined) continue
      replicas.create(info, config)
      this.#assigned(info, nowMs)
    }
  }

  #dropDeleted(image: MetadataImage): void {
    const { replicas, leaders } = this.#options
    for (const { info } of replicas.all()) {
      if (isDeletedGroup(image, info.group)) this.#drop(info.group)
    }
    leaders.forgetWhere((group) => isDeletedGroup(image, group))
  }

  #drop(group: GroupId): void {
    this.#campaigns.delete(group)
    this.#learnerChecks.delete(group)
    this.#options.replicas.drop(group)
  }

  /**
   * Logs of groups that were deleted while this node was down. Ids are never reused, so an unhosted
   * old one is dead.
   */
  dropOrphanedLogs(): void {
    const { metadata, wal } = this.#options
    for (const group of wal.groups()) {
      if (isDeletedGroup(metadata.image, group)) wal.drop(group)
    }
  }

  #assigned(info: PartitionInfo | undefined, nowMs: number): void {
    if (info === undefined) return
    const { nodeId, replicas } = this.#options
    const partition = replicas.get(info.group)
    if (partition === undefined) return
    if (info.assignedLeader !== nodeId) {
      this.#campaigns.delete(info.group)
      // Another one is to lead: whoever sleeps under the old leader must hear its campaign's
      // outcome.
      if (info.assignedHow === "campaign") replicas.wake(partition.raftGroup)
      else if (partition.isLeader) this.#transfer(partition.raftGroup, info.assignedLeader)
      return
    }
    if (!this.#registered || info.assignedHow !== "campaign" || partition.isLeader) return
    this.#campaigns.set(info.group, { nextMs: nowMs, tries: 0 })
  }

  #transfer(group: RaftGroup, to: number): void {
    const target = this.#options.metadata.image.brokers.get(to)
    if (target !== undefined) group.transferLeadership(memberOfBroker(target))
  }

  /** After a start or a return: what is assigned to this node and led by nobody. */
  #campaignForAssigned(image: MetadataImage, nowMs: number): void {
    const { nodeId, replicas, leaders } = this.#options
    for (const info of image.groups.values()) {
      if (info.assignedLeader !== nodeId || replicas.get(info.group)?.isLeader !== false) continue
      if (this.#ledElsewhere(leaders.state(info.group).leader)) continue
      this.#campaigns.set(info.group, { nextMs: nowMs, tries: 0 })
    }
  }

  #ledElsewhere(leader: number): boolean {
    const { nodeId, liveness } = this.#options
    return leader !== -1 && leader !== nodeId && liveness.peer(leader)?.suspected === false
  }

  #brokerRegistered(brokerId: number): void {
    this.#learnerChecks.add(metadataGroupId)
    for (const partition of this.#options.replicas.all()) {
      const info = this.#options.metadata.image.groups.get(partition.info.group)
      if (info?.replicas.includes(brokerId) === true) this.#learnerChecks.add(info.group)
    }
  }

  /**
   * Leadership came to this node: its groups may have waited for somebody who takes in learners.
   */
  led(group: GroupId): void {
    this.#campaigns.delete(group)
    this.#learnerChecks.add(group)
  }

  run(nowMs: number): void {
    for (const [group, campaign] of this.#campaigns) this.#campaign(group, campaign, nowMs)
    if (this.#learnerChecks.size === 0 || nowMs < this.#nextLearnerLookMs) return
    this.#nextLearnerLookMs = nowMs + learnerLookMs
    for (const group of this.#learnerChecks) {
      if (this.#takeInLearners(group, nowMs)) this.#learnerChecks.delete(group)
    }
  }

  #campaign(group: GroupId, campaign: Campaign, nowMs: number): void {
    const { replicas, leaders } = this.#options
    const partition = replicas.get(group)
    const over = partition === undefined || partition.isLeader || campaign.tries >= campaignTriesMax
    const { leader } = leaders.state(group)
    if (over || (campaign.tries > 0 && this.#ledElsewhere(leader))) {
      this.#campaigns.delete(group)
      return
    }
    if (nowMs < campaign.nextMs) return
    if (!this.hasQuorum(partition.raftGroup.node.configuration)) {
      campaign.nextMs = nowMs + quorumLookMs
      return
    }
    campaign.tries++
    campaign.nextMs = nowMs + campaignAgainMs
    replicas.campaign(partition.raftGroup, "assigned")
  }

  /** Whether votes of a majority can reach this node at all. */
  hasQuorum({ voters }: Configuration): boolean {
    const { nodeId, liveness } = this.#options
    let count = 0
    for (const member of voters) {
      const id = nodeOf(member)
      const peer = liveness.peer(id)
      if (id === nodeId) count++
      else if (liveness.reachable(id) && memberId(id, peer?.diskUuid ?? "") === member) count++
    }
    return count > voters.length / 2
  }

  /**
   * True when nothing is left to do for that group (here). A replica's new disk learns and never
   * votes (hazard 18).
   */
  #takeInLearners(group: GroupId, nowMs: number): boolean {
    const { metadata, replicas } = this.#options
    const raftGroup =
      group === metadataGroupId ? metadata.raftGroup : replicas.get(group)?.raftGroup
    if (raftGroup === undefined || raftGroup.node.role !== "leader") return true
    const next = this.#withPresentDisks(group, raftGroup.node.configuration)
    if (next === undefined) return true
    raftGroup.node.proposeConfiguration(next, raftGroup.appendMs(nowMs))
    raftGroup.schedule()
    return false
  }

  #withPresentDisks(group: GroupId, current: Configuration): Configuration | undefined {
    const { brokers, groups } = this.#options.metadata.image
    const nodes =
      group === metadataGroupId ? [...brokers.keys()] : (groups.get(group)?.replicas ?? [])
    const present = nodes.flatMap((id) => {
      const broker = brokers.get(id)
      return broker === undefined ? [] : [memberOfBroker(broker)]
    })
    const voting = new Set([...current.voters, ...current.votersOutgoing])
    const unheardOf = current.learners.filter((member) => !brokers.has(nodeOf(member)))
    const learners = [...unheardOf, ...present.filter((member) => !voting.has(member))].sort()
    const same =
      learners.length === current.learners.length &&
      learners.every((member) => current.learners.includes(member))
    return same ? undefined : { ...current, learners }
  }
}
