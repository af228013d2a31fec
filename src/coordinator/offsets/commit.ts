/** OffsetCommit: what of it may be stored, and for what it is refused. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { Uuid } from "../../protocol/schema.ts"
import type { CommitCheck } from "../group-view.ts"
import type { CoordinatorHost, CoordinatorRecord, RequestOrigin, TopicsView } from "../ports.ts"
import { fitsRecord } from "../records/codec.ts"
import type { OffsetCommitRequest, OffsetCommitResponse, OffsetCommitTopic } from "../wire.ts"
import type { CommittedOffset } from "./committed-offset.ts"
import { encodeOffset } from "./offset-records.ts"

type RequestTopic = OffsetCommitRequest["topics"][number]
type RequestPartition = RequestTopic["partitions"][number]
type PartitionResult = NonNullable<OffsetCommitTopic["partitions"]>[number]

/** Topic ids take the place of names from here on. */
const topicIdsSince = 10

/** A topic of the request, as far as it is known here. */
interface Known {
  readonly asked: RequestTopic
  readonly name: string
  readonly topicId: Uuid
  /** Those that the topic has. */
  readonly partitions: ReadonlyArray<RequestPartition>
}

export interface Resolved {
  readonly known: ReadonlyArray<Known>
  /** What is refused whoever asks: topics and partitions that are not there. */
  readonly unknown: ReadonlyArray<OffsetCommitTopic>
}

const topicOf = (
  { name, topicId }: RequestTopic,
  partitions: ReadonlyArray<PartitionResult>,
): OffsetCommitTopic => ({ name, topicId, partitions })

const allOf = (topic: RequestTopic, errorCode: ErrorCode): OffsetCommitTopic =>
  topicOf(
    topic,
    topic.partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  )

export const resolveTopics = (
  request: OffsetCommitRequest,
  { apiVersion }: RequestOrigin,
  topics: TopicsView,
): Resolved => {
  const known: Array<Known> = []
  const unknown: Array<OffsetCommitTopic> = []
  const byId = apiVersion >= topicIdsSince
  for (const asked of request.topics) {
    const name = byId ? topics.topicName(asked.topicId) : asked.name
    const topicId = name === undefined ? undefined : topics.topicId(name)
    if (name === undefined || topicId === undefined) {
      const { UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION } = ErrorCode
      unknown.push(allOf(asked, byId ? UNKNOWN_TOPIC_ID : UNKNOWN_TOPIC_OR_PARTITION))
      continue
    }
    const count = topics.partitions(name) ?? 0
    const isThere = ({ partitionIndex: p }: RequestPartition): boolean => p >= 0 && p < count
    const partitions = asked.partitions.filter(isThere)
    const missing = asked.partitions.filter((partition) => !isThere(partition))
    if (missing.length > 0) {
      unknown.push(allOf({ ...asked, partitions: missing }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
    }
    if (partitions.length > 0) known.push({ asked, name, topicId, partitions })
  }
  return { known, unknown }
}

export interface Commit {
  readonly records: ReadonlyArray<CoordinatorRecord>
  readonly response: OffsetCommitResponse
}

/** Refusals first, then what the group was asked for, as Kafka merges them. */
const merge = (
  { unknown }: Resolved,
  asked: ReadonlyArray<OffsetCommitTopic>,
): OffsetCommitResponse => {
  const topics = [...unknown]
  for (const topic of asked) {
    const at = unknown.findIndex(
      ({ name, topicId }) => name === topic.name && topicId === topic.topicId,
    )
    const before = unknown[at]
    if (before === undefined) topics.push(topic)
    else {
      const partitions = [...(before.partitions ?? []), ...(topic.partitions ?? [])]
      topics[at] = { ...topic, partitions }
    }
  }
  return { topics }
}

/** The same error for all that could have been stored. */
export const refuseCommit = (resolved: Resolved, errorCode: ErrorCode): OffsetCommitResponse =>
  merge(
    resolved,
    resolved.known.map(({ asked, partitions }) => allOf({ ...asked, partitions }, errorCode)),
  )

export interface CommitOptions {
  readonly request: OffsetCommitRequest
  readonly check: CommitCheck
  readonly host: Pick<CoordinatorHost, "settings" | "wallMs">
}

export const commit = (resolved: Resolved, options: CommitOptions): Commit => {
  const { request, check, host } = options
  if (typeof check === "number" && check !== ErrorCode.NONE) {
    return { records: [], response: refuseCommit(resolved, check) }
  }
  const { groupId, retentionTimeMs } = request
  const wallMs = host.wallMs()
  // For ever and a day is for ever.
  const expireTimestamp =
    retentionTimeMs === -1 ? -1 : Math.min(wallMs + retentionTimeMs, Number.MAX_SAFE_INTEGER)
  const records: Array<CoordinatorRecord> = []
  const errorOf = (topicId: Uuid, partition: RequestPartition): ErrorCode => {
    const { partitionIndex, committedMetadata } = partition
    const error = typeof check === "number" ? check : check(topicId, partitionIndex)
    if (error !== ErrorCode.NONE) return error
    const metadata = committedMetadata ?? ""
    const isTooLong =
      metadata.length > host.settings.offsetMetadataMaxBytes || !fitsRecord(metadata)
    return isTooLong ? ErrorCode.OFFSET_METADATA_TOO_LARGE : ErrorCode.NONE
  }
  const stored = resolved.known.map(({ asked, name, topicId, partitions }) =>
    topicOf(
      asked,
      partitions.map((partition) => {
        const { partitionIndex } = partition
        const errorCode = errorOf(topicId, partition)
        if (errorCode === ErrorCode.NONE) {
          const committed = offsetOf(partition, {
            commitTimestamp: wallMs,
            expireTimestamp,
            topicId,
          })
          records.push(encodeOffset({ groupId, topic: name, partition: partitionIndex }, committed))
        }
        return { partitionIndex, errorCode }
      }),
    ),
  )
  return { records, response: merge(resolved, stored) }
}

const offsetOf = (
  partition: RequestPartition,
  rest: Pick<CommittedOffset, "commitTimestamp" | "expireTimestamp" | "topicId">,
): CommittedOffset => ({
  offset: partition.committedOffset,
  leaderEpoch: partition.committedLeaderEpoch,
  metadata: partition.committedMetadata ?? "",
  ...rest,
})
