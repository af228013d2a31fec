/**
 * A few nodes in one process: real RaftNodes and partitions over memory logs, with a network and
 * disks that do nothing unless they are told to.
 */
import { Prng } from "../../raft/index.ts"
import type { Message, RaftConfig } from "../../raft/index.ts"
import { MemoryWal } from "../../storage/memory-wal.ts"
import type { GroupId } from "../../storage/wal.ts"
import { Backlog } from "../../src/partition/backlog.ts"
import { defaultCheckpointLimits } from "../../src/partition/checkpoint-plan.ts"
import type { CheckpointLimits } from "../../src/partition/checkpoint-plan.ts"
import { Partition } from "../../src/partition/partition.ts"
import type { AppendReply, PartitionConfig } from "../../src/partition/partition.ts"
import { defaultPartitionConfig } from "../../src/partition/partition-config.ts"
import { TurnRunner } from "../../src/partition/turn.ts"
import { readBatchHeader } from "../../src/protocol/record-batch.ts"
import { buildBatch } from "../../src/protocol/record.ts"
import type { RecordInput } from "../../src/protocol/record.ts"

export interface ClusterOptions {
  readonly nodes?: number
  readonly groups?: number
  readonly seed?: number
  readonly config?: Partial<PartitionConfig>
  readonly checkpoints?: CheckpointLimits
}

export interface Produced {
  readonly replies: Array<AppendReply>
}

export interface ProduceInput {
  readonly records?: ReadonlyArray<RecordInput>
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly acks?: -1 | 1
  readonly wallMs?: number
}

interface InTransit {
  readonly group: GroupId
  readonly message: Message
}

export const memberOf = (node: number): string => `${node}/disk-${node}`
export const nodeOf = (member: string): number => Number(member.split("/")[0])

export class TestNode {
  readonly id: number
  readonly cluster: TestCluster
  wal: MemoryWal
  turn: TurnRunner
  partitions = new Map<GroupId, Partition>()
  up = true
  logged: Array<string> = []
  progress = 0
  backlog = new Backlog(64 << 20)
  incarnation = 0

  constructor(cluster: TestCluster, id: number, wal?: MemoryWal) {
    this.cluster = cluster
    this.id = id
    this.wal = wal ?? new MemoryWal({ onDurable: (through) => this.turn.durable(through) })
    this.turn = new TurnRunner(this.wal)
    this.open()
  }

  /** The process dies; the disk keeps what was fsynced and the first `keep` commits after it. */
  crash(keep = 0): void {
    this.up = false
    this.wal = this.wal.crash(keep, { onDurable: (through) => this.turn.durable(through) })
    for (const partition of this.partitions.values()) partition.close()
    this.partitions.clear()
  }

  restart(): void {
    this.up = true
    this.incarnation++
    this.turn = new TurnRunner(this.wal)
    this.backlog = new Backlog(64 << 20)
    this.open()
  }

  private open(): void {
    for (let group = 1; group <= this.cluster.groups; group++) {
      this.partitions.set(group, this.openPartition(group))
    }
  }

  private openPartition(group: GroupId): Partition {
    const { cluster, turn } = this
    return new Partition({
      info: { topic: "t", topicId: "0".repeat(32), partition: group - 1, group },
      self: memberOf(this.id),
      members: cluster.members,
      nodeOf,
      config: cluster.config,
      raft: cluster.raftConfig(this.id, group),
      wal: this.wal,
      outbox: {
        send: (to, message) => cluster.send(to, message),
        log: (_, line) => this.logged.push(line),
      },
      onDirty: (dirty) => turn.markDirty(dirty),
      onProgress: () => this.progress++,
      backlog: this.backlog,
      checkpoints: cluster.checkpoints,
    })
  }
}

export class TestCluster {
  readonly groups: number
  readonly members: ReadonlyArray<string>
  readonly config: PartitionConfig
  readonly checkpoints: CheckpointLimits
  readonly nodes: Array<TestNode>
  readonly prng: Prng
  readonly seed: number
  transit: Array<InTransit> = []
  cuts = new Set<string>()
  nowMs = 1_000_000

  constructor(options: ClusterOptions = {}) {
    const { nodes = 3, groups = 1, seed = 1, config = {} } = options
    this.groups = groups
    this.checkpoints = options.checkpoints ?? defaultCheckpointLimits
    this.seed = seed
    this.prng = new Prng(seed)
    this.config = { ...defaultPartitionConfig, ...config }
    this.members = Array.from({ length: nodes }, (_, id) => memberOf(id))
    this.nodes = this.members.map((_, id) => new TestNode(this, id))
  }

  raftConfig(id: number, group: GroupId): RaftConfig {
    return {
      id: memberOf(id),
      bootstrap: {
        voters: this.members,
        votersOutgoing: [],
        learners: [],
        learnersNext: [],
        witnesses: [],
      },
      electionTicks: 10,
      heartbeatTicks: 3,
      quiesceTicks: 0,
      commitNoticeTicks: 0,
      appendBytesMax: 1 << 20,
      inflightMessagesMax: 64,
      inflightBytesMax: 8 << 20,
      seed: this.seed * 1000 + group * 10 + id,
    }
  }

  send(group: GroupId, message: Message): void {
    this.transit.push({ group, message })
  }

  at(node: number, group = 1): Partition {
    const partition = this.nodes[node]!.partitions.get(group)
    if (partition === undefined) throw new Error(`node ${node} is down`)
    return partition
  }

  /** Everything that is up, each a turn. */
  turns(): void {
    for (const node of this.nodes) if (node.up) node.turn.run()
  }

  flush(): void {
    for (const node of this.nodes) if (node.up) node.wal.flush()
  }

  cut(from: number, to: number): void {
    this.cuts.add(`${from}>${to}`)
  }

  isolate(node: number): void {
    for (const other of this.nodes) {
      if (other.id === node) continue
      this.cut(node, other.id)
      this.cut(other.id, node)
    }
  }

  heal(): void {
    this.cuts.clear()
  }

  deliver(at = 0): void {
    const [sent] = this.transit.splice(at, 1)
    if (sent === undefined) return
    const { group, message } = sent
    const to = this.nodes[nodeOf(message.to)]!
    if (!to.up || this.cuts.has(`${nodeOf(message.from)}>${to.id}`)) return
    to.partitions.get(group)?.raftGroup.step(copyOf(message))
  }

  /** Turns, fsyncs and messages until nothing moves. */
  settle(): void {
    for (let i = 0; i < 10_000; i++) {
      this.turns()
      this.flush()
      this.turns()
      if (this.transit.length === 0) {
        const busy = this.nodes.some(
          ({ up, turn, wal }) => up && (turn.dirty || wal.pendingCommits),
        )
        if (!busy) return
      }
      for (let left = this.transit.length; left > 0; left--) this.deliver()
    }
    throw new Error("the cluster does not come to rest")
  }

  tick(count = 1): void {
    for (let i = 0; i < count; i++) {
      this.nowMs += 25
      for (const node of this.nodes) {
        if (!node.up) continue
        for (const partition of node.partitions.values()) {
          partition.raftGroup.tick()
          partition.tick(this.nowMs)
        }
      }
      this.settle()
    }
  }

  /** `node` leads the group and has committed its no-op. */
  elect(node: number, group = 1): Partition {
    const partition = this.at(node, group)
    for (let i = 0; i < 40 && !partition.readyToServe; i++) {
      if (!partition.isLeader) partition.raftGroup.campaign("assigned")
      this.settle()
      if (!partition.readyToServe) this.tick()
    }
    if (!partition.readyToServe) throw new Error(`node ${node} was not elected`)
    // A heartbeat later everybody knows the commit index.
    this.tick(4)
    return partition
  }

  leaderOf(group = 1): Partition | undefined {
    const leaders = this.nodes
      .filter(({ up }) => up)
      .map(({ partitions }) => partitions.get(group)!)
      .filter(({ isLeader }) => isLeader)
    return leaders.sort((a, b) => b.leaderEpoch - a.leaderEpoch)[0]
  }

  produce(partition: Partition, input: ProduceInput = {}): Produced {
    const produced: Produced = { replies: [] }
    const records = buildBatch({
      records: input.records ?? [{ value: "v", timestamp: this.nowMs }],
      producerId: input.producerId ?? -1,
      producerEpoch: input.producerEpoch ?? (input.producerId === undefined ? -1 : 0),
      baseSequence: input.baseSequence ?? -1,
    })
    const header = readBatchHeader(records)!
    partition.append(
      { header, records, recordCount: header.recordCount },
      { acks: input.acks ?? -1, wallMs: input.wallMs ?? this.nowMs },
      (reply) => produced.replies.push(reply),
    )
    return produced
  }

  /** Produces and waits for the one answer. */
  produced(partition: Partition, input: ProduceInput = {}): AppendReply {
    const { replies } = this.produce(partition, input)
    this.settle()
    if (replies.length !== 1) throw new Error(`${replies.length} answers`)
    return replies[0]!
  }
}

/** Every disk has its own entries: one may rot without the others. */
const copyOf = (message: Message): Message =>
  message._tag === "AppendEntries"
    ? { ...message, entries: message.entries.map((entry) => ({ ...entry })) }
    : message
