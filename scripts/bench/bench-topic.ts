import { ErrorCode, errorName } from "../../src/protocol/index.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { deleteTopics } from "../../src/protocol/messages/delete-topics.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { RawConnection, withRaw, type RawAddress } from "../harness/raw.ts"
import { until } from "../harness/until.ts"

/** A topic of the benchmark: where its leaders are, and connections to them. */

const metadataVersion = 12
const createVersion = 5
const deleteVersion = 5

export interface Leader {
  readonly nodeId: number
  readonly address: RawAddress
}

export interface BenchTopic {
  readonly name: string
  readonly bootstrap: string
  /** By partition. */
  readonly leaders: ReadonlyArray<Leader>
}

const first = (bootstrap: string) => bootstrap.split(",")[0] ?? bootstrap

/** Undefined while a partition has no leader. */
export async function leadersOf(
  bootstrap: string,
  name: string,
): Promise<ReadonlyArray<Leader> | undefined> {
  const answer = await withRaw(first(bootstrap), (connection) =>
    connection.request(metadata, metadataVersion, {
      topics: [{ name }],
      allowAutoTopicCreation: false,
    }),
  )
  const addresses = new Map(
    answer.brokers.map((broker) => [broker.nodeId, { host: broker.host, port: broker.port }]),
  )
  const partitions = (answer.topics[0]?.partitions ?? []).toSorted(
    (a, b) => a.partitionIndex - b.partitionIndex,
  )
  const leaders = partitions.flatMap(({ leaderId }): Array<Leader> => {
    const address = addresses.get(leaderId)
    return address === undefined ? [] : [{ nodeId: leaderId, address }]
  })
  return leaders.length > 0 && leaders.length === partitions.length ? leaders : undefined
}

export async function makeTopic(
  bootstrap: string,
  name: string,
  partitions: number,
  configs: Readonly<Record<string, string>> = {},
): Promise<BenchTopic> {
  const entries = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  const answer = await withRaw(first(bootstrap), (connection) =>
    connection.request(createTopics, createVersion, {
      topics: [{ name, numPartitions: partitions, replicationFactor: -1, configs: entries }],
      timeoutMs: 60_000,
    }),
  )
  const { errorCode = -1, errorMessage } = answer.topics[0] ?? {}
  if (errorCode !== ErrorCode.NONE) {
    throw new Error(`cannot create ${name}: ${errorName(errorCode)} ${errorMessage ?? ""}`)
  }
  const leaders = await until(
    `${partitions} leaders of ${name}, known to every broker`,
    async () => {
      const views = await Promise.all(bootstrap.split(",").map((one) => leadersOf(one, name)))
      return views.every((found) => found?.length === partitions) ? views[0] : undefined
    },
    { timeoutMs: 120_000, everyMs: 100 },
  )
  return { name, bootstrap, leaders }
}

export async function dropTopic({ bootstrap, name }: BenchTopic): Promise<void> {
  await withRaw(first(bootstrap), (connection) =>
    connection.request(deleteTopics, deleteVersion, { topicNames: [name], timeoutMs: 60_000 }),
  )
}

/** One connection for each broker that leads something. */
export async function connectToLeaders(topic: BenchTopic): Promise<Map<number, RawConnection>> {
  const connections = new Map<number, RawConnection>()
  for (const { nodeId, address } of topic.leaders) {
    if (!connections.has(nodeId)) connections.set(nodeId, await RawConnection.open(address))
  }
  return connections
}

export function closeAll(connections: ReadonlyMap<number, RawConnection>): void {
  for (const connection of connections.values()) connection.close()
}

/** Partitions by the broker that leads them. */
export function ledBy(topic: BenchTopic): Map<number, ReadonlyArray<number>> {
  const partitions = topic.leaders.map((leader, partition) => ({ ...leader, partition }))
  return new Map(
    Array.from(
      Map.groupBy(partitions, ({ nodeId }) => nodeId),
      ([nodeId, own]) => [nodeId, own.map(({ partition }) => partition)] as const,
    ),
  )
}
