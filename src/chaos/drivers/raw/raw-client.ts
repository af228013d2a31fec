/**
 * What every client over varve's own codec has: its chance, its connections, its view of who leads,
 * and a gate at which it stands still when it is paused. Errors are answers; nothing here rejects.
 */
import type { Prng } from "../../../../raft/prng.ts"
import { stream } from "../../../../raft/prng.ts"
import { errorName } from "../../../protocol/error-codes.ts"
import { metadata } from "../../../protocol/messages/metadata.ts"
import type { Api, RequestInput, ResponseOf } from "../../../protocol/schema.ts"
import type { RunClock } from "../../clock.ts"
import type { MetadataCall, TopicSeen } from "../../history/history.ts"
import type { Recorder } from "../../history/recorder.ts"
import type { Tally } from "../client.ts"
import { Gate } from "../gate.ts"
import { partitionsOf } from "../partition.ts"
import type { PartitionRef, Topic } from "../partition.ts"
import { Links } from "./links.ts"
import type { AskOptions, Connect, LinkReply } from "./links.ts"

export interface RawPorts {
  readonly clock: RunClock
  readonly recorder: Recorder
  readonly tally: Tally
  readonly seed: number
  readonly runId: string
  readonly topics: ReadonlyArray<Topic>
  readonly nodes: ReadonlyArray<number>
  readonly connect: Connect
  readonly connections: { next: number }
}

interface Leader {
  readonly node: number
  readonly epoch: number
}

const noLeader: Leader = { node: -1, epoch: -1 }

/** Kafka's retry.backoff.ms. */
export const backOffMs = 100
const metadataTimeoutMs = 3000

export class RawClient {
  /** Without its session: "raw.p0". */
  readonly name: string
  readonly ports: RawPorts
  readonly chance: Prng
  readonly gate: Gate
  isDisposed = false
  readonly #links: Links
  readonly #leaders = new Map<string, Leader>()
  readonly #replicas = new Map<string, ReadonlyArray<number>>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  #refreshing: Promise<void> | undefined

  constructor(name: string, ports: RawPorts, gate = new Gate()) {
    this.name = name
    this.ports = ports
    this.gate = gate
    this.chance = stream(ports.seed, name)
    this.#links = new Links(ports.connect, ports.connections)
  }

  get nowMs(): number {
    return this.ports.clock.nowMs()
  }

  /** Not when it has been disposed by then; later when it is paused then. */
  after(ms: number, action: () => void): void {
    if (this.isDisposed) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (this.gate.isOpen) action()
      else void this.gate.opened().then(() => !this.isDisposed && action())
    }, ms)
    this.#timers.add(timer)
  }

  anyNode(): number {
    return this.pick(this.ports.nodes)
  }

  pick<T>(from: ReadonlyArray<T>): T {
    const value = from[this.chance.below(Math.max(1, from.length))]
    if (value === undefined) throw new Error("nothing to pick from")
    return value
  }

  /** Evenly from min to max, both included. */
  between([min, max]: readonly [number, number]): number {
    return min + this.chance.below(max - min + 1)
  }

  /** The answer is heard when the client is not paused. */
  async ask<A extends Api>(
    node: number,
    api: A,
    input: RequestInput<A>,
    options: AskOptions,
  ): Promise<LinkReply<A>> {
    const reply = await this.#links.ask(node, api, input, options)
    if (!this.gate.isOpen) await this.gate.opened()
    return reply
  }

  /** For what has no answer. */
  tell<A extends Api>(node: number, api: A, input: RequestInput<A>) {
    return this.#links.tell(node, api, input)
  }

  leaderOf(ref: PartitionRef): Leader {
    return this.#leaders.get(ref.key) ?? noLeader
  }

  /** The brokers that hold it, as last heard; all of them where nothing was heard. */
  replicasOf(ref: PartitionRef): ReadonlyArray<number> {
    return this.#replicas.get(ref.key) ?? this.ports.nodes
  }

  /** KIP-951: an answer named it. Older epochs are no news. */
  learn(ref: { readonly key: string }, node: number, epoch: number): void {
    const known = this.#leaders.get(ref.key)
    if (node < 0 || (known !== undefined && epoch < known.epoch)) return
    this.#leaders.set(ref.key, { node, epoch })
  }

  /** What was believed proved wrong, and no better is known. */
  forgetLeader(ref: PartitionRef): void {
    this.#leaders.set(ref.key, { node: -1, epoch: this.leaderOf(ref).epoch })
  }

  /** Asks a broker for metadata; those who wait share one request. */
  refresh(node = this.anyNode()): Promise<void> {
    this.#refreshing ??= this.#refresh(node).finally(() => (this.#refreshing = undefined))
    return this.#refreshing
  }

  dispose(): void {
    this.isDisposed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
    this.#links.close()
  }

  async #refresh(node: number): Promise<void> {
    const { topics, recorder } = this.ports
    const begun = recorder.begin(this.name, { f: "metadata", topics: [], missing: [] })
    const input = { topics: topics.map(({ name }) => ({ name })), allowAutoTopicCreation: false }
    const reply = await this.ask(node, metadata, input, { timeoutMs: metadataTimeoutMs })
    const told = { node, connection: reply.connection, attempts: 1 }
    if (reply._tag !== "answer") {
      begun.end({ ...told, outcome: "info", error: reply.error })
      return
    }
    begun.end({ ...told, outcome: "ok" }, this.#learnAll(reply.answer))
  }

  #learnAll(answer: ResponseOf<typeof metadata>): MetadataCall {
    const topics: Array<TopicSeen> = []
    const missing: Array<string> = []
    for (const { name, topicId, errorCode, partitions } of answer.topics) {
      if (name === null) continue
      if (errorCode !== 0) {
        if (errorName(errorCode) === "UNKNOWN_TOPIC_OR_PARTITION") missing.push(name)
        continue
      }
      const refs = this.#refsOf(topicId)
      const seen: Array<{ leader: number; epoch: number }> = []
      for (const { partitionIndex, leaderId, leaderEpoch, replicaNodes } of partitions) {
        seen[partitionIndex] = { leader: leaderId, epoch: leaderEpoch }
        const ref = refs.get(partitionIndex)
        if (ref === undefined) continue
        this.learn(ref, leaderId, leaderEpoch)
        this.#replicas.set(ref.key, replicaNodes)
      }
      topics.push({ name, id: topicId, partitions: seen })
    }
    return { f: "metadata", topics, missing }
  }

  #refsOf(topicId: string): ReadonlyMap<number, PartitionRef> {
    const topic = this.ports.topics.find(({ id }) => id === topicId)
    return new Map(
      topic === undefined ? [] : partitionsOf(topic).map((ref) => [ref.partition, ref]),
    )
  }
}
