/**
 * OffsetCommit records as this coordinator writes them (key type 1, value version 4), read without
 * the general codec and without making strings that are known already: a restarted broker may have
 * a million of them to apply. Anything else is left to the codec; what both read, they read alike.
 */
import type { Uuid } from "../../protocol/schema.ts"
import { zeroUuid } from "../../protocol/uuid.ts"
import type { CommittedOffset } from "./committed-offset.ts"

const two32 = 2 ** 32

/** Type and partition: what stands before and after group and topic. */
const typeBytes = 2
const partitionBytes = 4
/** Version, offset, leader epoch. */
const valueHeadBytes = 14

/** Group and topic as they stand in the key: the same bytes, the same text. */
export const keyNames = (key: Buffer): string | undefined => {
  const isOffset = key.length >= typeBytes + 4 + partitionBytes && key[0] === 0 && key[1] === 1
  return isOffset ? key.toString("latin1", typeBytes, key.length - partitionBytes) : undefined
}

/** As `keyNames` gives it. */
export const namesOf = (groupId: string, topic: string): string => {
  const names = [groupId, topic].map((name) => {
    const bytes = Buffer.from(name)
    return String.fromCharCode(bytes.length >> 8, bytes.length & 0xff) + bytes.toString("latin1")
  })
  return names.join("")
}

/** Undefined: the lengths in it do not fit. */
export const splitKey = (
  key: Buffer,
): { readonly groupId: string; readonly topic: string } | undefined => {
  const groupAt = typeBytes + 2
  const groupEnd = groupAt + length(key, typeBytes)
  const topicAt = groupEnd + 2
  const topicEnd = key.length - partitionBytes
  if (!(topicAt <= topicEnd && topicAt + length(key, groupEnd) === topicEnd)) return undefined
  return {
    groupId: key.toString("utf8", groupAt, groupEnd),
    topic: key.toString("utf8", topicAt, topicEnd),
  }
}

/** Of a string; NaN for none. */
const length = (bytes: Buffer, at: number): number =>
  bytes[at]! < 0x80 ? (bytes[at]! << 8) | bytes[at + 1]! : Number.NaN

export const keyPartition = (key: Buffer): number => int32(key, key.length - partitionBytes)

const int32 = (bytes: Buffer, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!

/** NaN beyond what a number holds. */
const int64 = (bytes: Buffer, at: number): number => {
  const high = int32(bytes, at)
  if (high < -0x200000 || high >= 0x200000) return Number.NaN
  return high * two32 + (int32(bytes, at + 4) >>> 0)
}

/** Undefined: not of this form. `last` is an offset whose topic id this one may share. */
export const readOffsetValue = (
  value: Buffer,
  last: CommittedOffset | undefined,
): CommittedOffset | undefined => {
  const metadataLength = (value[valueHeadBytes] ?? 0) - 1
  const timestampAt = valueHeadBytes + 1 + metadataLength
  const tagsAt = timestampAt + 8
  // One byte of length, which is not null.
  const isShort = metadataLength >= 0 && metadataLength < 0x7f
  if (value[0] !== 0 || value[1] !== 4 || !isShort || tagsAt >= value.length) return undefined
  const topicId = readTopicId(value, tagsAt, last)
  const offset = int64(value, 2)
  const commitTimestamp = int64(value, timestampAt)
  if (topicId === undefined || Number.isNaN(offset + commitTimestamp)) return undefined
  return {
    offset,
    leaderEpoch: int32(value, 10),
    metadata: metadataLength === 0 ? "" : value.toString("utf8", valueHeadBytes + 1, timestampAt),
    commitTimestamp,
    expireTimestamp: -1,
    topicId,
  }
}

/** The tagged fields: none, or the topic id alone. */
const readTopicId = (
  value: Buffer,
  at: number,
  last: CommittedOffset | undefined,
): Uuid | undefined => {
  if (value[at] === 0) return at + 1 === value.length ? zeroUuid : undefined
  const isAlone = value[at] === 1 && value[at + 1] === 0 && value[at + 2] === 16
  if (!isAlone || at + 19 !== value.length) return undefined
  if (last !== undefined && isSameId(value, at + 3, last.topicId)) return last.topicId
  return value.toString("hex", at + 3, at + 19)
}

const isSameId = (value: Buffer, at: number, id: Uuid): boolean => {
  for (let i = 0; i < 16; i++) {
    const byte = value[at + i]!
    if (hexDigit(byte >> 4) !== id.charCodeAt(2 * i)) return false
    if (hexDigit(byte & 15) !== id.charCodeAt(2 * i + 1)) return false
  }
  return true
}

/** As a character code. */
const hexDigit = (nibble: number): number => (nibble < 10 ? 48 : 87) + nibble
