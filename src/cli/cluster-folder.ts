/**
 * DIR of `varve cluster`: one folder per broker. The cluster's identity is made once, when DIR
 * holds no broker; later starts rewrite settings and places and never who a broker is. A broker
 * whose folder is gone comes back with a new disk uuid: a disk that voted and was lost must not
 * vote again under its old name.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { join, resolve } from "node:path"
import { beginLog } from "../../storage/admission.ts"
import { writeIdentity, readIdentity } from "../../storage/identity.ts"
import {
  BrokerJsonError,
  formatDiskUuids,
  parseDiskUuids,
  readBrokerJson,
  writeBrokerJson,
} from "../broker/broker-json.ts"
import type { BrokerJson, DiskPair } from "../broker/broker-json.ts"
import { newClusterId, newDiskUuid } from "./new-identity.ts"

export interface ClusterPlan {
  readonly dir: string
  readonly nodes: number
  readonly port: number
  readonly httpPort: number
  readonly sets: Readonly<Record<string, string>>
}

export interface BrokerFolder {
  readonly nodeId: number
  readonly dir: string
  readonly config: string
}

interface ClusterIdentity {
  readonly clusterId: string
  readonly pairs: ReadonlyArray<DiskPair>
}

export function brokerFolder(dir: string, nodeId: number): BrokerFolder {
  const folder = resolve(dir, `broker-${nodeId}`)
  return { nodeId, dir: folder, config: join(folder, "broker.json") }
}

/** Removes DIR/broker-* and nothing else. */
export function removeBrokers(dir: string): void {
  for (const name of brokerNames(dir)) rmSync(join(dir, name), { recursive: true, force: true })
}

/** How many brokers the cluster in DIR has; undefined when there is none. */
export function existingNodes(dir: string): number | undefined {
  const known = readCluster(dir)
  return known === undefined ? undefined : new Set(known.pairs.map((p) => p.nodeId)).size
}

/** Makes or mends the folders and writes every broker.json. */
export function prepareCluster(plan: ClusterPlan): ReadonlyArray<BrokerFolder> {
  const folders = Array.from({ length: plan.nodes }, (_, i) => brokerFolder(plan.dir, i))
  const identity = readCluster(plan.dir) ?? { clusterId: newClusterId(), pairs: [] }
  const pairs = [...identity.pairs]
  for (const folder of folders) {
    mkdirSync(folder.dir, { recursive: true })
    const own = readIdentity(folder.dir)
    if (
      own !== undefined &&
      pairs.some((p) => p.nodeId === own.nodeId && p.diskUuid === own.diskUuid)
    ) {
      continue
    }
    refuseForeignData(folder)
    // Left by a start that was cut short before any broker.json named it: nobody has voted with
    // that disk.
    for (const name of ["identity.json", "sentinel"])
      rmSync(join(folder.dir, name), { force: true })
    const pair = { nodeId: folder.nodeId, diskUuid: newDiskUuid() }
    writeIdentity(folder.dir, { clusterId: identity.clusterId, ...pair })
    beginLog(folder.dir)
    pairs.push(pair)
  }
  // Only after every identity is on disk: a crash in between leaves folders that are made again.
  for (const folder of folders) {
    writeBrokerJson(folder.config, brokerJson(plan, folder, { ...identity, pairs }))
  }
  return folders
}

function brokerJson(
  plan: ClusterPlan,
  folder: BrokerFolder,
  identity: ClusterIdentity,
): BrokerJson {
  const replicas = String(Math.min(3, plan.nodes))
  const address = `127.0.0.1:${plan.port + folder.nodeId}`
  const peers = Array.from({ length: plan.nodes }, (_, i) => `${i}@127.0.0.1:${plan.port + i}`)
  return {
    "node.id": String(folder.nodeId),
    "cluster.id": identity.clusterId,
    listeners: `PLAINTEXT://${address}`,
    "advertised.listeners": `PLAINTEXT://${address}`,
    "log.dirs": folder.dir,
    "varve.http.listener": `127.0.0.1:${plan.httpPort + folder.nodeId}`,
    "varve.peers": peers.join(","),
    "varve.disk.uuids": formatDiskUuids(identity.pairs),
    "default.replication.factor": replicas,
    "offsets.topic.replication.factor": replicas,
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": String(Math.min(2, plan.nodes)),
    "group.initial.rebalance.delay.ms": "0",
    ...plan.sets,
  }
}

/**
 * The identity that every broker.json of DIR holds. A broker that came back as a new disk has named
 * it in its own file alone, behind those that all know.
 */
function readCluster(dir: string): ClusterIdentity | undefined {
  let found: ClusterIdentity | undefined
  for (const name of brokerNames(dir)) {
    const path = join(dir, name, "broker.json")
    if (!existsSync(path)) continue
    const json = readBrokerJson(path)
    const clusterId = json["cluster.id"]
    const pairs = parseDiskUuids(json["varve.disk.uuids"] ?? "")
    if (clusterId === undefined || pairs === undefined || pairs.length === 0) {
      throw new BrokerJsonError(
        `${path}: cluster.id and varve.disk.uuids are missing or unreadable`,
      )
    }
    if (found !== undefined && found.clusterId !== clusterId) {
      throw new BrokerJsonError(
        `${path}: cluster ${clusterId}, but others in ${dir} are of ${found.clusterId}`,
      )
    }
    found = { clusterId, pairs: union(found?.pairs ?? [], pairs) }
  }
  return found
}

/** What both have comes first: the founders stay in front. */
function union(
  some: ReadonlyArray<DiskPair>,
  others: ReadonlyArray<DiskPair>,
): ReadonlyArray<DiskPair> {
  const known = new Set(some.map(({ nodeId, diskUuid }) => `${nodeId}@${diskUuid}`))
  const added = others.filter(({ nodeId, diskUuid }) => !known.has(`${nodeId}@${diskUuid}`))
  return [...some, ...added]
}

function brokerNames(dir: string): ReadonlyArray<string> {
  if (!existsSync(dir)) return []
  return readdirSync(dir)
    .filter((name) => /^broker-\d+$/.test(name))
    .sort()
}

/** A folder without a known identity gets a new one only if it holds no log. */
function refuseForeignData(folder: BrokerFolder): void {
  const log = readdirSync(folder.dir).find((name) => name.startsWith("segment-"))
  if (log === undefined) return
  throw new BrokerJsonError(
    `${folder.dir} holds a log (${log}) but no identity that the cluster knows; ` +
      "bring its identity.json back, or remove the folder to start this broker anew",
  )
}
