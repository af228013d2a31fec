/**
 * Makes and deletes topics, adds partitions and, where the broker serves it, moves replicas. Topics
 * that are to last are left alone but for growing and moving.
 */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import { alterPartitionReassignments } from "../../protocol/reassignments.ts"
import { createPartitions } from "../../protocol/messages/create-partitions.ts"
import { createTopics } from "../../protocol/messages/create-topics.ts"
import { deleteTopics } from "../../protocol/messages/delete-topics.ts"
import type { TopicCall, Told } from "../../chaos/history/history.ts"
import { backOffMs, Client } from "./client.ts"
import type { ClientPorts } from "./client.ts"
import type { KnownTopic } from "./topic-table.ts"

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly configs: Readonly<Record<string, string>>
}

const timeoutMs = 8000
/** Beside the lasting ones. */
const passingTopicsMax = 3
const partitionsMax = 8

/** Refused before anything was decided. */
const definite: ReadonlySet<number> = new Set<number>([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.INVALID_PARTITIONS,
  ErrorCode.INVALID_REPLICATION_FACTOR,
  ErrorCode.INVALID_REPLICA_ASSIGNMENT,
  ErrorCode.TOPIC_ALREADY_EXISTS,
])

export class Admin extends Client {
  readonly #thinkMs: number
  #busy = false
  #made = 0
  #rounds = 0

  constructor(name: string, seed: number, ports: ClientPorts, thinkMs: number) {
    super(name, seed, ports)
    this.#thinkMs = thinkMs
  }

  get outstanding(): number {
    return this.#busy ? 1 : 0
  }

  start(): void {
    this.after(this.prng.below(this.#thinkMs + 1), () => this.#think())
  }

  #think(): void {
    if (this.ports.mayBegin()) this.#begin()
    else this.#rest()
  }

  readonly #rest = (): void => {
    this.#busy = false
    this.after(1 + this.prng.below(2 * this.#thinkMs), () => this.#think())
  }

  #begin(): void {
    this.#busy = true
    this.#rounds++
    const alive = this.ports.topics.alive()
    const passing = alive.filter(({ isLasting }) => !isLasting)
    const choice = this.prng.below(6)
    if (choice < 2 && passing.length < passingTopicsMax) {
      const name = `${this.name}.topic-${this.#made++ % 4}`
      const replicationFactor = 1 + this.prng.below(Math.min(3, this.ports.subject.brokers.length))
      const partitions = 1 + this.prng.below(3)
      return this.create({ name, partitions, replicationFactor, configs: {} }, false, this.#rest)
    }
    const passed = passing[this.prng.below(Math.max(1, passing.length))]
    if (choice < 4 && passed !== undefined) return this.#delete(passed)
    const any = alive[this.prng.below(Math.max(1, alive.length))]
    if (any === undefined) return this.#rest()
    if (choice === 5) return this.#move(any)
    return any.isLasting || any.partitions >= partitionsMax ? this.#rest() : this.#grow(any)
  }

  /** `isLasting`: tried until it is there, since the run depends on it. */
  create(topic: NewTopic, isLasting: boolean, done: () => void): void {
    const { name, partitions: numPartitions, replicationFactor } = topic
    const again = () => this.after(backOffMs, () => this.create(topic, true, done))
    const configs = Object.entries(topic.configs).map(([key, value]) => ({ name: key, value }))
    const input = {
      topics: [{ name, numPartitions, replicationFactor, configs }],
      timeoutMs: timeoutMs / 2,
    }
    const end = this.#invoke("create", name, "", numPartitions)
    this.link.ask(this.anyNode(), createTopics, 7, input, timeoutMs, ({ answer, connection }) => {
      const result = typeof answer === "string" ? undefined : answer.topics[0]
      const code = result?.errorCode
      end(code, connection, result?.topicId)
      if (result !== undefined && code === ErrorCode.NONE) {
        this.#add(topic, result.topicId, isLasting)
        return done()
      }
      if (!isLasting) return done()
      if (code === ErrorCode.TOPIC_ALREADY_EXISTS) return this.#find(topic, done)
      again()
    })
  }

  #add(topic: NewTopic, id: string, isLasting: boolean): void {
    const { name, partitions, replicationFactor } = topic
    this.ports.topics.add({ name, id, partitions, replicationFactor, isLasting, isDeleted: false })
  }

  /** An attempt whose answer was lost has made it: its id is asked for. */
  #find(topic: NewTopic, done: () => void): void {
    this.lookUp(topic.name, (id) => {
      if (id === undefined) return this.after(backOffMs, () => this.#find(topic, done))
      this.#add(topic, id, true)
      done()
    })
  }

  #delete(topic: KnownTopic): void {
    const { name, id } = topic
    const end = this.#invoke("delete", name, id, topic.partitions)
    topic.isDeleted = true
    const input = { topics: [{ name: null, topicId: id }], timeoutMs: timeoutMs / 2 }
    this.link.ask(this.anyNode(), deleteTopics, 6, input, timeoutMs, ({ answer, connection }) => {
      const result = typeof answer === "string" ? undefined : answer.responses[0]
      end(result?.errorCode, connection, id)
      this.#rest()
    })
  }

  #grow(topic: KnownTopic): void {
    const count = topic.partitions + 1
    const end = this.#invoke("grow", topic.name, topic.id, count)
    const input = { topics: [{ name: topic.name, count }], timeoutMs: timeoutMs / 2 }
    this.link.ask(this.anyNode(), createPartitions, 3, input, timeoutMs, (reply) => {
      const { answer, connection } = reply
      const result = typeof answer === "string" ? undefined : answer.results[0]
      end(result?.errorCode, connection, topic.id)
      if (result?.errorCode === ErrorCode.NONE) topic.partitions = count
      this.#rest()
    })
  }

  #move(topic: KnownTopic): void {
    const { brokers } = this.ports.subject
    const served = brokers.find(({ node }) => node !== undefined)?.node?.served(45, 0)
    if (served !== "served" || !topic.isLasting) return this.#rest()
    const ids = brokers.map(({ id }) => id)
    const replicas: Array<number> = []
    while (replicas.length < Math.min(topic.replicationFactor, ids.length)) {
      const id = this.pick(ids)
      if (!replicas.includes(id)) replicas.push(id)
    }
    const partitionIndex = this.prng.below(topic.partitions)
    // Now and then what is under way is called off.
    const asked = this.#rounds % 4 === 0 ? null : replicas
    const end = this.#invoke("reassign", topic.name, topic.id, partitionIndex)
    const input = {
      timeoutMs: timeoutMs / 2,
      topics: [{ name: topic.name, partitions: [{ partitionIndex, replicas: asked }] }],
    }
    const api = alterPartitionReassignments
    this.link.ask(this.anyNode(), api, 0, input, timeoutMs, ({ answer, connection }) => {
      const result = typeof answer === "string" ? undefined : answer.responses[0]?.partitions[0]
      const top = typeof answer === "string" ? undefined : answer.errorCode
      end(result?.errorCode ?? top, connection, topic.id)
      this.#rest()
    })
  }

  #invoke(f: TopicCall["f"], topic: string, topicId: string, partitions: number) {
    const { history } = this.ports
    const call: TopicCall = { f, topic, topicId, partitions }
    const operation = history.invoke(this.name, call)
    return (code: number | undefined, connection: number, id = topicId): void => {
      const isDefinite = code !== undefined && definite.has(code)
      const outcome: Told["outcome"] = code === ErrorCode.NONE ? "ok" : isDefinite ? "fail" : "info"
      const error = code === undefined ? "LOST" : code === 0 ? "" : errorName(code)
      const told = { outcome, connection, attempts: 1, error }
      history.complete(operation, told, { f, topicId: id })
    }
  }
}
