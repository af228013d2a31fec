/** Who leads which partition, as one client has heard it. */
import { metadata } from "../../../protocol/messages/metadata.ts"
import type { PartitionRef, Topic } from "../partition.ts"
import type { Links } from "../raw/links.ts"

interface Leader {
  readonly node: number
  readonly epoch: number
}

const timeoutMs = 3000
const nobody: Leader = { node: -1, epoch: -1 }

export class Leaders {
  readonly #links: Links
  readonly #nodes: ReadonlyArray<{ readonly id: number }>
  readonly #topics: ReadonlyArray<Topic>
  readonly #known = new Map<string, Leader>()
  #asked: number

  constructor(
    links: Links,
    nodes: ReadonlyArray<{ readonly id: number }>,
    topics: ReadonlyArray<Topic>,
    first = 0,
  ) {
    this.#links = links
    this.#nodes = nodes
    this.#topics = topics
    this.#asked = first
  }

  of({ topic, partition }: PartitionRef): Leader {
    return this.#known.get(`${topic.id}/${partition}`) ?? nobody
  }

  forget({ topic, partition }: PartitionRef): void {
    this.#known.delete(`${topic.id}/${partition}`)
  }

  /** Asks the next broker; what it does not know stays as it was, and older epochs are no news. */
  async refresh(): Promise<void> {
    const broker = this.#nodes[this.#asked++ % this.#nodes.length]
    if (broker === undefined) return
    const topics = this.#topics.map(({ name }) => ({ name }))
    const input = { topics, allowAutoTopicCreation: false }
    const reply = await this.#links.ask(broker.id, metadata, input, { versionMax: 12, timeoutMs })
    if (reply._tag !== "answer") return
    for (const { topicId, errorCode, partitions } of reply.answer.topics) {
      if (errorCode !== 0) continue
      for (const { partitionIndex, leaderId, leaderEpoch } of partitions) {
        const key = `${topicId}/${partitionIndex}`
        const known = this.#known.get(key)
        const isNews = known === undefined || leaderEpoch >= known.epoch
        if (leaderId >= 0 && isNews) this.#known.set(key, { node: leaderId, epoch: leaderEpoch })
      }
    }
  }
}
