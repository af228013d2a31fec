/**
 * The committed positions of all groups of one partition: a register per group, topic and
 * partition, written by the last record of its key. A function of the records alone, and the same
 * whether or not compaction took away what later records replaced.
 */
import type { Uuid } from "../../protocol/schema.ts"
import { zeroUuid } from "../../protocol/uuid.ts"
import type { CommittedOffset } from "./committed-offset.ts"
import { keyNames, keyPartition, namesOf, readOffsetValue, splitKey } from "./fast-record.ts"

/** Where the records of one group and topic go. */
interface Place {
  readonly groupId: string
  readonly partitions: Map<number, CommittedOffset>
  /** What was stored there last. */
  last: CommittedOffset | undefined
}

export type TopicOffsets = ReadonlyMap<number, CommittedOffset>
export type GroupOffsets = ReadonlyMap<string, TopicOffsets>

export class OffsetStore {
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>()
  /** Topic id → group → how many of its partitions were committed under that id. */
  readonly #byTopicId = new Map<Uuid, Map<string, number>>()
  /** By group and topic as they stand in keys: places that records were applied to. */
  readonly #places = new Map<string, Place>()
  #size = 0

  /** Partitions with an offset, over all groups. */
  get size(): number {
    return this.#size
  }

  get groupIds(): Iterable<string> {
    return this.#groups.keys()
  }

  /** Every topic id under which something is stored; the zero id among them. */
  get topicIds(): Iterable<Uuid> {
    return this.#byTopicId.keys()
  }

  /** A group that is known by its offsets alone is a simple one. */
  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  ofGroup(groupId: string): GroupOffsets | undefined {
    return this.#groups.get(groupId)
  }

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  hasTopicId(id: Uuid): boolean {
    return this.#byTopicId.has(id)
  }

  groupsOfTopicId(id: Uuid): Iterable<string> {
    return this.#byTopicId.get(id)?.keys() ?? []
  }

  set(groupId: string, topic: string, partition: number, committed: CommittedOffset): void {
    this.#put(groupId, this.#partitions(groupId, topic), partition, committed)
  }

  /** Takes the offsets of a topic that the group has none of. */
  load(groupId: string, topic: string, partitions: Map<number, CommittedOffset>): void {
    if (partitions.size === 0) return
    let topics = this.#groups.get(groupId)
    if (topics === undefined) this.#groups.set(groupId, (topics = new Map()))
    if (topics.has(topic)) throw new Error(`the offsets of ${topic} are there already`)
    topics.set(topic, partitions)
    this.#size += partitions.size
    for (const { topicId } of partitions.values()) this.#count(groupId, topicId)
  }

  /** Applies a record of the usual form; false: it is not of that form, and nothing was done. */
  setFast(key: Uint8Array, value: Uint8Array): boolean {
    if (!Buffer.isBuffer(key) || !Buffer.isBuffer(value)) return false
    const names = keyNames(key)
    if (names === undefined) return false
    const known = this.#places.get(names)
    const committed = readOffsetValue(value, known?.last)
    const place = committed === undefined ? undefined : (known ?? this.#place(key, names))
    if (committed === undefined || place === undefined) return false
    place.last = committed
    this.#put(place.groupId, place.partitions, keyPartition(key), committed)
    return true
  }

  #place(key: Buffer, names: string): Place | undefined {
    const split = splitKey(key)
    if (split === undefined) return undefined
    const { groupId, topic } = split
    const place = { groupId, partitions: this.#partitions(groupId, topic), last: undefined }
    this.#places.set(names, place)
    return place
  }

  #partitions(groupId: string, topic: string): Map<number, CommittedOffset> {
    let topics = this.#groups.get(groupId)
    if (topics === undefined) this.#groups.set(groupId, (topics = new Map()))
    let partitions = topics.get(topic)
    if (partitions === undefined) topics.set(topic, (partitions = new Map()))
    return partitions
  }

  #put(
    groupId: string,
    partitions: Map<number, CommittedOffset>,
    partition: number,
    committed: CommittedOffset,
  ): void {
    const previous = partitions.get(partition)
    partitions.set(partition, committed)
    if (previous === undefined) this.#size++
    else if (previous.topicId === committed.topicId) return
    else this.#uncount(groupId, previous.topicId)
    this.#count(groupId, committed.topicId)
  }

  remove(groupId: string, topic: string, partition: number): void {
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topic)
    const previous = partitions?.get(partition)
    if (topics === undefined || partitions === undefined || previous === undefined) return
    partitions.delete(partition)
    if (partitions.size === 0) {
      topics.delete(topic)
      this.#places.delete(namesOf(groupId, topic))
    }
    if (topics.size === 0) this.#groups.delete(groupId)
    this.#size--
    this.#uncount(groupId, previous.topicId)
  }

  clear(): void {
    this.#groups.clear()
    this.#byTopicId.clear()
    this.#places.clear()
    this.#size = 0
  }

  #count(groupId: string, id: Uuid): void {
    let groups = this.#byTopicId.get(id)
    if (groups === undefined) this.#byTopicId.set(id, (groups = new Map()))
    groups.set(groupId, (groups.get(groupId) ?? 0) + 1)
  }

  #uncount(groupId: string, id: Uuid): void {
    const groups = this.#byTopicId.get(id)
    const left = (groups?.get(groupId) ?? 0) - 1
    if (left > 0) groups?.set(groupId, left)
    else groups?.delete(groupId)
    if (groups?.size === 0) this.#byTopicId.delete(id)
  }
}

/** Whether the offset was committed to the topic that has this id, as far as its record tells. */
export const isOfTopic = (committed: CommittedOffset, id: Uuid): boolean =>
  committed.topicId === id || committed.topicId === zeroUuid
