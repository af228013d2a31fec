/** `varve brokers`: who is in the cluster, what each leads and holds. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import type { Client } from "../client/client.ts"
import { UnsupportedApi } from "../client/client-error.ts"
import { logDirsOf } from "../client/cluster.ts"
import { describeCluster } from "../protocol/messages/describe-cluster.ts"
import { connectionFlags, show, table, watchFlag } from "./client-effect.ts"
import { formatBytes } from "./table.ts"

interface BrokerView {
  readonly id: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
  /** Partitions that it leads, and that it has a replica of. */
  readonly leads: number
  readonly replicas: number
  /** Undefined where the broker does not tell. */
  readonly bytes: number | undefined
}

interface ClusterView {
  readonly clusterId: string
  readonly brokers: ReadonlyArray<BrokerView>
}

async function lookAtBrokers(client: Client): Promise<ClusterView> {
  const [cluster, { topics }] = await Promise.all([
    client.ask(describeCluster, {}),
    client.metadata(null),
  ])
  const partitions = topics.flatMap((topic) => topic.partitions)
  const views = cluster.brokers
    .toSorted((a, b) => a.brokerId - b.brokerId)
    .map(async ({ brokerId: id, host, port, rack }) => ({
      id,
      host,
      port,
      rack,
      leads: partitions.filter(({ leaderId }) => leaderId === id).length,
      replicas: partitions.filter(({ replicaNodes }) => replicaNodes.includes(id)).length,
      bytes: await bytesOn(client, id),
    }))
  return { clusterId: cluster.clusterId, brokers: await Promise.all(views) }
}

async function bytesOn(client: Client, id: number): Promise<number | undefined> {
  try {
    const dirs = await logDirsOf(client, id)
    const partitions = dirs.flatMap(({ topics }) => topics.flatMap((topic) => topic.partitions))
    return partitions.reduce((sum, { partitionSize }) => sum + partitionSize, 0)
  } catch (error) {
    if (error instanceof UnsupportedApi) return undefined
    throw error
  }
}

function formatBrokers({ clusterId, brokers }: ClusterView): string {
  const rows = brokers.map(({ id, host, port, rack, leads, replicas, bytes }) => [
    id,
    `${host}:${port}`,
    rack ?? "-",
    leads === 0 && replicas > 0 ? { text: leads, tone: "warning" as const } : leads,
    replicas,
    bytes === undefined ? "-" : formatBytes(bytes),
  ])
  const head = ["ID", "ADDRESS", "RACK", "LEADS", "REPLICAS", "SIZE"]
  return `cluster ${clusterId}\n${table(head, rows)}`
}

export const brokersCommand = Command.make(
  "brokers",
  { ...connectionFlags, ...watchFlag },
  Effect.fn("brokers")(function* (flags) {
    yield* show({ ...flags, look: lookAtBrokers, text: formatBrokers })
  }),
).pipe(
  Command.withDescription("List the live brokers of a cluster"),
  Command.withExamples([{ command: "varve brokers --watch", description: "see leaders move" }]),
)
