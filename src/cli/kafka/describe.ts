/** `kafka-topics --describe`: what it asks for and how Kafka's tool lays it out. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { describeConfigs } from "../../protocol/messages/describe-configs.ts"
import { describeTopicPartitions } from "../../protocol/messages/describe-topic-partitions.ts"
import { metadata } from "../../protocol/messages/metadata.ts"
import type { ResponseOf } from "../../protocol/schema.ts"
import { uuidToBase64 } from "../../protocol/uuid.ts"
import type { ClientConnection } from "../../client/connection.ts"
import { errorOf } from "./tool-error.ts"

export interface PartitionView {
  readonly index: number
  /** −1: none. */
  readonly leader: number
  readonly replicas: ReadonlyArray<number>
  readonly isr: ReadonlyArray<number>
  /** Null: not told. */
  readonly elr: ReadonlyArray<number> | null
  readonly lastKnownElr: ReadonlyArray<number> | null
}

export interface TopicView {
  readonly name: string
  readonly id: string
  readonly internal: boolean
  readonly partitions: ReadonlyArray<PartitionView>
}

export type TopicConfigs = ReadonlyMap<string, ReadonlyMap<string, string>>

type PageTopic = ResponseOf<typeof describeTopicPartitions>["topics"][number]
type MetadataTopic = ResponseOf<typeof metadata>["topics"][number]

const topicResource = 2
const defaultSource = 5

/**
 * By DescribeTopicPartitions page by page, or by Metadata where the broker has none. Sorted by
 * name.
 */
export async function viewTopics(
  connection: ClientConnection,
  names: ReadonlyArray<string>,
  partitionsPerPage: number,
): Promise<ReadonlyArray<TopicView>> {
  if (names.length === 0) return []
  const views =
    connection.versionOf(describeTopicPartitions) === undefined
      ? (
          await connection.request(metadata, { topics: names.map((name) => ({ name })) })
        ).topics.map(viewOfMetadata)
      : await viewByPages(connection, names, partitionsPerPage)
  return views.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

async function viewByPages(
  connection: ClientConnection,
  names: ReadonlyArray<string>,
  responsePartitionLimit: number,
): Promise<ReadonlyArray<TopicView>> {
  const views = new Map<string, TopicView>()
  let cursor: { readonly topicName: string; readonly partitionIndex: number } | null = null
  do {
    const topics = names.toSorted().map((name) => ({ name }))
    const page: ResponseOf<typeof describeTopicPartitions> = await connection.request(
      describeTopicPartitions,
      { topics, responsePartitionLimit, cursor },
    )
    for (const topic of page.topics) {
      const view = viewOfPage(topic)
      const before = views.get(view.name)
      const partitions = [...(before?.partitions ?? []), ...view.partitions]
      views.set(view.name, { ...view, partitions })
    }
    cursor = page.nextCursor
  } while (cursor !== null)
  return [...views.values()]
}

function viewOfPage(topic: PageTopic): TopicView {
  if (topic.errorCode !== ErrorCode.NONE) throw errorOf(topic.errorCode, null)
  return {
    name: topic.name ?? "",
    id: topic.topicId,
    internal: topic.isInternal,
    partitions: topic.partitions.map((partition) => ({
      index: partition.partitionIndex,
      leader: partition.leaderId,
      replicas: partition.replicaNodes,
      isr: partition.isrNodes,
      elr: partition.eligibleLeaderReplicas,
      lastKnownElr: partition.lastKnownElr,
    })),
  }
}

export function viewOfMetadata(topic: MetadataTopic): TopicView {
  if (topic.errorCode !== ErrorCode.NONE && topic.errorCode !== ErrorCode.LEADER_NOT_AVAILABLE) {
    throw errorOf(topic.errorCode, null)
  }
  return {
    name: topic.name ?? "",
    id: topic.topicId,
    internal: topic.isInternal,
    partitions: topic.partitions
      .map((partition) => ({
        index: partition.partitionIndex,
        leader: partition.leaderId,
        replicas: partition.replicaNodes,
        isr: partition.isrNodes,
        elr: null,
        lastKnownElr: null,
      }))
      .sort((a, b) => a.index - b.index),
  }
}

/**
 * Settings that are not the default, by topic; undefined when the broker has no DescribeConfigs.
 */
export async function viewConfigs(
  connection: ClientConnection,
  names: ReadonlyArray<string>,
): Promise<{ readonly own: TopicConfigs; readonly all: TopicConfigs } | undefined> {
  if (connection.versionOf(describeConfigs) === undefined) return undefined
  const answer = await connection.request(describeConfigs, {
    resources: names.map((resourceName) => ({
      resourceType: topicResource,
      resourceName,
      configurationKeys: null,
    })),
  })
  const own = new Map<string, ReadonlyMap<string, string>>()
  const all = new Map<string, ReadonlyMap<string, string>>()
  for (const result of answer.results) {
    if (result.errorCode !== ErrorCode.NONE) throw errorOf(result.errorCode, result.errorMessage)
    const entries = result.configs.map((c) => [c.name, c.value ?? ""] as const)
    const set = result.configs.filter((c) => c.configSource !== defaultSource)
    all.set(result.resourceName, new Map(entries))
    own.set(result.resourceName, new Map(set.map((c) => [c.name, c.value ?? ""] as const)))
  }
  return { own, all }
}

export function topicLine(topic: TopicView, configs: ReadonlyMap<string, string>): string {
  const settings = [...configs].map(([name, value]) => `${name}=${value}`).join(",")
  const replicationFactor = topic.partitions[0]?.replicas.length ?? 0
  return [
    `Topic: ${topic.name}`,
    `TopicId: ${uuidToBase64(topic.id)}`,
    `PartitionCount: ${topic.partitions.length}`,
    `ReplicationFactor: ${replicationFactor}`,
    `Configs: ${settings}`,
  ].join("\t")
}

export function partitionLine(topic: string, partition: PartitionView): string {
  return [
    "",
    `Topic: ${topic}`,
    `Partition: ${partition.index}`,
    `Leader: ${partition.leader < 0 ? "none" : partition.leader}`,
    `Replicas: ${partition.replicas.join(",")}`,
    `Isr: ${partition.isr.join(",")}`,
    `Elr: ${partition.elr === null ? "N/A" : partition.elr.join(",")}`,
    `LastKnownElr: ${partition.lastKnownElr === null ? "N/A" : partition.lastKnownElr.join(",")}`,
  ].join("\t")
}
