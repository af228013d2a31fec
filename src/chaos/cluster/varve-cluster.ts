/**
 * A cluster of varve's brokers for chaos: formed and started by the command line, as a user's is,
 * with the proxy in every link.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs"
import { existsSync, mkdirSync } from "node:fs"
import { join, resolve } from "node:path"
import type { Capability, ChaosNode, Endpoint, StartOptions } from "../cluster.ts"
import type { Disks } from "../disk/disks.ts"
import { ChaosProxy } from "../proxy/chaos-proxy.ts"
import type { DoorSpec } from "../proxy/chaos-proxy.ts"
import type { LinkSpec } from "../proxy/proxied-link.ts"
import type { WireTap } from "../proxy/wire-tap.ts"
import type { BrokerCommand } from "./broker-process.ts"
import { directedPairs, endpoint, folderOf, formatEndpoint, nodesAt, outputOf } from "./places.ts"
import type { NodeNames } from "./places.ts"
import { freePorts } from "./ports.ts"
import { ProcessCluster } from "./process-cluster.ts"
import { ProcessGuard } from "./process-guard.ts"

export interface VarveClusterOptions {
  /** Of the run's; `broker-<i>` in it are the brokers' folders, which must not be there yet. */
  readonly dir: string
  readonly nodes: number
  /** Of the proxy's chance. */
  readonly seed: number
  /** By Kafka's names; for all brokers. */
  readonly settings?: Readonly<Record<string, string>>
  /** A bug of `plants/`, in all brokers. */
  readonly plant?: string
  /** How a broker is started every time; what `start` is given comes on top, for that time. */
  readonly start?: (id: number, dir: string) => StartOptions
  /** What `start` makes possible. */
  readonly capabilities?: Iterable<Capability>
  readonly disks?: Disks
  /** Of one start, until the broker takes connections, and of all of them until they are ready. */
  readonly startTimeoutMs?: number
  readonly tap?: WireTap
  readonly onExit?: (node: number, how: string, expected: boolean) => void
}

export class VarveCluster extends ProcessCluster {
  private readonly plantMark: string | undefined

  constructor(
    options: ConstructorParameters<typeof ProcessCluster>[0],
    plantMark: string | undefined,
  ) {
    super(options)
    this.plantMark = plantMark
  }

  /** Whether any broker has loaded what is planted; true where nothing is. */
  get plantIsLoaded(): boolean {
    return this.plantMark === undefined || existsSync(this.plantMark)
  }
}

const root = join(import.meta.dir, "..", "..", "..")
const cli = join(root, "src", "cli", "main.ts")
/** Not the bundle: what is preloaded patches sources. */
const program = join(root, "src", "cli", "start.ts")
const plantPreload = join(root, "src", "chaos", "plants", "preload.ts")
/** Much longer than it takes: machines that run chaos are busy. */
const startTimeoutMs = 60_000

/** Forms a cluster, starts it, and resolves when all brokers are ready. Throws with their lines. */
export async function startVarveCluster(options: VarveClusterOptions): Promise<VarveCluster> {
  const dir = resolve(options.dir)
  mkdirSync(dir, { recursive: true })
  const guard = new ProcessGuard()
  try {
    await formFolders(dir, options)
    const nodes = nodesAt(dir, await freePorts(2 * options.nodes), logFileOf)
    const { doors, spare } = await placeDoors(nodes)
    for (const node of nodes) writePlace(node, nodes, doors, endpoint(spare[node.id]))
    const cluster = makeCluster(dir, options, guard, nodes, doors)
    try {
      await Promise.all(nodes.map(({ id }) => cluster.start(id)))
      await cluster.untilReady()
      return cluster
    } catch (error) {
      await cluster.dispose()
      throw error
    }
  } catch (error) {
    await guard.dispose()
    throw error
  }
}

async function formFolders(dir: string, options: VarveClusterOptions): Promise<void> {
  const settings = Object.entries(options.settings ?? {})
  const words = ["cluster", "--form-only", "--dir", dir, "--nodes", String(options.nodes)].concat(
    settings.flatMap(([key, value]) => ["--set", `${key}=${value}`]),
  )
  const child = Bun.spawn([process.execPath, cli, ...words], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  })
  const said = await new Response(child.stderr).text()
  if ((await child.exited) !== 0) throw new Error(`varve ${words.join(" ")}: ${said.trim()}`)
}

/**
 * A port of the proxy for each link from clients, and for each pair of brokers both ways; `spare`:
 * one more port for each broker.
 */
export async function placeDoors(nodes: ReadonlyArray<ChaosNode>): Promise<{
  readonly doors: ReadonlyArray<DoorSpec>
  readonly spare: ReadonlyArray<number>
}> {
  const pairs = directedPairs(nodes)
  const taken = new Set(nodes.flatMap(({ address, direct }) => [address.port, direct.port]))
  const wanted = pairs.length + nodes.length
  const free = (await freePorts(wanted + taken.size)).filter((port) => !taken.has(port))
  const toClients = nodes.map(({ id, address, direct }): DoorSpec => ({
    from: "clients",
    to: id,
    listen: address,
    target: direct,
  }))
  const between = pairs.map(({ from, to }, i): DoorSpec => ({
    from: from.id,
    to: to.id,
    listen: endpoint(free[i]),
    target: to.direct,
  }))
  return { doors: [...toClients, ...between], spare: free.slice(pairs.length) }
}

export function linkOf({ from, to }: DoorSpec): LinkSpec {
  if (typeof from === "function") throw new Error("every link has a door of its own")
  return { link: { from, to }, protocol: from === "clients" ? "kafka" : "varve-peers" }
}

/** Where the broker is and whom it dials where, in its broker.json. */
export function writePlace(
  node: ChaosNode,
  nodes: ReadonlyArray<ChaosNode>,
  doors: ReadonlyArray<DoorSpec>,
  http: Endpoint,
): void {
  const file = join(node.dir, "broker.json")
  const peers = nodes.map(({ id, direct }) => {
    const door = doors.find(({ from, to }) => from === node.id && to === id)
    return `${id}@${formatEndpoint(door?.listen ?? direct)}`
  })
  const json = {
    ...readStrings(file),
    listeners: `PLAINTEXT://${formatEndpoint(node.direct)}`,
    "advertised.listeners": `PLAINTEXT://${formatEndpoint(node.address)}`,
    "varve.peers": peers.join(","),
    "varve.http.listener": formatEndpoint(http),
  }
  writeFileSync(`${file}.new`, `${JSON.stringify(json, null, 2)}\n`)
  renameSync(`${file}.new`, file)
}

function readStrings(file: string): Readonly<Record<string, string>> {
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"))
  if (typeof parsed !== "object" || parsed === null) throw new Error(`${file} is no object`)
  return Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, String(value)]))
}

function makeCluster(
  dir: string,
  options: VarveClusterOptions,
  guard: ProcessGuard,
  nodes: ReadonlyArray<ChaosNode>,
  doors: ReadonlyArray<DoorSpec>,
): VarveCluster {
  const { plant, start, seed, tap, onExit } = options
  const plantMark = plant === undefined ? undefined : join(dir, "plant-loaded")
  const planted: StartOptions =
    plant === undefined || plantMark === undefined
      ? {}
      : {
          preload: [plantPreload],
          // Somebody else looks whether it was loaded: a broker that is killed cannot.
          env: { CHAOS_PLANT: plant, CHAOS_PLANT_MARK: plantMark },
        }
  return new VarveCluster(
    {
      product: "varve",
      version: versionOf(),
      nodes,
      capabilities: new Set([
        ...alone,
        ...(nodes.length > 1 ? together : []),
        ...(options.capabilities ?? []),
      ]),
      network: new ChaosProxy({ links: doors.map(linkOf), doors, seed, tap }),
      guard,
      disks: options.disks,
      startTimeoutMs: options.startTimeoutMs ?? startTimeoutMs,
      command: (id, once) =>
        brokerCommand(dir, id, [planted, start?.(id, folderOf({ dir, id })) ?? {}, once]),
      outputFile: (id) => outputOf({ dir, id }),
      doorsOpen: "listening",
      readyLine: /^ready/m,
      onExit: onExit ?? (() => {}),
    },
    plantMark,
  )
}

const alone: ReadonlyArray<Capability> = ["signals", "clientLinks"]
/** What needs another broker. */
const together: ReadonlyArray<Capability> = ["peerLinks", "peerFrames", "membership", "transfer"]

function brokerCommand(
  dir: string,
  id: number,
  options: ReadonlyArray<StartOptions>,
): BrokerCommand {
  const preloads = options.flatMap(({ preload = [] }) => preload)
  const words = [
    process.execPath,
    ...preloads.flatMap((module) => ["--preload", module]),
    program,
    "--config",
    join(folderOf({ dir, id }), "broker.json"),
    "--supervised",
    ...options.flatMap(({ flags = [] }) => flags),
  ]
  return { words, env: Object.assign({}, ...options.map(({ env }) => env)) }
}

function versionOf(): string {
  return readStrings(join(root, "package.json"))["version"] ?? "?"
}

const logFileOf = (names: NodeNames): string => join(folderOf(names), "broker.log")
