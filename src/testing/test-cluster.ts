/**
 * A cluster for a test of the user's own: started in a moment, hurt in the middle, and gone at the
 * end, whatever became of the test.
 */
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ChaosCluster, ChaosNode } from "../chaos/cluster.ts"
import { startVarveCluster } from "../chaos/cluster/varve-cluster.ts"
import type { Link, LinkTrouble } from "../chaos/network.ts"
import { Client, parseBootstrap } from "../client/index.ts"
import { startInProcessCluster } from "./in-process-cluster.ts"
import { createTopic } from "./new-topic.ts"
import type { NewTopic } from "./new-topic.ts"
import { makeTemporaryFolder } from "./temporary-folder.ts"
import { Views } from "./views.ts"

export interface TestClusterOptions {
  /** 3 unless said otherwise. */
  readonly nodes?: number
  /**
   * "in-process" unless said otherwise: the brokers live in the test's process, and are there in a
   * moment. "processes": each is a process, as in production; these can be paused, too.
   */
  readonly mode?: "in-process" | "processes"
  /** By Kafka's names, for all brokers: `{ "group.min.session.timeout.ms": "100" }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Of the proxy's chance: which frames and answers are troubled. 1 unless said otherwise. */
  readonly seed?: number
  /** A folder to keep, and to start from when a cluster's data are in it; else a temporary one. */
  readonly dir?: string
  /** Keeps the temporary folder, and says at the end where it is. */
  readonly keep?: boolean
  /** 30 s unless said otherwise. */
  readonly startTimeoutMs?: number
}

export interface WaitOptions {
  /** 30 s unless said otherwise. */
  readonly timeoutMs?: number
}

/** How a link is cut: see `LinkTrouble`. "drop" unless said otherwise: both ends see silence. */
export type Cut = NonNullable<LinkTrouble["cut"]>

export type Slowness = Pick<LinkTrouble, "latencyMs" | "jitterMs" | "bytesPerSecond">

/** What a link to or from a node is slowed down of. */
export interface SlowLinks {
  /** Of this node alone; of all of them unless said otherwise. */
  readonly node?: number
  /** "all" unless said otherwise. */
  readonly links?: "clients" | "peers" | "all"
}

const defaultTimeoutMs = 30_000

/** Small and quick: a test has few members and little to lose by that. */
const testSettings = {
  "offsets.topic.num.partitions": "3",
  "group.min.session.timeout.ms": "100",
  "varve.disk.reserve.bytes": "0",
}

/** Those that nobody has disposed of. */
const running = new Set<TestCluster>()

export class TestCluster {
  readonly #cluster: ChaosCluster
  readonly #home: Home
  readonly #views: Views
  readonly #clients: Array<Client> = []
  readonly #paused = new Set<number>()
  #admin: Client | undefined
  #disposing: Promise<void> | undefined

  /**
   * Resolves when all brokers serve. Rejects, with one line or the broker's last ones, when they do
   * not; nothing is left behind then.
   */
  static async start(options: TestClusterOptions = {}): Promise<TestCluster> {
    const home = homeOf(options)
    try {
      return new TestCluster(await startBrokers(home.dir, options), home)
    } catch (error) {
      await home.leave()
      throw error
    }
  }

  /**
   * Disposes of every cluster that is still there: for `afterEach`, since a test that times out
   * never comes to the end of its own block.
   */
  static async disposeAll(): Promise<void> {
    await Promise.all([...running].map((cluster) => cluster.dispose()))
  }

  private constructor(cluster: ChaosCluster, home: Home) {
    this.#cluster = cluster
    this.#home = home
    this.#views = new Views(cluster)
    running.add(this)
  }

  /** host:port of every node, behind commas: for `bootstrap.servers`. */
  get bootstrap(): string {
    return this.#cluster.bootstrap.join(",")
  }

  /** The same as a list: for clients that take one, as kafkajs' `brokers`. */
  get bootstrapList(): Array<string> {
    return [...this.#cluster.bootstrap]
  }

  get nodes(): ReadonlyArray<ChaosNode> {
    return this.#cluster.nodes
  }

  /** Of the brokers' folders and logs. */
  get dir(): string {
    return this.#home.dir
  }

  /** The cluster as varve's chaos sees it: every fault of a link, counters, capabilities. */
  get chaos(): ChaosCluster {
    return this.#cluster
  }

  /** A client of varve's own, closed with the cluster at the latest. */
  client(clientId = "test"): Client {
    const bootstrap = parseBootstrap(this.bootstrap) ?? []
    const client = new Client({ bootstrap, clientId })
    this.#clients.push(client)
    return client
  }

  /** Resolves when every partition has a leader and all its replicas are in sync. */
  async createTopic(topic: NewTopic | string, wait: WaitOptions = {}): Promise<void> {
    const wanted = typeof topic === "string" ? { name: topic } : topic
    await createTopic((this.#admin ??= this.client("test-admin")), wanted, this.nodes.length)
    const timeoutMs = wait.timeoutMs ?? defaultTimeoutMs
    await this.#views.untilWell(this.#reachable(), [wanted.name], timeoutMs)
  }

  /** The node that leads the partition; waits while nobody does. */
  leaderOf(topic: string, partition = 0, wait: WaitOptions = {}): Promise<number> {
    const timeoutMs = wait.timeoutMs ?? defaultTimeoutMs
    return this.#views.leaderOf(`${topic}/${partition}`, () => this.#reachable(), timeoutMs)
  }

  /** Those that run and are not paused. */
  get up(): ReadonlyArray<number> {
    return this.#reachable()
  }

  /** At once, as by SIGKILL: no hand-over, no good-bye; what is on disk stays. */
  async kill(node: number): Promise<void> {
    await this.#cluster.signal(node, "SIGKILL")
    this.#paused.delete(node)
  }

  /** Orderly, as by SIGTERM: hands over what it leads first. */
  async stop(node: number): Promise<void> {
    await this.resume(node)
    await this.#cluster.signal(node, "SIGTERM")
  }

  /** Resolves when it takes connections. */
  start(node: number): Promise<void> {
    return this.#cluster.start(node)
  }

  /** SIGSTOP: it is silent, and knows nothing of it. Of processes alone. */
  async pause(node: number): Promise<void> {
    await this.#cluster.signal(node, "SIGSTOP")
    this.#paused.add(node)
  }

  /** Nothing, if it is not paused. */
  async resume(node: number): Promise<void> {
    if (!this.#paused.delete(node)) return
    await this.#cluster.signal(node, "SIGCONT")
  }

  /** The node that led. */
  async killLeader(topic: string, partition = 0): Promise<number> {
    const leader = await this.leaderOf(topic, partition)
    await this.kill(leader)
    return leader
  }

  /** The node that led. Of processes alone. */
  async pauseLeader(topic: string, partition = 0): Promise<number> {
    const leader = await this.leaderOf(topic, partition)
    await this.pause(leader)
    return leader
  }

  /** Cuts a node off from all others; clients reach it as before. */
  isolate(node: number, cut: Cut = "drop"): void {
    this.partition([[node], this.nodes.map(({ id }) => id).filter((id) => id !== node)], cut)
  }

  /**
   * Cuts every link between brokers of different groups, both ways: `partition([[0], [1, 2]])`. A
   * broker in no group is cut off from nobody.
   */
  partition(groups: ReadonlyArray<ReadonlyArray<number>>, cut: Cut = "drop"): void {
    for (const from of groups) {
      for (const to of groups) if (from !== to) this.#cutAll(from, to, cut)
    }
  }

  /** No client reaches the node any more; other nodes do. */
  cutClients(node: number, cut: Cut = "refuse"): void {
    this.network.trouble({ from: "clients", to: node }, { cut })
  }

  /** In the place of what troubled these links before. Times and rates are of each way. */
  slow(slowness: Slowness, where: SlowLinks = {}): void {
    const { node, links = "all" } = where
    for (const link of this.network.links) {
      const isWanted = links === "all" || (links === "clients") === (link.from === "clients")
      const isThere = node === undefined || link.to === node || link.from === node
      if (isWanted && isThere) this.network.trouble(link, slowness)
    }
  }

  /** RST on every connection from clients to the node; how many there were. */
  resetConnections(node: number): number {
    return this.network.reset({ from: "clients", to: node })
  }

  /** Every directed link by itself: one-way cuts, held-back and doubled frames, counters. */
  get network(): ChaosCluster["network"] {
    return this.#cluster.network
  }

  /**
   * Ends all trouble: links are healed, who is paused goes on, who is down is started. Resolves
   * when every broker sees all others, every partition has a leader and all its replicas are in
   * sync. Rejects, with what is missing, when that takes too long.
   */
  async heal(wait: WaitOptions = {}): Promise<void> {
    const { timeoutMs = defaultTimeoutMs } = wait
    this.network.healAll()
    await Promise.all([...this.#paused].map((node) => this.resume(node)))
    const down = this.nodes.filter(({ id }) => this.#cluster.pidOf(id) === undefined)
    await Promise.all(down.map(({ id }) => this.start(id)))
    await this.#views.untilWell(
      this.nodes.map(({ id }) => id),
      undefined,
      timeoutMs,
    )
  }

  /** Ends everything, whatever state it is in. Idempotent. */
  dispose(): Promise<void> {
    this.#disposing ??= this.#dispose()
    return this.#disposing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  async #dispose(): Promise<void> {
    try {
      for (const client of this.#clients) client.close()
      this.#views.dispose()
      await this.#cluster.dispose()
    } finally {
      running.delete(this)
      await this.#home.leave()
    }
  }

  #reachable(): ReadonlyArray<number> {
    const ids = this.nodes.map(({ id }) => id)
    return ids.filter((id) => this.#cluster.pidOf(id) !== undefined && !this.#paused.has(id))
  }

  #cutAll(from: ReadonlyArray<number>, to: ReadonlyArray<number>, cut: Cut): void {
    const links = from.flatMap((one): Array<Link> => to.map((other) => ({ from: one, to: other })))
    for (const link of links) this.network.trouble(link, { cut })
  }
}

function startBrokers(dir: string, options: TestClusterOptions): Promise<ChaosCluster> {
  const { nodes = 3, mode = "in-process", seed = 1, startTimeoutMs = defaultTimeoutMs } = options
  if (!Number.isSafeInteger(nodes) || nodes < 1 || nodes > 15) {
    throw new RangeError(`nodes: expected a whole number from 1 to 15, got ${nodes}`)
  }
  const settings = { ...testSettings, ...options.settings }
  const common = { dir, nodes, settings, seed, startTimeoutMs, onExit: tellEnd }
  return mode === "processes" ? startVarveCluster(common) : startInProcessCluster(common)
}

function tellEnd(node: number, how: string, expected: boolean): void {
  if (!expected) console.error(`varve/testing: broker ${node} has ended by itself: ${how}`)
}

/** Where the brokers' folders are. */
interface Home {
  readonly dir: string
  /** When all brokers have ended. */
  leave(): Promise<void>
}

function homeOf({ dir, keep }: TestClusterOptions): Home {
  if (dir !== undefined) return { dir, leave: () => Promise.resolve() }
  if (keep !== true) {
    const folder = makeTemporaryFolder()
    return { dir: folder.path, leave: () => folder.remove() }
  }
  const kept = mkdtempSync(join(tmpdir(), "varve-test-"))
  const leave = () => Promise.resolve(console.error(`varve/testing: kept ${kept}`))
  return { dir: kept, leave }
}
