/**
 * In which order Kafka answers for many groups: it gathers them by partition in a
 * java.util.HashMap of TopicPartitions (by computeIfAbsent, which puts new keys before the others
 * of their bucket) and goes through that. Groups of one partition keep the order in which they were
 * asked for.
 */
import { consumerOffsetsTopic } from "../../cluster/topic-names.ts"
import { groupPartition, javaHashCode } from "./group-partition.ts"

const topicHash = javaHashCode(consumerOffsetsTopic)
const bucketsMin = 16
/** A table that is fuller than that is doubled by the next call. */
const load = 0.75

function bucketOf(partition: number, buckets: number): number {
  const hash = (Math.imul(31, 31 + partition) + topicHash) | 0
  return (hash ^ (hash >>> 16)) & (buckets - 1)
}

export function groupsInOrder(
  groupIds: ReadonlyArray<string>,
  partitions: number,
): ReadonlyArray<string> {
  const byPartition = new Map<number, Array<string>>()
  let buckets = bucketsMin
  for (const groupId of groupIds) {
    if (byPartition.size > load * buckets) buckets *= 2
    const partition = groupPartition(groupId, partitions)
    const known = byPartition.get(partition)
    if (known === undefined) byPartition.set(partition, [groupId])
    else known.push(groupId)
  }
  return [...byPartition]
    .toReversed()
    .sort(([a], [b]) => bucketOf(a, buckets) - bucketOf(b, buckets))
    .flatMap(([, groups]) => groups)
}
