/**
 * What consumers of the classic protocol write into the opaque fields of JoinGroup and SyncGroup
 * (Kafka's ConsumerProtocolSubscription and ConsumerProtocolAssignment, never flexible):
 *
 *     subscription: version int16 · topics [string] · userData bytes ·
 *                   v1 ownedPartitions [topic string, partitions [int32]] · v2 generationId int32 ·
 *                   v3 rackId string
 *     assignment:   version int16 · [topic string, partitions [int32]] · userData bytes
 *
 * A reader takes any version and passes over what it does not know.
 */
import { Reader } from "../protocol/reader.ts"
import { Writer } from "../protocol/writer.ts"
import { groupByTopic } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"

export interface Subscription {
  readonly topics: ReadonlyArray<string>
  readonly ownedPartitions: ReadonlyArray<TopicPartition>
  /** −1: none. */
  readonly generationId: number
}

const subscriptionVersion = 3
const assignmentVersion = 0

export function encodeSubscription(subscription: Subscription): Uint8Array {
  const writer = new Writer()
  writer.int16(subscriptionVersion)
  writer.arrayLength(subscription.topics.length)
  for (const topic of subscription.topics) writer.string(topic)
  writer.blob(null)
  writePartitions(writer, subscription.ownedPartitions)
  writer.int32(subscription.generationId)
  writer.string(null)
  return writer.concat()
}

/** Throws `DecodeError`. */
export function decodeSubscription(bytes: Uint8Array): Subscription {
  const reader = new Reader(bytes)
  const version = reader.int16()
  const topics = Array.from({ length: reader.arrayLength(2) }, () => reader.string() ?? "")
  reader.blob()
  const ownedPartitions = version >= 1 ? readPartitions(reader) : []
  const generationId = version >= 2 ? reader.int32() : -1
  return { topics, ownedPartitions, generationId }
}

export function encodeAssignment(partitions: ReadonlyArray<TopicPartition>): Uint8Array {
  const writer = new Writer()
  writer.int16(assignmentVersion)
  writePartitions(writer, partitions)
  writer.blob(null)
  return writer.concat()
}

/** No bytes: nothing assigned. Throws `DecodeError`. */
export function decodeAssignment(bytes: Uint8Array): ReadonlyArray<TopicPartition> {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  reader.int16()
  return readPartitions(reader)
}

function writePartitions(writer: Writer, partitions: ReadonlyArray<TopicPartition>): void {
  const topics = groupByTopic(partitions)
  writer.arrayLength(topics.length)
  for (const { topic, partitions: own } of topics) {
    writer.string(topic)
    writer.arrayLength(own.length)
    for (const { partition } of own) writer.int32(partition)
  }
}

function readPartitions(reader: Reader): ReadonlyArray<TopicPartition> {
  const partitions: TopicPartition[] = []
  for (let topics = reader.arrayLength(6); topics > 0; topics--) {
    const topic = reader.string() ?? ""
    for (let count = reader.arrayLength(4); count > 0; count--) {
      partitions.push({ topic, partition: reader.int32() })
    }
  }
  return partitions
}
