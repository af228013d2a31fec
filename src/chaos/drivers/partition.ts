/** Topics as the clients of a run know them: made before it begins, there to its end. */
import type { LogRecord } from "../../protocol/record.ts"
import { partitionKey } from "../history/history.ts"

export interface Topic {
  readonly name: string
  readonly id: string
  readonly partitions: number
  /** cleanup.policy=compact: every record has a key, and some delete it. */
  readonly isCompacted?: boolean
  /** What a history calls a record, where others than the drivers of a run have written it. */
  readonly nameOf?: (record: LogRecord) => string
}

export interface PartitionRef {
  readonly topic: Topic
  readonly partition: number
  /** Its name in the history. */
  readonly key: string
}

/** All partitions of a topic, in their order. */
export const partitionsOf = (topic: Topic): ReadonlyArray<PartitionRef> =>
  Array.from({ length: topic.partitions }, (_, partition) => ({
    topic,
    partition,
    key: partitionKey(topic.name, topic.id, partition),
  }))
