/**
 * The committed state as bytes: what a checkpoint keeps. Equal states have equal bytes, whatever
 * order they came about in.
 *
 *     uint16 version
 *     int32 count of records, each as blob key, blob value: the groups, in order of their ids
 *     int32 count of groups with offsets, each: string id, int32 count of topics, each: string
 *       name, int32 count of partitions, each: int32 partition, int64 offset, int32 leader epoch,
 *       int64 commit timestamp, int64 expire timestamp, uuid topic id, string metadata
 */
import { Reader } from "../protocol/reader.ts"
import { Writer } from "../protocol/writer.ts"
import { encodeClassicGroup } from "./classic/classic-group.ts"
import type { Group, Groups } from "./groups.ts"
import type { CommittedOffset } from "./offsets/committed-offset.ts"
import type { CoordinatorRecord } from "./ports.ts"

const version = 1
const elementsMax = 500_000_000
/** Per partition, without metadata. */
const offsetBytes = 50

const byText = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : a > b ? 1 : 0

const recordsOf = (group: Group): ReadonlyArray<CoordinatorRecord> =>
  group._tag === "classic" ? [encodeClassicGroup(group)] : group.records()

export const encodeState = (groups: Groups): Uint8Array => {
  const { offsets } = groups
  const writer = new Writer(4096 + offsets.size * offsetBytes)
  writer.uint16(version)
  const sorted = [...groups.all].map((group) => [group.groupId, group] as const).sort(byText)
  const records = sorted.flatMap(([, group]) => recordsOf(group))
  writer.arrayLength(records.length)
  for (const { key, value } of records) {
    writer.blob(key)
    writer.blob(value)
  }
  const groupIds = [...offsets.groupIds].sort()
  writer.arrayLength(groupIds.length)
  for (const groupId of groupIds) {
    const topics = [...(offsets.ofGroup(groupId) ?? [])].sort(byText)
    writer.string(groupId)
    writer.arrayLength(topics.length)
    for (const [topic, partitions] of topics) {
      writer.string(topic)
      writer.arrayLength(partitions.size)
      for (const partition of Int32Array.from(partitions.keys()).sort()) {
        writeOffset(writer, partition, partitions.get(partition)!)
      }
    }
  }
  return writer.concat()
}

const writeOffset = (writer: Writer, partition: number, committed: CommittedOffset): void => {
  writer.int32(partition)
  writer.int64(committed.offset)
  writer.int32(committed.leaderEpoch)
  writer.int64(committed.commitTimestamp)
  writer.int64(committed.expireTimestamp)
  writer.uuid(committed.topicId)
  writer.string(committed.metadata)
}

/** Into groups without anything. Throws DecodeError, or an Error for an unknown version. */
export const decodeState = (bytes: Uint8Array, groups: Groups): void => {
  const reader = new Reader(bytes, { elementsMax })
  const found = reader.uint16()
  if (found !== version) throw new Error(`a group coordinator's state of version ${found}`)
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
  for (let topics = reader.arrayLength(6); topics > 0; topics--) {
    const topic = reader.string() ?? ""
    for (let left = reader.arrayLength(offsetBytes); left > 0; left--) {
      const partition = reader.int32()
      groups.offsets.set(groupId, topic, partition, readOffset(reader))
    }
  }
}

const readOffset = (reader: Reader): CommittedOffset => ({
  offset: reader.int64(),
  leaderEpoch: reader.int32(),
  commitTimestamp: reader.int64(),
  expireTimestamp: reader.int64(),
  topicId: reader.uuid(),
  metadata: reader.string() ?? "",
})
