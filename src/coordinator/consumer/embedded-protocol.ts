/**
 * What consumers of the classic protocol hand through their coordinator (ConsumerProtocol in
 * Kafka): subscriptions and assignments, versions 0–3. Each version is the one before with more
 * behind it, and what a later one has behind the third is not read. In a group of the new protocol
 * it is the coordinator who reads the ones and writes the others.
 */
import { DecodeError } from "../../protocol/errors.ts"
import { Reader } from "../../protocol/reader.ts"
import { Writer } from "../../protocol/writer.ts"

export const embeddedVersionMax = 3

export interface TopicList {
  readonly topic: string
  readonly partitions: ReadonlyArray<number>
}

export interface EmbeddedSubscription {
  readonly version: number
  readonly topics: ReadonlyArray<string>
  readonly owned: ReadonlyArray<TopicList>
  /** In which it got them; −1 where it does not tell (before version 2), or has none. */
  readonly generationId: number
  readonly rackId: string | null
}

export interface EmbeddedAssignment {
  readonly partitions: ReadonlyArray<TopicList>
  /** Of an assignor that knows more than Kafka's; empty: nothing. */
  readonly userData: Uint8Array
}

/** A string takes at least its length, a topic with partitions that and theirs. */
const topicBytesMin = 2
const listBytesMin = 6
const partitionBytes = 4

/** Undefined: the bytes are no subscription. */
export const decodeSubscription = (bytes: Uint8Array): EmbeddedSubscription | undefined =>
  orUndefined(() => {
    const reader = new Reader(bytes)
    const version = versionOf(reader)
    const topics = list(reader, topicBytesMin, text)
    reader.blob()
    const owned = version >= 1 ? list(reader, listBytesMin, topicList) : []
    const generationId = version >= 2 ? reader.int32() : -1
    const rackId = version >= 3 ? reader.string() : null
    return { version, topics, owned, generationId, rackId: rackId === "" ? null : rackId }
  })

/** Undefined: the bytes are no assignment. */
export const decodeAssignment = (bytes: Uint8Array): EmbeddedAssignment | undefined =>
  orUndefined(() => {
    const reader = new Reader(bytes)
    versionOf(reader)
    const partitions = list(reader, listBytesMin, topicList)
    return { partitions, userData: reader.blob() ?? new Uint8Array(0) }
  })

export function encodeAssignment(version: number, topics: ReadonlyArray<TopicList>): Uint8Array {
  const writer = new Writer()
  writer.int16(version)
  writer.arrayLength(topics.length)
  for (const { topic, partitions } of topics) {
    writer.string(topic)
    writer.arrayLength(partitions.length)
    for (const partition of partitions) writer.int32(partition)
  }
  writer.blob(null)
  return writer.concat()
}

function versionOf(reader: Reader): number {
  const version = reader.int16()
  if (version < 0) throw new DecodeError(`no version of the consumer protocol: ${version}`)
  return Math.min(version, embeddedVersionMax)
}

function list<T>(reader: Reader, bytesMin: number, one: (reader: Reader) => T): T[] {
  const items: T[] = []
  for (let left = reader.arrayLength(bytesMin); left > 0; left--) items.push(one(reader))
  return items
}

function text(reader: Reader): string {
  const value = reader.string()
  if (value === null) throw new DecodeError("a topic without a name")
  return value
}

const topicList = (reader: Reader): TopicList => ({
  topic: text(reader),
  partitions: list(reader, partitionBytes, (from) => from.int32()),
})

function orUndefined<T>(decode: () => T): T | undefined {
  try {
    return decode()
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}
