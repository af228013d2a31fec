import type { Capability, ChaosCluster, ChaosNode, SignalName } from "../../../src/chaos/cluster.ts"
import type { Move, PartitionSeen } from "../../../src/chaos/faults/admin.ts"
import type { ProcessState } from "../../../src/chaos/cluster/process-state.ts"
import type { FaultTools } from "../../../src/chaos/faults/tools.ts"
import { FakeNetwork } from "./fake-network.ts"
import { VirtualClock } from "./virtual-clock.ts"

/** Whether each of these takes orders and does nothing. */
export interface Neutral {
  signals?: boolean
  admin?: boolean
}

const everything: ReadonlyArray<Capability> = [
  "signals",
  "peerLinks",
  "peerFrames",
  "clientLinks",
  "files",
  "storage",
  "power",
  "clock",
  "membership",
  "transfer",
]

/** Brokers without processes, in virtual time; remembers what was done to them. */
export class FakeCluster implements ChaosCluster {
  readonly product = "varve"
  readonly version = "0"
  readonly capabilities = new Set(everything)
  readonly nodes: ReadonlyArray<ChaosNode>
  readonly bootstrap: ReadonlyArray<string>
  readonly network: FakeNetwork
  readonly clock = new VirtualClock()
  readonly calls: Array<string> = []
  readonly neutral: Neutral = {}
  /** Most brokers that were down or stopped at the same time. */
  downMax = 0
  startMs = 300
  partitions: Array<PartitionSeen>
  private readonly pids = new Map<number, number>()
  private readonly states = new Map<number, ProcessState>()
  private readonly exits = new Map<number, string>()
  private lastPid = 100

  constructor(nodes = 3) {
    this.network = new FakeNetwork(nodes, this.clock)
    this.nodes = Array.from({ length: nodes }, (_, id) => ({
      id,
      address: { host: "proxy", port: id },
      direct: { host: "direct", port: id },
      dir: `broker-${id}`,
      logFile: `broker-${id}.log`,
    }))
    this.bootstrap = this.nodes.map(({ address }) => `${address.host}:${address.port}`)
    for (const { id } of this.nodes) this.begin(id)
    const replicas = [0, 1, 2]
    const partitionOf = (topic: string, partition: number): PartitionSeen => ({
      topic,
      partition,
      leader: partition % 3,
      epoch: 1,
      replicas,
      inSync: replicas,
    })
    this.partitions = [
      ...[0, 1, 2, 3].map((partition) => partitionOf("orders", partition)),
      ...[0, 1, 2].map((partition) => partitionOf("__consumer_offsets", partition)),
    ]
  }

  pidOf(id: number): number | undefined {
    return this.pids.get(id)
  }

  stateOf(id: number): ProcessState {
    return this.states.get(this.pids.get(id) ?? -1) ?? "gone"
  }

  lastExit(id: number): string | undefined {
    return this.exits.get(id)
  }

  async signal(id: number, name: SignalName): Promise<void> {
    this.calls.push(`${name} ${id}`)
    await this.clock.sleep(1)
    const pid = this.pids.get(id)
    if (pid === undefined || (this.neutral.signals === true && name !== "SIGCONT")) return
    if (name === "SIGSTOP") this.states.set(pid, "stopped")
    else if (name === "SIGCONT") this.states.set(pid, "running")
    else this.end(id, name === "SIGTERM" ? "exit code 0" : name)
    const down = this.nodes.filter((node) => this.stateOf(node.id) !== "running").length
    this.downMax = Math.max(this.downMax, down)
  }

  async start(id: number): Promise<void> {
    this.calls.push(`start ${id}`)
    if (this.pids.has(id)) throw new Error(`broker ${id} runs`)
    const pid = this.begin(id)
    await this.clock.sleep(this.startMs)
    if (this.pids.get(id) !== pid) throw new Error(`broker ${id} ended while it started`)
  }

  dispose(): Promise<void> {
    return Promise.resolve()
  }

  /** As a broker does that ends by itself. */
  end(id: number, exit: string): void {
    this.states.delete(this.pids.get(id) ?? -1)
    this.pids.delete(id)
    this.exits.set(id, exit)
  }

  private begin(id: number): number {
    const pid = this.lastPid++
    this.pids.set(id, pid)
    this.states.set(pid, "running")
    return pid
  }

  readonly tools: FaultTools = {
    processState: (pid) => Promise.resolve(this.states.get(pid) ?? "gone"),
    answerMs: async ({ host, port }, timeoutMs) => {
      const trouble = this.network.troubleOf({ from: "clients", to: port })
      const isCut = host === "proxy" && trouble.cut !== undefined
      const lateMs = host === "proxy" ? 2 * (trouble.latencyMs ?? 0) + 1 : 1
      const answers = this.stateOf(port) === "running" && !isCut && lateMs <= timeoutMs
      await this.clock.sleep(answers ? lateMs : timeoutMs)
      return answers ? lateMs : undefined
    },
    partitions: async (_, topics) => {
      await this.clock.sleep(1)
      return this.partitions.filter(({ topic }) => topics.includes(topic))
    },
    metadataLeader: () => Promise.resolve({ leader: 1, epoch: 1 }),
    electPreferred: (_, moves) => this.elect(moves),
    reassign: (_, moves) => this.reassign(moves),
    reassigning: () => Promise.resolve(0),
  }

  private async elect(moves: ReadonlyArray<Move>): Promise<void> {
    this.calls.push(`elect ${moves.map(({ partition }) => partition).join(",")}`)
    await this.clock.sleep(1)
    if (this.neutral.admin === true) return
    this.change(moves, (p) => ({ ...p, leader: p.replicas[0] ?? -1, epoch: p.epoch + 1 }))
  }

  private async reassign(moves: ReadonlyArray<Move>): Promise<void> {
    const text = moves.map(({ partition, replicas }) => `${partition}:${replicas.join("")}`)
    this.calls.push(`reassign ${text.join(",")}`)
    await this.clock.sleep(1)
    if (this.neutral.admin === true) return
    this.change(moves, (p, { replicas }) => ({ ...p, replicas, inSync: replicas }))
  }

  private change(
    moves: ReadonlyArray<Move>,
    how: (seen: PartitionSeen, move: Move) => PartitionSeen,
  ): void {
    this.partitions = this.partitions.map((seen) => {
      const move = moves.find((m) => m.topic === seen.topic && m.partition === seen.partition)
      return move === undefined ? seen : how(seen, move)
    })
  }
}
