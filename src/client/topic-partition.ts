/** One partition by name. */
export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** As Kafka writes it: `orders-0`. */
export const partitionName = ({ topic, partition }: TopicPartition): string =>
  `${topic}-${partition}`

export const byTopicAndPartition = (a: TopicPartition, b: TopicPartition): number =>
  a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1

/** Partitions under their topics, as requests carry them; in the order in which topics appear. */
export function groupByTopic<P extends TopicPartition>(
  partitions: Iterable<P>,
): ReadonlyArray<{ readonly topic: string; readonly partitions: ReadonlyArray<P> }> {
  const topics = new Map<string, P[]>()
  for (const one of partitions) {
    const known = topics.get(one.topic)
    if (known === undefined) topics.set(one.topic, [one])
    else known.push(one)
  }
  return [...topics].map(([topic, own]) => ({ topic, partitions: own }))
}
