/** What every simulated client has: its chance, its connections, its view of who leads. */
import { Prng } from "../../../raft/prng.ts"
import { errorName } from "../../protocol/error-codes.ts"
import { metadata } from "../../protocol/messages/metadata.ts"
import type { ResponseOf } from "../../protocol/schema.ts"
import type { History, TopicSeen } from "../../chaos/history/history.ts"
import type { Subject } from "../subject.ts"
import { ClientLink } from "./client-link.ts"
import type { PartitionRef, TopicTable } from "./topic-table.ts"

export interface ClientPorts {
  readonly subject: Subject
  readonly history: History
  readonly topics: TopicTable
  readonly latencyMs: readonly [number, number]
  readonly connections: { next: number }
  /** False: the workload is over, or may not begin another operation. */
  readonly mayBegin: () => boolean
  /** A batch was acknowledged by all; it ends before `endOffset`. */
  readonly acknowledged?: (ref: PartitionRef, endOffset: number) => void
}

interface Leader {
  readonly node: number
  readonly epoch: number
}

export const noLeader: Leader = { node: -1, epoch: -1 }

/** Kafka's retry.backoff.ms, and metadata that is refreshed at most so often. */
export const backOffMs = 100

export class Client {
  readonly name: string
  readonly prng: Prng
  readonly link: ClientLink
  readonly ports: ClientPorts
  readonly #leaders = new Map<string, Leader>()
  #refreshing: Array<() => void> | undefined

  constructor(name: string, seed: number, ports: ClientPorts) {
    this.name = name
    this.prng = new Prng(seed)
    this.ports = ports
    this.link = new ClientLink(
      ports.subject,
      new Prng(this.prng.nextUint32()),
      ports.latencyMs,
      ports.connections,
    )
  }

  get nowMs(): number {
    return this.ports.subject.nowMs
  }

  after(ms: number, action: () => void): void {
    this.ports.subject.plan(this.nowMs + Math.max(0, ms), action)
  }

  anyNode(): number {
    return this.pick(this.ports.subject.brokers).id
  }

  pick<T>(from: ReadonlyArray<T>): T {
    const value = from[this.prng.below(Math.max(1, from.length))]
    if (value === undefined) throw new Error("nothing to pick from")
    return value
  }

  anyPartition(): PartitionRef | undefined {
    const topics = this.ports.topics.alive()
    if (topics.length === 0) return undefined
    const topic = this.pick(topics)
    return { topic, partition: this.prng.below(topic.partitions) }
  }

  leaderOf({ topic, partition }: PartitionRef): Leader {
    return this.#leaders.get(`${topic.id}/${partition}`) ?? noLeader
  }

  /** KIP-951: an answer named it. Older epochs are no news. */
  learn({ topic, partition }: PartitionRef, node: number, epoch: number): void {
    const key = `${topic.id}/${partition}`
    const known = this.#leaders.get(key)
    if (known !== undefined && epoch < known.epoch) return
    this.#leaders.set(key, { node, epoch })
  }

  /** Answers that wait for one refresh share it. */
  refresh(then: () => void): void {
    if (this.#refreshing !== undefined) {
      this.#refreshing.push(then)
      return
    }
    const waiting = [then]
    this.#refreshing = waiting
    const names = this.ports.topics.alive().map(({ name }) => ({ name }))
    const { history } = this.ports
    const id = history.invoke(this.name, { f: "metadata", topics: [], missing: [] })
    const node = this.anyNode()
    const input = { topics: names, allowAutoTopicCreation: false }
    this.link.ask(node, metadata, this.pick([10, 12, 13]), input, 3000, (reply) => {
      this.#refreshing = undefined
      const { answer, connection } = reply
      const told = { node, connection, attempts: 1 }
      if (answer === "lost" || answer === "none") {
        history.complete(id, { ...told, outcome: "info", error: "LOST" })
      } else {
        const seen = this.#learnAll(answer)
        history.complete(id, { ...told, outcome: "ok" }, seen)
      }
      for (const done of waiting) done()
    })
  }

  /** The id of a topic; undefined when that broker does not know it, or nothing came back. */
  lookUp(name: string, then: (id: string | undefined) => void): void {
    const input = { topics: [{ name }], allowAutoTopicCreation: false }
    this.link.ask(this.anyNode(), metadata, 12, input, 3000, ({ answer }) => {
      const topic = typeof answer === "string" ? undefined : answer.topics[0]
      then(topic?.errorCode === 0 ? topic.topicId : undefined)
    })
  }

  #learnAll(answer: ResponseOf<typeof metadata>) {
    const topics: Array<TopicSeen> = []
    const missing: Array<string> = []
    for (const { name, topicId, errorCode, partitions } of answer.topics) {
      if (name === null) continue
      if (errorCode !== 0) {
        if (errorName(errorCode) === "UNKNOWN_TOPIC_OR_PARTITION") missing.push(name)
        continue
      }
      const known = this.ports.topics.all.find(({ id }) => id === topicId)
      if (known !== undefined) known.partitions = Math.max(known.partitions, partitions.length)
      const seen = partitions
        .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
        .map(({ partitionIndex, leaderId, leaderEpoch }) => {
          const ref = known && { topic: known, partition: partitionIndex }
          if (ref !== undefined) this.learn(ref, leaderId, leaderEpoch)
          return { leader: leaderId, epoch: leaderEpoch }
        })
      topics.push({ name, id: topicId, partitions: seen })
    }
    return { topics, missing }
  }
}
