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
import { Backlog } from "../partition/backlog.ts"
import { Partition } from "../partition/partition.ts"
import type { PartitionConfig } from "../partition/partition.ts"
import type { Outbox } from "../partition/ports.ts"
import type { RaftGroup } from "../partition/raft-group.ts"
import { TurnRunner } from "../partition/turn.ts"
import type { NodeSettings } from "./ports.ts"
import { mixSeed } from "./uuids.ts"

export interface ReplicasOptions {
  readonly self: MemberId
  readonly settings: NodeSettings
  readonly seed: number
  readonly wal: Wal
  readonly outbox: Outbox
  /**
   * High watermark, ISR or leadership of a partition changed; in a turn, at most once per turn and
   * group.
   */
  readonly onProgress: (partition: Partition) => void
}

const appendBytesMax = 1 << 20
const inflightMessagesMax = 64
const inflightBytesMax = 8 << 20
/** Proposed and not committed, over all groups of the node. */
const backlogBytesMax = 256 << 20
/** Heartbeats within a group that is awake; an idle group falls silent after so long. */
const groupHeartbeatMs = 100
const idleBeforeQuiesceMs = 1000

export class Replicas {
  readonly #options: ReplicasOptions
  readonly #partitions = new Map<GroupId, Partition>()
  readonly #turn: TurnRunner
  readonly #awake = new Set<RaftGroup>()
  readonly #backlog = new Backlog(backlogBytesMax)
  readonly #byGroup = new Map<RaftGroup, Partition>()
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
    return this.#partitions.get(group)?.raftGroup
  }

  all(): IterableIterator<Partition> {
    return this.#partitions.values()
  }

  create(info: PartitionInfo, config: PartitionConfig): Partition {
    const { self, wal, outbox, onProgress, settings } = this.#options
    const known = this.#partitions.get(info.group)
    if (known !== undefined) return known
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
      raft: this.raftConfig(
        info.group,
        groupConfiguration(info),
        settings.dataElectionTimeoutMs,
        true,
      ),
      wal,
      outbox,
      onDirty: this.onDirty,
      onProgress,
      backlog: this.#backlog,
    })
    this.#partitions.set(info.group, partition)
    this.#byGroup.set(partition.raftGroup, partition)
    this.#awake.add(partition.raftGroup)
    partition.setSuspected(this.#suspected, this.#heardAs)
    partition.raftGroup.schedule()
    return partition
  }

  /** The group was deleted by committed metadata: its log goes too. */
  drop(group: GroupId): void {
    const partition = this.#partitions.get(group)
    if (partition !== undefined) {
      partition.close()
      this.#partitions.delete(group)
      this.#byGroup.delete(partition.raftGroup)
      this.#awake.delete(partition.raftGroup)
    }
    this.#options.wal.drop(group)
  }

  deliver(group: RaftGroup, message: Message): void {
    this.#awake.add(group)
    group.step(message)
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
