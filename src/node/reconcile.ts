/**
 * Makes this node what the applied metadata says: groups hosted and given up, assigned campaigns
 * and transfers begun, memberships changed. Works on what the records touched, not on the whole
 * image.
 */
import type { Configuration } from "../../raft/types.ts"
import type { CommitNumber, GroupId, Wal } from "../../storage/wal.ts"
import { isDeletedGroup } from "../cluster/image.ts"
import type { MetadataImage, PartitionInfo } from "../cluster/image.ts"
import { memberId, memberOfBroker, nodeOf } from "../cluster/members.ts"
import type { LogIndex, MemberId, Term } from "../../raft/types.ts"
import type { ConfigsChanged, MetadataRecord } from "../cluster/records.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import { allBrokers, ConfigResourceType } from "../cluster/config-resources.ts"
import type { BrokerSettings } from "./broker-settings.ts"
import { Hosting } from "./hosting.ts"
import type { LeaderView } from "./leader-view.ts"
import type { Liveness } from "./liveness.ts"
import type { AppliedRecords, MetadataGroup } from "./metadata-group.ts"
import { metadataGroupId } from "./metadata-group.ts"
import { MembershipDriver } from "./membership-driver.ts"
import type { MembershipDriverParts } from "./membership-driver.ts"
import type { NewGroups } from "./new-groups.ts"
import type { NodeSettings } from "./ports.ts"
import type { Replicas } from "./replicas.ts"

export interface ReconcilerOptions {
  readonly nodeId: number
  readonly incarnation: string
  readonly settings: NodeSettings
  readonly brokerSettings: BrokerSettings
  readonly metadata: MetadataGroup
  readonly replicas: Replicas
  readonly leaders: LeaderView
  readonly liveness: Liveness
  readonly wal: Wal
  readonly newGroups: NewGroups
  readonly self: MemberId
  readonly wallMs: () => number
  readonly decide: MembershipDriverParts["decide"]
  readonly log: MembershipDriverParts["log"]
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

export class Reconciler {
  readonly #options: ReconcilerOptions
  readonly #campaigns = new Map<GroupId, Campaign>()
  /** Term of the last known leader when this node last campaigned without asking first. */
  readonly #forcedAfter = new Map<GroupId, Term>()
  readonly #hosting: Hosting
  readonly #membership: MembershipDriver
  #registered = false

  constructor(options: ReconcilerOptions) {
    this.#options = options
    this.#hosting = new Hosting(options)
    this.#membership = new MembershipDriver({ ...options, hosting: this.#hosting })
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
    for (const { records, after } of entries) {
      for (const record of records) {
        this.#noteCreated(record, image, after)
        this.#reconcile(record, image, nowMs)
      }
    }
    const was = this.#registered
    this.#registered = this.#isRegistered(image)
    if (this.#registered && !was) this.#campaignForAssigned(image, nowMs)
  }

  /** The groups of a topic that is gone again matter to nobody. */
  #noteCreated(record: MetadataRecord, image: MetadataImage, after: LogIndex): void {
    if (record._tag !== "TopicCreated" && record._tag !== "PartitionsCreated") return
    const first = record._tag === "TopicCreated" ? 0 : record.firstPartition
    const made = image.topicsById.get(record.topicId)?.partitions[first]
    if (made !== undefined) this.#options.newGroups.created(made.group, after)
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
      case "MembershipChanged":
        return this.#membershipChanged(image.groups.get(record.group), nowMs)
      case "BrokerRegistered":
        return this.#brokerRegistered(record.brokerId)
      case "BrokerUnfenced":
        return this.#membership.look(metadataGroupId)
      case "ConfigsChanged":
        return this.#configsChanged(record, image)
      case "BrokerFenced":
      case "ProducerIdsAllocated":
        return
    }
  }

  #host(image: MetadataImage, topicId: string, nowMs: number): void {
    const topic = image.topicsById.get(topicId)
    if (topic === undefined) return
    for (const info of topic.partitions) {
      if (this.#hosting.follow(info)) this.#assigned(info, nowMs)
    }
  }

  #configsChanged({ resourceType, resourceName }: ConfigsChanged, image: MetadataImage): void {
    const { TOPIC, BROKER } = ConfigResourceType
    if (resourceType === TOPIC) {
      const topic = image.topics.get(resourceName)
      if (topic !== undefined) this.#hosting.configure(topic.id)
    } else if (resourceType === BROKER) {
      const own = String(this.#options.nodeId)
      if (resourceName === allBrokers || resourceName === own) this.#hosting.configure()
    }
  }

  #membershipChanged(info: PartitionInfo | undefined, nowMs: number): void {
    if (info === undefined) return
    if (this.#hosting.follow(info)) this.#assigned(info, nowMs)
    const partition = this.#options.replicas.get(info.group)
    if (partition === undefined) this.#forget(info.group)
    else if (partition.isLeader) this.#membership.look(info.group)
  }

  #dropDeleted(image: MetadataImage): void {
    for (const group of this.#hosting.dropDeleted()) this.#forget(group)
    this.#options.leaders.forgetWhere((group) => isDeletedGroup(image, group))
  }

  #forget(group: GroupId): void {
    this.#campaigns.delete(group)
    this.#forcedAfter.delete(group)
    this.#membership.forget(group)
  }

  /** The image holds everything that was committed before this process was registered. */
  caughtUp(): void {
    this.#hosting.caughtUp()
  }

  durable(through: CommitNumber): void {
    this.#hosting.durable(through)
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

  /** Maybe on another disk. */
  #brokerRegistered(brokerId: number): void {
    this.#membership.look(metadataGroupId)
    for (const partition of this.#options.replicas.all()) {
      if (!partition.isLeader) continue
      const info = this.#options.metadata.image.groups.get(partition.info.group)
      if (info?.replicas.includes(brokerId) === true || info?.witness === brokerId) {
        this.#membership.look(info.group)
      }
    }
  }

  /** Leadership came to this node: its groups may have waited for somebody to lead them on. */
  led(group: GroupId): void {
    this.#campaigns.delete(group)
    this.#membership.look(group)
  }

  run(nowMs: number): void {
    for (const [group, campaign] of this.#campaigns) this.#campaign(group, campaign, nowMs)
    this.#membership.run(nowMs)
  }

  #campaign(group: GroupId, campaign: Campaign, nowMs: number): void {
    const { replicas, leaders } = this.#options
    const partition = replicas.get(group)
    const over = partition === undefined || partition.isLeader || campaign.tries >= campaignTriesMax
    const { leader, term } = leaders.state(group)
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
    // The first try ends every lease of the last leader. Forced once more it would only raise terms
    // under those who refused, and keep one of them from being elected for as long as it is tried.
    const { raftGroup } = partition
    const isForced = this.#forcedAfter.get(group) !== term
    this.#forcedAfter.set(group, term)
    if (isForced) replicas.campaign(raftGroup, "assigned")
    else if (raftGroup.node.role !== "candidate") replicas.campaign(raftGroup, "timeout")
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
}
