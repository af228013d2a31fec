/** OffsetDelete, and all offsets of a group that is deleted. */
import { ErrorCode } from "../../protocol/error-codes.ts"
import type { GroupView } from "../group-view.ts"
import type { CoordinatorRecord, TopicsView } from "../ports.ts"
import type { OffsetDeleteRequest, OffsetDeleteResponse } from "../wire.ts"
import type { GroupOffsets } from "./offset-store.ts"
import { offsetTombstone } from "./offset-records.ts"

export interface Deletion {
  /** Each key once. */
  readonly records: ReadonlyArray<CoordinatorRecord>
  readonly response: OffsetDeleteResponse
}

export const deleteAllOffsets = (
  groupId: string,
  offsets: GroupOffsets,
): ReadonlyArray<CoordinatorRecord> =>
  [...offsets].flatMap(([topic, partitions]) =>
    [...partitions.keys()].map((partition) => offsetTombstone({ groupId, topic, partition })),
  )

/** Whether a group that has as many tombstones coming keeps an offset. */
export const keepsSome = (offsets: GroupOffsets, { records }: Deletion): boolean => {
  let stored = 0
  for (const partitions of offsets.values()) stored += partitions.size
  return stored > records.length
}

interface Topic {
  readonly name: string
  readonly partitions: Array<{ partitionIndex: number; errorCode: ErrorCode }>
}

export const deleteOffsets = (
  { groupId, topics: asked }: OffsetDeleteRequest,
  group: GroupView | undefined,
  offsets: GroupOffsets,
  topics: TopicsView,
): Deletion => {
  const errorCode = group?.checkOffsetDelete() ?? ErrorCode.GROUP_ID_NOT_FOUND
  if (group === undefined || errorCode !== ErrorCode.NONE) {
    return { records: [], response: { errorCode, topics: [] } }
  }
  const removed = new Map<string, CoordinatorRecord>()
  const answers = new Map<string, Topic>()
  const answer = (name: string, partitionIndex: number, error: ErrorCode): void => {
    const topic = answers.get(name) ?? { name, partitions: [] }
    answers.set(name, topic)
    topic.partitions.push({ partitionIndex, errorCode: error })
  }
  const isThere = (name: string, partition: number): boolean =>
    partition >= 0 && partition < (topics.partitions(name) ?? 0)
  const all = asked.flatMap(({ name, partitions }) =>
    partitions.map(({ partitionIndex }) => ({ name, partition: partitionIndex })),
  )
  // As Kafka puts them together: first what is not there.
  for (const { name, partition } of all) {
    if (!isThere(name, partition)) {
      answer(name, partition, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    }
  }
  for (const { name, partition } of all) {
    if (!isThere(name, partition)) continue
    if (group.isSubscribedTo(name)) {
      answer(name, partition, ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC)
      continue
    }
    answer(name, partition, ErrorCode.NONE)
    if (offsets.get(name)?.has(partition) === true) {
      const tombstone = offsetTombstone({ groupId, topic: name, partition })
      removed.set(`${partition} ${name}`, tombstone)
    }
  }
  const records = [...removed.values()]
  return { records, response: { errorCode: ErrorCode.NONE, topics: [...answers.values()] } }
}
