/**
 * OffsetFetch, from what is committed. Nothing stored is −1 and no error: so it is never said of a
 * topic that merely is not known here yet under the id that was asked for.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { RequestOrigin, TopicsView } from "../ports.ts"
import type {
  FetchedGroup,
  FetchedPartition,
  FetchedTopic,
  OffsetFetchGroup,
  OffsetFetchTopic,
} from "../wire.ts"
import type { CommittedOffset } from "./committed-offset.ts"
import { isOfTopic } from "./offset-store.ts"
import type { GroupOffsets } from "./offset-store.ts"

/** Topic ids take the place of names from here on. */
const topicIdsSince = 10

const nothing = (partitionIndex: number, errorCode: ErrorCode): FetchedPartition => ({
  partitionIndex,
  committedOffset: -1,
  committedLeaderEpoch: -1,
  metadata: "",
  errorCode,
})

const something = (partitionIndex: number, committed: CommittedOffset): FetchedPartition => ({
  partitionIndex,
  committedOffset: committed.offset,
  committedLeaderEpoch: committed.leaderEpoch,
  metadata: committed.metadata,
  errorCode: ErrorCode.NONE,
})

export const fetchOffsets = (
  { groupId, topics: asked }: OffsetFetchGroup,
  { apiVersion }: RequestOrigin,
  topics: TopicsView,
  offsets: GroupOffsets,
): FetchedGroup => {
  const byId = apiVersion >= topicIdsSince
  const found =
    asked === null ? fetchAll(offsets, topics, byId) : fetchAsked(asked, topics, offsets, byId)
  return { groupId, topics: found, errorCode: ErrorCode.NONE }
}

const fetchAsked = (
  asked: ReadonlyArray<OffsetFetchTopic>,
  topics: TopicsView,
  offsets: GroupOffsets,
  byId: boolean,
): ReadonlyArray<FetchedTopic> => {
  const found: Array<FetchedTopic> = []
  const unknown: Array<FetchedTopic> = []
  for (const { name: askedName, topicId, partitionIndexes } of asked) {
    const name = byId ? topics.topicName(topicId) : askedName
    if (name === undefined) {
      const partitions = partitionIndexes.map((p) => nothing(p, ErrorCode.UNKNOWN_TOPIC_ID))
      unknown.push({ name: askedName, topicId, partitions })
      continue
    }
    const stored = currentOffsets(offsets, name, topics)
    const partitions = partitionIndexes.map((partition) => {
      const committed = stored(partition)
      return committed === undefined
        ? nothing(partition, ErrorCode.NONE)
        : something(partition, committed)
    })
    found.push({ name, topicId, partitions })
  }
  return [...found, ...unknown]
}

/** Not those of a topic of the same name that was deleted: they are as good as gone. */
const currentOffsets = (offsets: GroupOffsets, name: string, topics: TopicsView) => {
  const stored = offsets.get(name)
  const id = topics.topicId(name)
  return (partition: number): CommittedOffset | undefined => {
    const committed = stored?.get(partition)
    if (committed === undefined || id === undefined || isOfTopic(committed, id)) return committed
    return undefined
  }
}

const fetchAll = (
  offsets: GroupOffsets,
  topics: TopicsView,
  byId: boolean,
): ReadonlyArray<FetchedTopic> => {
  const found: Array<FetchedTopic> = []
  for (const [name, stored] of offsets) {
    const topicId = topics.topicId(name)
    // An id cannot be told of a topic that has none any more.
    if (byId && topicId === undefined) continue
    const current = currentOffsets(offsets, name, topics)
    const partitions = [...stored.keys()].flatMap((partition) => {
      const committed = current(partition)
      return committed === undefined ? [] : [something(partition, committed)]
    })
    if (partitions.length === 0) continue
    found.push(topicId === undefined ? { name, partitions } : { name, topicId, partitions })
  }
  return found
}
