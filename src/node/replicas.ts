/**
 * All Raft groups of this node and the turn that drives them. Only groups in which something goes
 * on are ticked: a quiescent one costs nothing until somebody wakes it.
 */
import { Prng } from "../../raft/index.ts"
import type { Message, RaftConfig } from "../../raft/index.ts"
import type { Configuration, MemberId } from "../../raft/types.ts"
import type { CommitNumber, GroupId, Wal } from "../../storage/wal.ts"
import { groupConfiguration, nodeOf } from "../cluster/members.ts"
import type { PartitionInfo } from "../cluster/image.ts"
import type { HostedAs } from "../cluster/membership.ts"
import type { CheckpointLimits } from "../partition/checkpoint-plan.ts"
import { Backlog } from "../partition/backlog.ts"
import { forgetDamagedMembers } from "../partition/damaged-members.ts"
import type { PartitionObserver } from "../partition/observer.ts"
import { Partition } from "../partition/partition.ts"
import type { PartitionConfig, PartitionOptions } from "../partition/partition.ts"
import type { Outbox } from "../partition/ports.ts"
import { RaftGroup } from "../partition/raft-group.ts"
import type { StateMachine } from "../partition/raft-group.ts"
import { TurnRunner } from "../partition/turn.ts"
import { Compactor } from "./compaction.ts"
import type { CompactionParts } from "./compaction.ts"
import { LogTrims } from "./log-trims.ts"
import { withoutData } from "./low-space.ts"
import type { NodeSettings } from "./ports.ts"
import { Retention } from "./retention.ts"
import { mayRunAlone } from "./sole-voter.ts"
import type { Birth } from "./sole-voter.ts"
import { mixSeed } from "./uuids.ts"

export interface ReplicasOptions {
  readonly self: MemberId
  readonly settings: NodeSettings
  readonly seed: number
  readonly wal: Wal
  readonly outbox: Outbox
  readonly wallMs: () => number
  /**
   * High watermark, ISR or leadership of a partition changed; in a turn, at most once per turn and
   * group.
   */
  readonly onProgress: (partition: Partition) => void
  /** Who follows the committed batches of a partition that is about to be made. */
  readonly observer: (info: PartitionInfo) => PartitionObserver | undefined
  /** To the leader of some groups: how far they are compacted on this disk. */
  readonly tellCompacted: CompactionParts["tell"]
  /** A group runs here from now on. */
  readonly onBegun: (group: RaftGroup) => void
}

const metadataGroup: GroupId = 0

const appendBytesMax = 1 << 20
const inflightMessagesMax = 64
const inflightBytesMax = 8 << 20
/** Proposed and not committed, over all groups of the node. */
const backlogBytesMax = 256 << 20
/** Heartbeats within a group that is awake; an idle group falls silent after so long. */
const groupHeartbeatMs = 100
const idleBeforeQuiesceMs = 1000

/** Background work: a slice takes about two milliseconds, all of a tick half of its time. */
const slicesPerTick = 8
const envelopesPerSlice = 1_024

/** Payloads are read again after a start, not envelopes alone: so often their state is written. */
const observedCheckpoints: CheckpointLimits = { entries: 500, bytes: 1 << 20 }

/** A witness has nothing to apply: index and term in its log are all it knows. */
const witnessMachine: StateMachine = { apply() {} }

export class Replicas {
  readonly #options: ReplicasOptions
  readonly #partitions = new Map<GroupId, Partition>()
  /** Groups that this process has written to. */
  readonly #touched = new Set<GroupId>()
  /** Groups that lost something only this node had: they do not run. */
  readonly #refused = new Set<GroupId>()
  readonly #turn: TurnRunner
  readonly #awake = new Set<RaftGroup>()
  readonly #backlog = new Backlog(backlogBytesMax)
  readonly #byGroup = new Map<RaftGroup, Partition>()
  /** Groups in which this node votes and holds no data. */
  readonly #witnesses = new Map<GroupId, RaftGroup>()
  readonly #trims = new LogTrims()
  #slicesLeft = 0
  readonly #retention: Retention
  readonly compactor: Compactor
  #suspected: ReadonlySet<number> = new Set()
  #heardAs: ReadonlyMap<number, MemberId> = new Map()
  /** Arrow property: groups call it. */
  readonly onDirty = (group: RaftGroup): void => {
    this.#awake.add(group)
    this.#turn.markDirty(group)
  }

  constructor(options: ReplicasOptions) {
    this.#options = options
    this.#turn = new TurnRunner(options.wal)
    this.#retention = new Retention({
      partitions: () => this.#partitions.values(),
      settings: options.settings,
      wallMs: options.wallMs,
      log: (level, line) => options.outbox.log(level, line),
    })
    const chance = new Prng(mixSeed(options.seed, "compaction"))
    const draw = () => chance.nextUint32()
    this.compactor = new Compactor({
      self: options.self,
      wal: options.wal,
      settings: options.settings,
      wallMs: options.wallMs,
      hashKey: [draw(), draw(), draw(), draw()],
      partition: (group) => this.#partitions.get(group),
      partitions: () => this.#partitions.values(),
      tell: options.tellCompacted,
      log: (level, line) => options.outbox.log(level, line),
    })
  }

  /** For group 0 as well. `quiesce`: whether the group may fall silent at all. */
  raftConfig(
    group: GroupId,
    bootstrap: Configuration,
    electionTimeoutMs: number,
    quiesce: boolean,
  ): RaftConfig {
    const { self, settings, seed } = this.#options
    const ticks = (ms: number) => Math.max(1, Math.round(ms / settings.tickMs))
    return {
      id: self,
      bootstrap,
      electionTicks: Math.max(2, ticks(electionTimeoutMs)),
      heartbeatTicks: Math.min(ticks(groupHeartbeatMs), Math.max(2, ticks(electionTimeoutMs)) - 1),
      quiesceTicks: quiesce ? ticks(idleBeforeQuiesceMs) : 0,
      // Everybody waits for what group 0 decides; of a partition's commits nobody but its leader
      // must know.
      commitNoticeTicks: quiesce ? 2 : 0,
      appendBytesMax,
      inflightMessagesMax,
      inflightBytesMax,
      seed: mixSeed(seed, `${self} ${group}`),
    }
  }

  /** A group that is no partition (group 0): ticked as long as the node lives. */
  adopt(group: RaftGroup): void {
    this.#awake.add(group)
  }

  get size(): number {
    return this.#partitions.size
  }

  get awake(): number {
    return this.#awake.size
  }

  get(group: GroupId): Partition | undefined {
    return this.#partitions.get(group)
  }

  /** Of a data group that is hosted here. */
  raftGroup(group: GroupId): RaftGroup | undefined {
    return this.#partitions.get(group)?.raftGroup ?? this.#witnesses.get(group)
  }

  /** All of them, but group 0. */
  *groups(): IterableIterator<RaftGroup> {
    for (const { raftGroup } of this.#partitions.values()) yield raftGroup
    yield* this.#witnesses.values()
  }

  /** Groups that do not run here because their only copy is not whole. */
  get refused(): ReadonlySet<GroupId> {
    return this.#refused
  }

  /** A group that does not run is still kept. */
  hostedAs(group: GroupId): HostedAs {
    if (this.#partitions.has(group) || this.#refused.has(group)) return "replica"
    return this.#witnesses.has(group) ? "witness" : "none"
  }

  hostedGroups(): ReadonlyArray<GroupId> {
    return [...this.#partitions.keys(), ...this.#witnesses.keys()]
  }

  all(): IterableIterator<Partition> {
    return this.#partitions.values()
  }

  /** Undefined when the group must not run (sole-voter.ts). */
  create(info: PartitionInfo, config: PartitionConfig): Partition | undefined {
    const { self, wal, outbox, onProgress, settings } = this.#options
    const known = this.#partitions.get(info.group)
    if (known !== undefined) return known
    this.#close(info.group)
    const bootstrap = groupConfiguration(info)
    const votes = info.voters.includes(self)
    if (!this.#mayRun(info.group, { bootstrap, votes })) return undefined
    const partition = new Partition({
      info: {
        topic: info.topic,
        topicId: info.topicId,
        partition: info.partition,
        group: info.group,
      },
      self,
      members: info.members,
      nodeOf,
      config,
      raft: {
        ...this.raftConfig(info.group, bootstrap, settings.dataElectionTimeoutMs, true),
        keepsPayloads: true,
      },
      written: this.written(info.group),
      wal,
      outbox,
      onDirty: this.onDirty,
      onProgress,
      onTrimDue: (due) => this.#trims.add(due),
      backlog: this.#backlog,
      ...this.#observed(info),
    })
    this.#partitions.set(info.group, partition)
    this.#byGroup.set(partition.raftGroup, partition)
    partition.setSuspected(this.#suspected, this.#heardAs)
    this.#begun(partition.raftGroup)
    return partition
  }

  #observed(info: PartitionInfo): Partial<PartitionOptions> {
    const observer = this.#options.observer(info)
    return observer === undefined ? {} : { observer, checkpoints: observedCheckpoints }
  }

  #begun(group: RaftGroup): void {
    this.#awake.add(group)
    this.#options.onBegun(group)
    group.schedule()
  }

  /** What a group that ran here before wrote last may still be on its way to the disk. */
  written(group: GroupId): "durable" | "handedOver" {
    const before = this.#touched.has(group)
    this.#touched.add(group)
    return before ? "handedOver" : "durable"
  }

  /**
   * Damaged configurations go, and what comes after them; the leader gives them back. For groups
   * that do not run yet.
   */
  forgetDamagedMembers(group: GroupId): void {
    const { wal, outbox } = this.#options
    const found = forgetDamagedMembers(wal, group)
    if (found === undefined) return
    this.#touched.add(group)
    outbox.log("error", `${found.message}: it names the members of the group`)
    const line = `forgets its entries from ${found.index} on and waits for the leader's copies`
    outbox.log("warn", `group ${group}: ${line}`)
  }

  /** Its only copy is not whole. Said once per group. */
  refuse(group: GroupId, why: string): void {
    if (this.#refused.has(group)) return
    this.#refused.add(group)
    this.#options.outbox.log("error", `group ${group} is not run: ${why}`)
  }

  /** Said once per group, not at every look. */
  #mayRun(group: GroupId, birth: Birth): boolean {
    if (this.#refused.has(group)) return false
    const { wal, settings, outbox } = this.#options
    const { acceptDataLoss } = settings
    const { standing } = wal.log(group).hardState
    const log: typeof outbox.log = (level, line) => outbox.log(level, line)
    const may = mayRunAlone(group, birth, { wal, acceptDataLoss, log })
    if (wal.log(group).hardState.standing !== standing) this.#touched.add(group)
    if (!may) this.#refused.add(group)
    return may
  }

  /** On the log that is there, as `create`: whose log that is the caller knows. */
  createWitness(info: PartitionInfo): void {
    const { wal, outbox, settings } = this.#options
    const { group } = info
    if (this.#witnesses.has(group)) return
    this.#close(group)
    this.forgetDamagedMembers(group)
    const bootstrap = groupConfiguration(info)
    const timing = this.raftConfig(group, bootstrap, settings.dataElectionTimeoutMs, true)
    const raft = { ...timing, keepsPayloads: false }
    const machine = witnessMachine
    const written = this.written(group)
    const made = new RaftGroup({
      group,
      raft,
      written,
      wal,
      outbox,
      machine,
      onDirty: this.onDirty,
    })
    this.#witnesses.set(group, made)
    this.#begun(made)
  }

  /** The group was deleted by committed metadata: its log goes too. */
  drop(group: GroupId): void {
    this.#close(group)
    this.#refused.delete(group)
    this.#options.wal.drop(group)
  }

  /**
   * This node is no member any more: the entries go, term and vote stay, for it may become a member
   * again. The number of the commit that must be durable before it is gone; 0 when nothing was.
   */
  retire(group: GroupId): CommitNumber {
    const { wal } = this.#options
    this.#close(group)
    this.#touched.add(group)
    const { firstIndex, lastIndex, cut } = wal.log(group)
    return cut.index === 0 && lastIndex < firstIndex ? 0 : wal.retire(group)
  }

  #close(group: GroupId): void {
    const raftGroup = this.raftGroup(group)
    if (raftGroup === undefined) return
    this.#awake.delete(raftGroup)
    this.#byGroup.delete(raftGroup)
    const partition = this.#partitions.get(group)
    if (partition === undefined) raftGroup.close()
    else partition.close()
    this.#partitions.delete(group)
    this.#witnesses.delete(group)
  }

  deliver(group: RaftGroup, message: Message): void {
    this.#awake.add(group)
    const full = this.#options.wal.space === "low" && group.group !== metadataGroup
    group.step(full ? withoutData(message) : message)
  }

  wake(group: RaftGroup): void {
    this.#awake.add(group)
    group.wake()
  }

  campaign(group: RaftGroup, kind: "timeout" | "assigned"): void {
    this.#awake.add(group)
    group.campaign(kind)
  }

  /** A new link to a member's node: groups led here must not trust what was on the old one. */
  peerReset(nodeId: number): void {
    this.compactor.peerReset(nodeId)
    for (const { raftGroup, isLeader } of this.#partitions.values()) {
      if (isLeader) this.resetMembers(raftGroup, nodeId)
    }
  }

  resetMembers(group: RaftGroup, nodeId: number): void {
    const { voters, votersOutgoing, learners } = group.node.configuration
    for (const member of new Set([...voters, ...votersOutgoing, ...learners])) {
      if (nodeOf(member) !== nodeId) continue
      this.#awake.add(group)
      group.peerReset(member)
    }
  }

  /** Followers of that node stop trusting its silence. */
  wakeFollowersOf(nodeId: number): void {
    for (const partition of this.#partitions.values()) {
      if (!partition.isLeader && partition.leaderNode === nodeId) this.wake(partition.raftGroup)
    }
    for (const witness of this.#witnesses.values()) {
      const { leaderId } = witness.node
      if (leaderId !== null && nodeOf(leaderId) === nodeId) this.wake(witness)
    }
  }

  setSuspected(nodes: ReadonlySet<number>, heardAs: ReadonlyMap<number, MemberId>): void {
    this.#suspected = nodes
    this.#heardAs = heardAs
    for (const partition of this.#partitions.values()) partition.setSuspected(nodes, heardAs)
  }

  tick(nowMs: number): void {
    for (const group of this.#awake) {
      group.tick()
      this.#byGroup.get(group)?.tick(nowMs)
      if (group.node.quiesced) this.#awake.delete(group)
    }
    this.#retention.tick(nowMs)
    this.#trims.tick()
    this.#slicesLeft = slicesPerTick
    this.compactor.tick(nowMs)
  }

  /**
   * A slice of what is done in the background. True when another may be done at once: in between
   * others have their turn.
   */
  work(): boolean {
    const all = [this.#retention, this.#trims, this.compactor]
    const work = all.find(({ pending }) => pending)
    if (this.#slicesLeft === 0 || work === undefined) return false
    this.#slicesLeft--
    work.work(envelopesPerSlice)
    return this.#slicesLeft > 0
  }

  get dirty(): boolean {
    return this.#turn.dirty
  }

  /** True when work is left for another call. */
  runTurn(): boolean {
    return this.#turn.run()
  }

  durable(through: CommitNumber): void {
    this.#turn.durable(through)
  }
}

/** Of the node as a whole: controller ids, uuids. */
export function nodePrng(seed: number, text: string): Prng {
  return new Prng(mixSeed(seed, text))
}
