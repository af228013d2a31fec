/**
 * A cluster of Apache Kafka's brokers for chaos, each a controller too: the same faults and
 * workloads against it are the honest comparison. Which broker dials which is told from the client
 * ids that Kafka gives its own connections, for all of them are given one address per broker.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { join, resolve } from "node:path"
import type { Capability, ChaosNode, Endpoint } from "../cluster.ts"
import { ChaosProxy } from "../proxy/chaos-proxy.ts"
import type { DoorSpec } from "../proxy/chaos-proxy.ts"
import type { WireTap } from "../proxy/wire-tap.ts"
import { directedPairs, endpoint, formatEndpoint, nodesAt, outputOf } from "./places.ts"
import { freePorts } from "./ports.ts"
import { ProcessCluster } from "./process-cluster.ts"
import { ProcessGuard } from "./process-guard.ts"

export interface KafkaClusterOptions {
  /** Of the run's; `broker-<i>` in it are the brokers' folders, which must not be there yet. */
  readonly dir: string
  readonly nodes: number
  readonly seed: number
  /**
   * A program with Kafka's tools by their names and `start --config FILE` for a broker in the
   * foreground.
   */
  readonly command: string
  /** By Kafka's names; for all brokers. */
  readonly settings?: Readonly<Record<string, string>>
  /** Of one start, and of all of them until they serve: a JVM takes its time. */
  readonly startTimeoutMs?: number
  readonly tap?: WireTap
  readonly onExit?: (node: number, how: string, expected: boolean) => void
}

/** Of the broker alone: where it listens for the others, and where the proxy does in its place. */
interface InnerPlace {
  readonly id: number
  readonly brokers: Endpoint
  readonly brokersByProxy: Endpoint
  readonly controllers: Endpoint
  readonly controllersByProxy: Endpoint
}

const startTimeoutMs = 120_000
const heap = "-Xmx512M -Xms128M"

const capabilities: ReadonlySet<Capability> = new Set([
  "signals",
  "clientLinks",
  "peerLinks",
  "membership",
  "transfer",
])

/** Formats the folders, starts the brokers, and resolves when all of them serve. */
export async function startKafkaCluster(options: KafkaClusterOptions): Promise<ProcessCluster> {
  const { command, seed, tap, onExit } = options
  const dir = resolve(options.dir)
  if (!existsSync(command)) throw new Error(`${command}: no such program`)
  mkdirSync(dir, { recursive: true })
  const ports = await freePorts(6 * options.nodes)
  const nodes = nodesAt(dir, ports.slice(0, 2 * options.nodes), outputOf)
  const inner = nodes.map(({ id }) => innerPlace(id, ports.slice(2 * options.nodes)))
  for (const node of nodes) writeProperties(node, inner, options.settings ?? {})
  await Promise.all(nodes.map((node) => formatFolder(command, node)))
  const links = [
    ...nodes.map(({ id }) => ({ from: "clients" as const, to: id })),
    ...directedPairs(nodes).map(({ from, to }) => ({ from: from.id, to: to.id })),
  ]
  const cluster = new ProcessCluster({
    product: "kafka",
    version: versionOf(command),
    nodes,
    capabilities,
    network: new ChaosProxy({
      links: links.map((link) => ({ link, protocol: "kafka" })),
      doors: nodes.flatMap((node) => doorsOf(node, inner)),
      seed,
      tap,
    }),
    guard: new ProcessGuard(),
    disks: undefined,
    startTimeoutMs: options.startTimeoutMs ?? startTimeoutMs,
    command: (id, { env = {}, flags = [] }) => ({
      words: [command, "start", "--config", propertiesOf(dir, id), ...flags],
      env: { KAFKA_HEAP_OPTS: heap, ...env },
    }),
    outputFile: (id) => outputOf({ dir, id }),
    // The port for clients comes only when most of the cluster is there.
    probe: (id) => placeOf(id, inner).controllers,
    doorsOpen: "spawned",
    readyLine: /Kafka Server started/,
    onExit: onExit ?? (() => {}),
  })
  try {
    await Promise.all(nodes.map(({ id }) => cluster.start(id)))
    await cluster.untilReady()
    return cluster
  } catch (error) {
    await cluster.dispose()
    throw error
  }
}

/**
 * The broker that has such a client id: Kafka's raft, what fetches from leaders, what writes
 * transaction markers, and what talks to the controller.
 */
export function brokerOfClientId(clientId: string): number | undefined {
  const match = /^(?:raft-client-(\d+)|broker-(\d+)-.+|(\d+))$/.exec(clientId)
  const id = match?.[1] ?? match?.[2] ?? match?.[3]
  return id === undefined ? undefined : Number(id)
}

function innerPlace(id: number, ports: ReadonlyArray<number>): InnerPlace {
  const [brokers, brokersByProxy, controllers, controllersByProxy] = ports
    .slice(4 * id, 4 * id + 4)
    .map(endpoint)
  if (!brokers || !brokersByProxy || !controllers || !controllersByProxy) {
    throw new Error("too few ports")
  }
  return { id, brokers, brokersByProxy, controllers, controllersByProxy }
}

function placeOf(id: number, inner: ReadonlyArray<InnerPlace>): InnerPlace {
  const own = inner.find((place) => place.id === id)
  if (own === undefined) throw new Error(`broker ${id} has no ports`)
  return own
}

const listeners = (clients: Endpoint, brokers: Endpoint, controllers: Endpoint): string =>
  [
    `PLAINTEXT://${formatEndpoint(clients)}`,
    `INTERNAL://${formatEndpoint(brokers)}`,
    `CONTROLLER://${formatEndpoint(controllers)}`,
  ].join(",")

function doorsOf(
  { id, address, direct }: ChaosNode,
  inner: ReadonlyArray<InnerPlace>,
): ReadonlyArray<DoorSpec> {
  const own = placeOf(id, inner)
  const from = brokerOfClientId
  return [
    { from: "clients", to: id, listen: address, target: direct },
    { from, to: id, listen: own.brokersByProxy, target: own.brokers },
    { from, to: id, listen: own.controllersByProxy, target: own.controllers },
  ]
}

function writeProperties(
  { id, address, direct, dir }: ChaosNode,
  inner: ReadonlyArray<InnerPlace>,
  settings: Readonly<Record<string, string>>,
): void {
  const own = placeOf(id, inner)
  const replicas = String(Math.min(3, inner.length))
  const inSync = String(Math.min(2, inner.length))
  const properties = {
    "process.roles": "broker,controller",
    "node.id": String(id),
    "controller.quorum.voters": inner
      .map((place) => `${place.id}@${formatEndpoint(place.controllersByProxy)}`)
      .join(","),
    listeners: listeners(direct, own.brokers, own.controllers),
    "advertised.listeners": listeners(address, own.brokersByProxy, own.controllersByProxy),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "INTERNAL",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "log.dirs": join(dir, "log"),
    "default.replication.factor": replicas,
    "offsets.topic.replication.factor": replicas,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
    ...settings,
  }
  mkdirSync(dir, { recursive: true })
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
  writeFileSync(join(dir, "broker.properties"), lines.join(""))
}

const propertiesOf = (dir: string, id: number): string =>
  join(dir, `broker-${id}`, "broker.properties")

/** A cluster has one id, whatever it is. */
const clusterId = "dmFydmUtY2hhb3Mta2Fma2"

async function formatFolder(command: string, node: ChaosNode): Promise<void> {
  const config = join(node.dir, "broker.properties")
  const words = ["kafka-storage", "format", "-t", clusterId, "-c", config]
  const child = Bun.spawn([command, ...words], {
    env: { ...process.env, KAFKA_HEAP_OPTS: "-Xmx256M" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  })
  const [said, complained] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ])
  if ((await child.exited) === 0) return
  throw new Error(`${command} ${words.join(" ")}: ${(complained + said).trim().slice(-500)}`)
}

function versionOf(command: string): string {
  const { stdout } = Bun.spawnSync([command, "classpath"], { stderr: "ignore" })
  return /(\d+\.\d+\.\d+)/.exec(stdout.toString())?.[1] ?? "?"
}
