/**
 * A cluster whose brokers run in this process, each with sockets, a folder and a log of its own,
 * and the proxy in every link. It starts in a fraction of a second; what needs a process (SIGSTOP,
 * a disk that fails) it cannot do.
 */
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { placeDoors, linkOf, writePlace } from "../chaos/cluster/varve-cluster.ts"
import type { ChaosCluster, ChaosNode, SignalName } from "../chaos/cluster.ts"
import { endpoint, formatEndpoint, nodesAt } from "../chaos/cluster/places.ts"
import { freePorts } from "../chaos/cluster/ports.ts"
import { ChaosProxy } from "../chaos/proxy/chaos-proxy.ts"
import { prepareCluster } from "../cli/cluster-folder.ts"
import { InProcessBroker } from "./in-process-broker.ts"
import { version } from "../cli/version.ts"

export interface InProcessOptions {
  readonly dir: string
  readonly nodes: number
  readonly settings: Readonly<Record<string, string>>
  readonly seed: number
  readonly startTimeoutMs: number
  readonly onExit: (node: number, how: string, expected: boolean) => void
}

/** Ports are looked for, not kept: somebody else may be quicker. */
const attemptsMax = 3

export async function startInProcessCluster(options: InProcessOptions): Promise<InProcessCluster> {
  for (let attempt = 1; ; attempt++) {
    const cluster = await formCluster(options)
    try {
      await cluster.startAll(options.startTimeoutMs)
      return cluster
    } catch (error) {
      await cluster.dispose()
      if (attempt === attemptsMax || !isPortTaken(error)) throw error
    }
  }
}

const isPortTaken = (error: unknown): boolean =>
  error instanceof Error && /cannot listen|EADDRINUSE/.test(error.message)

async function formCluster(options: InProcessOptions): Promise<InProcessCluster> {
  const { dir, nodes: count, settings: sets } = options
  mkdirSync(dir, { recursive: true })
  // Ports of its own choosing, which `writePlace` replaces.
  prepareCluster({ dir, nodes: count, port: 9092, httpPort: 8080, sets })
  const nodes = nodesAt(dir, await freePorts(2 * count), (names) =>
    join(names.dir, `broker-${names.id}`, "broker.log"),
  )
  const { doors, spare } = await placeDoors(nodes)
  for (const node of nodes) writePlace(node, nodes, doors, endpoint(spare[node.id]))
  const network = new ChaosProxy({ links: doors.map(linkOf), doors, seed: options.seed })
  return new InProcessCluster(nodes, network, options.onExit)
}

export class InProcessCluster implements ChaosCluster {
  readonly product = "varve"
  readonly version = version
  readonly nodes: ReadonlyArray<ChaosNode>
  readonly capabilities: ChaosCluster["capabilities"]
  readonly bootstrap: ReadonlyArray<string>
  readonly network: ChaosProxy
  readonly #brokers: ReadonlyMap<number, InProcessBroker>
  readonly #exits = new Map<number, string>()
  #isDisposed = false

  constructor(
    nodes: ReadonlyArray<ChaosNode>,
    network: ChaosProxy,
    onExit: InProcessOptions["onExit"],
  ) {
    this.nodes = nodes
    this.network = network
    this.capabilities = new Set([
      "peerLinks",
      "peerFrames",
      "clientLinks",
      "membership",
      "transfer",
    ])
    this.bootstrap = nodes.map(({ address }) => formatEndpoint(address))
    this.#brokers = new Map(
      nodes.map(({ id, dir, logFile }) => [
        id,
        new InProcessBroker({
          id,
          config: join(dir, "broker.json"),
          logFile,
          ended: (how, expected) => {
            this.network.targetDown(id)
            this.#exits.set(id, how)
            onExit(id, how, expected)
          },
        }),
      ]),
    )
  }

  async startAll(timeoutMs: number): Promise<void> {
    await Promise.all(this.nodes.map(({ id }) => this.start(id)))
    const ready = Promise.all([...this.#brokers.values()].map((broker) => broker.untilReady()))
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(new Error(`the brokers did not become ready within ${timeoutMs} ms`))
    }, timeoutMs)
    await Promise.race([ready, late.promise]).finally(() => clearTimeout(timer))
  }

  /** Of this process, while the broker runs. */
  pidOf(id: number): number | undefined {
    return this.#broker(id).isUp ? process.pid : undefined
  }

  lastExit(id: number): string | undefined {
    return this.#exits.get(id)
  }

  /** Kills (SIGKILL) or stops (SIGTERM) the one broker. */
  async signal(id: number, name: SignalName): Promise<void> {
    const broker = this.#broker(id)
    if (name === "SIGSTOP" || name === "SIGCONT") {
      throw new Error(
        "brokers of one process cannot be paused: start the cluster with mode processes",
      )
    }
    if (!broker.isUp) throw new Error(`${name}: broker ${id} is down`)
    if (name === "SIGTERM") return broker.stop()
    const killed = broker.kill()
    this.network.targetDown(id)
    return killed
  }

  async start(id: number): Promise<void> {
    if (this.#isDisposed) throw new Error("the cluster is disposed of")
    await this.#broker(id).start()
    this.network.targetUp(id)
  }

  async dispose(): Promise<void> {
    if (this.#isDisposed) return
    this.#isDisposed = true
    await Promise.all([...this.#brokers.values()].map((broker) => broker.kill()))
    this.network.dispose()
  }

  #broker(id: number): InProcessBroker {
    const found = this.#brokers.get(id)
    if (found === undefined) throw new RangeError(`there is no broker ${id}`)
    return found
  }
}
