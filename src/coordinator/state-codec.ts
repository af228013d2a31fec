/**
 * The committed state as bytes: what a checkpoint keeps. Equal states have equal bytes, whatever
 * order they came about in.
 *
 *     uint16 version
 *     int64 version of the topics
 *     int32 count of records, each as blob key, blob value: the groups, in order of their ids
 *     int32 count of groups with offsets, each: string id, int32 count of topics, each:
 *       string name, uuid of the first partition's topic id, int32 count of partitions, each:
 *         int32 partition, int8 flags, int64 offset, int32 leader epoch, int64 commit timestamp,
 *         then what the flags announce: 1 uuid another topic id, 2 string metadata, 4 int64 expire
 *         timestamp
 */
import { Reader } from "../protocol/reader.ts"
import type { Uuid } from "../protocol/schema.ts"
import { zeroUuid } from "../protocol/uuid.ts"
import { Writer } from "../protocol/writer.ts"
import { encodeClassicGroup } from "./classic/classic-group.ts"
import type { Group, Groups } from "./groups.ts"
import type { CommittedOffset } from "./offsets/committed-offset.ts"
import type { GroupOffsets, TopicOffsets } from "./offsets/offset-store.ts"
import type { CoordinatorRecord } from "./ports.ts"

const version = 1
const elementsMax = 500_000_000
/** Of a partition, without what flags announce. */
const offsetBytes = 25

const hasOtherTopicId = 1
const hasMetadata = 2
const hasExpiry = 4

const byText = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0

const recordsOf = (group: Group): ReadonlyArray<CoordinatorRecord> =>
  group._tag === "classic" ? [encodeClassicGroup(group)] : group.records()

export const encodeState = (groups: Groups): Uint8Array => {
  const { offsets } = groups
  const writer = new Writer(4096 + offsets.size * offsetBytes)
  writer.uint16(version)
  writer.int64(groups.topicsVersion)
  const sorted = [...groups.all].map((group) => [group.groupId, group] as const).sort(byText)
  const records = sorted.flatMap(([, group]) => recordsOf(group))
  writer.arrayLength(records.length)
  for (const { key, value } of records) {
    writer.blob(key)
    writer.blob(value)
  }
  const groupIds = [...offsets.groupIds].sort()
  writer.arrayLength(groupIds.length)
  for (const groupId of groupIds) writeGroup(writer, groupId, offsets.ofGroup(groupId) ?? new Map())
  return writer.concat()
}

const writeGroup = (writer: Writer, groupId: string, offsets: GroupOffsets): void => {
  writer.string(groupId)
  writer.arrayLength(offsets.size)
  const topics = offsets.size > 1 ? [...offsets].sort(byText) : offsets
  for (const [topic, partitions] of topics) {
    writer.string(topic)
    const sorted = inOrder(partitions)
    const topicId = sorted[0]?.[1].topicId ?? zeroUuid
    writer.uuid(topicId)
    writer.arrayLength(sorted.length)
    for (const [partition, committed] of sorted) {
      writeOffset(writer, partition, committed, topicId)
    }
  }
}

const inOrder = (partitions: TopicOffsets): Array<readonly [number, CommittedOffset]> => {
  const all = [...partitions]
  for (let i = 1; i < all.length; i++) {
    if (all[i - 1]![0] > all[i]![0]) return all.sort(([a], [b]) => a - b)
  }
  return all
}

const writeOffset = (
  writer: Writer,
  partition: number,
  committed: CommittedOffset,
  topicId: Uuid,
): void => {
  const { metadata, expireTimestamp } = committed
  const flags =
    (committed.topicId === topicId ? 0 : hasOtherTopicId) |
    (metadata === "" ? 0 : hasMetadata) |
    (expireTimestamp === -1 ? 0 : hasExpiry)
  writer.int32(partition)
  writer.int8(flags)
  writer.int64(committed.offset)
  writer.int32(committed.leaderEpoch)
  writer.int64(committed.commitTimestamp)
  if (flags & hasOtherTopicId) writer.uuid(committed.topicId)
  if (flags & hasMetadata) writer.string(metadata)
  if (flags & hasExpiry) writer.int64(expireTimestamp)
}

/** Into groups without anything. Throws DecodeError, or an Error for an unknown version. */
export const decodeState = (bytes: Uint8Array, groups: Groups): void => {
  const reader = new Reader(bytes, { elementsMax })
  const found = reader.uint16()
  if (found !== version) throw new Error(`a group coordinator's state of version ${found}`)
  groups.topicsVersion = reader.int64()
  const records: Array<CoordinatorRecord> = []
  for (let left = reader.arrayLength(8); left > 0; left--) {
    const key = reader.blob() ?? new Uint8Array(0)
    records.push({ key, value: reader.blob() })
  }
  groups.apply(records.map((record) => ({ ...record, offset: -1, timestamp: -1 })))
  for (let left = reader.arrayLength(6); left > 0; left--) readGroup(reader, groups)
  reader.expectEnd()
}

const readGroup = (reader: Reader, groups: Groups): void => {
  const groupId = reader.string() ?? ""
  for (let topics = reader.arrayLength(22); topics > 0; topics--) {
    const topic = reader.string() ?? ""
    const topicId = reader.uuid()
    const partitions = new Map<number, CommittedOffset>()
    for (let left = reader.arrayLength(offsetBytes); left > 0; left--) {
      partitions.set(reader.int32(), readOffset(reader, topicId))
    }
    groups.offsets.load(groupId, topic, partitions)
  }
}

const readOffset = (reader: Reader, topicId: Uuid): CommittedOffset => {
  const flags = reader.int8()
  return {
    offset: reader.int64(),
    leaderEpoch: reader.int32(),
    commitTimestamp: reader.int64(),
    topicId: flags & hasOtherTopicId ? reader.uuid() : topicId,
    metadata: flags & hasMetadata ? (reader.string() ?? "") : "",
    expireTimestamp: flags & hasExpiry ? reader.int64() : -1,
  }
}
