/** The topics that the clients of a run know to be there. */
export interface KnownTopic {
  readonly name: string
  readonly id: string
  partitions: number
  readonly replicationFactor: number
  /** Never deleted: what is checked to the end. */
  readonly isLasting: boolean
  isDeleted: boolean
}

export class TopicTable {
  readonly #topics: Array<KnownTopic> = []

  get all(): ReadonlyArray<KnownTopic> {
    return this.#topics
  }

  alive(): ReadonlyArray<KnownTopic> {
    return this.#topics.filter(({ isDeleted }) => !isDeleted)
  }

  add(topic: KnownTopic): void {
    this.#topics.push(topic)
  }
}

export interface PartitionRef {
  readonly topic: KnownTopic
  readonly partition: number
}
