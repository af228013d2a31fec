/**
 * Which groups this node keeps, and as what: a replica with its data, a witness without, nothing.
 * Follows the applied metadata. Nothing is given up before this process is registered: until then
 * the image is an old one, and what it says has gone may have come back since.
 */
import { emptyHardState } from "../../raft/types.ts"
import type { CommitNumber, GroupId, Wal } from "../../storage/wal.ts"
import { isDeletedGroup } from "../cluster/image.ts"
import type { MetadataImage, PartitionInfo } from "../cluster/image.ts"
import { nodeOf } from "../cluster/members.ts"
import { hostedAs } from "../cluster/membership.ts"
import type { HostedAs } from "../cluster/membership.ts"
import { damagedMembers } from "../partition/damaged-members.ts"
import { isCutByWitness, isWrittenByWitness } from "../partition/witness-log.ts"
import type { BrokerSettings } from "./broker-settings.ts"
import type { MembershipDriverParts } from "./membership-driver.ts"
import type { MetadataGroup } from "./metadata-group.ts"
import type { NewGroups } from "./new-groups.ts"
import type { NodeSettings } from "./ports.ts"
import type { Replicas } from "./replicas.ts"
import { acceptHint } from "./sole-voter.ts"

export interface HostingParts {
  readonly nodeId: number
  readonly settings: NodeSettings
  readonly brokerSettings: BrokerSettings
  readonly metadata: MetadataGroup
  readonly replicas: Replicas
  readonly wal: Wal
  readonly newGroups: NewGroups
  readonly log: MembershipDriverParts["log"]
}

export class Hosting {
  readonly #parts: HostingParts
  /** This process is registered: the image holds everything that was committed before. */
  #current = false
  /** Logs of this node's time as witness that go: durable with that commit. */
  readonly #vacating = new Map<GroupId, CommitNumber>()
  /** Said to have been deleted; once each. */
  readonly #gone = new Set<GroupId>()
  #durable: CommitNumber = 0
  /** With that commit the log knows every group it may have forgotten. */
  #recalled: CommitNumber | undefined

  constructor(parts: HostingParts) {
    this.#parts = parts
  }

  get #image(): MetadataImage {
    return this.#parts.metadata.image
  }

  /**
   * True when the group is hosted now and was not before. Where a witness becomes a replica its log
   * has been gone since this broker said so: what is there now has payloads, unless it is an old
   * copy of the disk. (Live, it was hosted as nothing in between; after a restart the image only
   * shows the witness again on its way.)
   */
  follow(info: PartitionInfo): boolean {
    const { nodeId, replicas, brokerSettings } = this.#parts
    const before = replicas.hostedAs(info.group)
    const wanted = hostedAs(info, nodeId)
    if (this.#current && info.vacating.includes(nodeId)) this.#vacate(info.group)
    if (wanted === before) return false
    if (wanted === "none") {
      if (this.#current) replicas.retire(info.group)
      return false
    }
    if (before === "none" && !this.#prepareLog(info)) return false
    if (before === "none") this.#noteNew(info.group)
    if (wanted === "witness") {
      if (before === "none" || this.#current) replicas.createWitness(info)
      return before === "none"
    }
    const topic = this.#image.topicsById.get(info.topicId)
    if (topic === undefined || this.#isOfLater(info, before)) return false
    if (this.#isWitnessed(info, before)) replicas.retire(info.group)
    replicas.create(info, brokerSettings.partitionConfig(topic))
    return true
  }

  /** Of one topic, or of all: configs have changed. */
  configure(topicId?: string): void {
    const { replicas, brokerSettings } = this.#parts
    for (const partition of replicas.all()) {
      if (topicId !== undefined && partition.info.topicId !== topicId) continue
      const topic = this.#image.topicsById.get(partition.info.topicId)
      if (topic === undefined) continue
      const config = brokerSettings.partitionConfig(topic)
      if (partition.config !== config) partition.configure(config)
    }
  }

  /**
   * After a restart an old image may show as replica what has been a witness, or nothing, since.
   * The log of a former replica is empty and not trusted; the newest image knows what they are, and
   * is waited for.
   */
  #isOfLater(info: PartitionInfo, before: HostedAs): boolean {
    if (this.#current) return false
    const log = this.#parts.wal.log(info.group)
    const isEmpty = log.cut.index === 0 && log.lastIndex === 0
    return isEmpty ? log.hardState.standing !== "trusted" : this.#isWitnessed(info, before)
  }

  /** Reads entries only where this node may have been a witness. */
  #isWitnessed({ group, witness }: PartitionInfo, before: HostedAs): boolean {
    const log = this.#parts.wal.log(group)
    if (isCutByWitness(log)) return true
    return (before === "witness" || witness !== -1) && isWrittenByWitness(log)
  }

  /** Its log is one to begin on, or is made so. False: the group is not run, for now or at all. */
  #prepareLog({ group, voters }: PartitionInfo): boolean {
    if (this.#isGone(group)) return false
    const { nodeId, wal, replicas, settings } = this.#parts
    const damaged = damagedMembers(wal.log(group))
    if (damaged === undefined) return true
    // What is forgotten the others give back; only the newest image knows whether anybody has it.
    if (!this.#current) return false
    const isAlone = voters.every((member) => nodeOf(member) === nodeId)
    if (isAlone && !settings.acceptDataLoss) {
      const what = `entry ${damaged.index}, which names its members, is damaged`
      replicas.refuse(group, `${what}, and no other broker has a copy; ${acceptHint}`)
      return false
    }
    replicas.forgetDamagedMembers(group)
    return true
  }

  /**
   * Deleted, and its votes forgotten with it: an image that knows the group is one from before
   * that. A current one is only where the metadata group has lost the deletion, and what it deleted
   * is begun anew by the operator's word alone.
   */
  #isGone(group: GroupId): boolean {
    const { wal, settings, log } = this.#parts
    if (!wal.wasDropped(group)) return false
    if (!this.#current) return true
    if (!settings.acceptDataLoss && !this.#gone.has(group)) {
      this.#gone.add(group)
      log(
        "error",
        `group ${group} is not run: it was deleted, and the metadata group has lost that; ` +
          acceptHint,
      )
    }
    return !settings.acceptDataLoss
  }

  #vacate(group: GroupId): void {
    if (!this.#vacating.has(group)) this.#vacating.set(group, this.#parts.replicas.retire(group))
  }

  /** The image has caught up with the cluster: from now on what it does not want goes. */
  caughtUp(): void {
    this.#current = true
    const { replicas, wal } = this.#parts
    for (const info of this.#image.groups.values()) this.follow(info)
    // Ids are never reused, so an unhosted old one is dead.
    for (const group of wal.groups()) {
      if (isDeletedGroup(this.#image, group)) wal.drop(group)
      else if (this.#image.groups.has(group) && replicas.hostedAs(group) === "none") {
        replicas.retire(group)
      }
    }
    this.#recall()
  }

  /**
   * The image names every group that this disk may have had a vote in: from here on the log knows
   * them, as amnesiac, and one that it does not know is new. Of groups that were sent elsewhere
   * nothing is recalled: they come back as learners and hear of a leader first.
   */
  #recall(): void {
    const { replicas, wal } = this.#parts
    if (!wal.forgetful) return
    const known = new Set(wal.groups())
    const writes = [...replicas.hostedGroups()]
      .filter((group) => !known.has(group) && !wal.wasDropped(group))
      .map((group) => ({ group, entries: [], hardState: wal.log(group).hardState }))
    if (writes.length === 0) wal.remembered()
    else this.#recalled = wal.commit(writes)
  }

  /** No process of this disk can have voted in it before: nothing of it is forgotten. */
  #noteNew(group: GroupId): void {
    const { wal, newGroups } = this.#parts
    if (!wal.forgetful || !newGroups.has(group) || wal.groups().includes(group)) return
    wal.commit([{ group, entries: [], hardState: emptyHardState }])
  }

  /** Of topics that are gone; also where only a vote was left. */
  dropDeleted(): ReadonlyArray<GroupId> {
    const { replicas, wal } = this.#parts
    const gone = new Set(replicas.hostedGroups())
    for (const group of wal.groups()) gone.add(group)
    const dropped = [...gone].filter((group) => isDeletedGroup(this.#image, group))
    for (const group of dropped) {
      replicas.drop(group)
      this.#vacating.delete(group)
    }
    return dropped
  }

  durable(through: CommitNumber): void {
    this.#durable = through
    if (this.#recalled === undefined || this.#recalled > through) return
    this.#recalled = undefined
    this.#parts.wal.remembered()
  }

  /** Groups whose log of this node's time as witness is gone for good; asked again until known. */
  vacated(): ReadonlyArray<GroupId> {
    const done: GroupId[] = []
    for (const [group, commit] of this.#vacating) {
      const info = this.#image.groups.get(group)
      if (info?.vacating.includes(this.#parts.nodeId) !== true) this.#vacating.delete(group)
      else if (commit <= this.#durable) done.push(group)
    }
    return done
  }
}
