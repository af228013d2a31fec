/** A cluster of brokers as processes behind the proxy, whatever product they are. */
import type {
  Capability,
  ChaosCluster,
  ChaosNode,
  Endpoint,
  SignalName,
  StartOptions,
} from "../cluster.ts"
import type { Disks } from "../disk/disks.ts"
import type { ChaosProxy } from "../proxy/chaos-proxy.ts"
import { BrokerProcess } from "./broker-process.ts"
import type { BrokerCommand } from "./broker-process.ts"
import type { ProcessGuard } from "./process-guard.ts"

export interface ProcessClusterOptions {
  readonly product: "varve" | "kafka"
  readonly version: string
  readonly nodes: ReadonlyArray<ChaosNode>
  readonly capabilities: ReadonlySet<Capability>
  readonly network: ChaosProxy
  readonly guard: ProcessGuard
  readonly disks: Disks | undefined
  readonly startTimeoutMs: number
  readonly command: (id: number, options: StartOptions) => BrokerCommand
  /** For what a broker says on standard output and error. */
  readonly outputFile: (id: number) => string
  /** Which port says that a broker takes connections; its own for clients if left out. */
  readonly probe?: (id: number) => Endpoint
  /**
   * The proxy takes connections for a broker from when on: as soon as that broker does, or at once
   * ("spawned"), for brokers that need the others before they listen.
   */
  readonly doorsOpen: "listening" | "spawned"
  /** What a broker says on its output when it serves as a part of the cluster. */
  readonly readyLine: RegExp
  /** A broker has ended; `expected`: by a signal of ours. */
  readonly onExit: (id: number, how: string, expected: boolean) => void
}

export class ProcessCluster implements ChaosCluster {
  readonly product: "varve" | "kafka"
  readonly version: string
  readonly nodes: ReadonlyArray<ChaosNode>
  readonly capabilities: ReadonlySet<Capability>
  readonly bootstrap: ReadonlyArray<string>
  readonly network: ChaosProxy
  /** Ends processes when this one is gone; also for those that are not brokers. */
  readonly guard: ProcessGuard
  declare readonly disks?: Disks
  private readonly options: ProcessClusterOptions
  private readonly processes: ReadonlyMap<number, BrokerProcess>
  private isDisposed = false

  constructor(options: ProcessClusterOptions) {
    const { product, version, nodes, capabilities, network, guard, disks } = options
    this.product = product
    this.version = version
    this.nodes = nodes
    this.capabilities = capabilities
    this.network = network
    this.guard = guard
    if (disks !== undefined) this.disks = disks
    this.options = options
    this.bootstrap = nodes.map(({ address }) => `${address.host}:${address.port}`)
    this.processes = new Map(nodes.map((node) => [node.id, this.processOf(node)]))
  }

  pidOf(id: number): number | undefined {
    return this.process(id).pid
  }

  lastExit(id: number): string | undefined {
    return this.process(id).lastExit
  }

  signal(id: number, name: SignalName): Promise<void> {
    return this.process(id).signal(name)
  }

  async start(id: number, options: StartOptions = {}): Promise<void> {
    if (this.isDisposed) throw new Error("the cluster is disposed of")
    const broker = this.process(id)
    broker.spawn(this.options.command(id, options))
    if (this.options.doorsOpen === "spawned") this.network.targetUp(id)
    await broker.untilListening(this.options.startTimeoutMs)
    this.network.targetUp(id)
  }

  /** Until every broker that runs serves as a part of the cluster. Rejects when one ends. */
  async untilReady(timeoutMs = this.options.startTimeoutMs): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    const running = [...this.processes.values()].filter(({ pid }) => pid !== undefined)
    await Promise.all(running.map((broker) => broker.untilSaid(this.options.readyLine, deadlineMs)))
  }

  async dispose(): Promise<void> {
    if (this.isDisposed) return
    this.isDisposed = true
    await Promise.all([...this.processes.values()].map((broker) => broker.dispose()))
    this.disks?.end()
    this.network.dispose()
    await this.guard.dispose()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  private process(id: number): BrokerProcess {
    const found = this.processes.get(id)
    if (found === undefined) throw new RangeError(`there is no broker ${id}`)
    return found
  }

  private processOf({ id, direct }: ChaosNode): BrokerProcess {
    const { guard, outputFile, onExit, probe } = this.options
    return new BrokerProcess({
      id,
      guard,
      probe: probe?.(id) ?? direct,
      outputFile: outputFile(id),
      ended: (how, expected) => {
        this.network.targetDown(id)
        onExit(id, how, expected)
      },
    })
  }
}
