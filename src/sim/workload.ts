/**
 * All clients of one run, drawn from one seed: producers, consumers, an inspector of offsets, an
 * administrator. They record one history, and go on through faults as real clients do.
 */
import { Prng } from "../../raft/prng.ts"
import { checkHistory } from "../chaos/checkers/index.ts"
import type { HistoryVerdict } from "../chaos/checkers/index.ts"
import { Admin } from "./clients/admin.ts"
import type { ClientPorts } from "./clients/client.ts"
import { Consumer } from "./clients/consumer.ts"
import { ConsumerGroupMember } from "./clients/consumer-group-member.ts"
import { Drainer } from "./clients/drain.ts"
import { GroupMember } from "./clients/group-member.ts"
import { GroupProbes } from "./clients/group-probes.ts"
import { Inspector } from "./clients/inspector.ts"
import { Probes } from "./clients/probes.ts"
import { Producer } from "./clients/producer.ts"
import type { ProducerShape } from "./clients/producer.ts"
import { Remover } from "./clients/remover.ts"
import { TopicTable } from "./clients/topic-table.ts"
import type { PartitionRef } from "./clients/topic-table.ts"
import { History } from "../chaos/history/history.ts"
import { LogStarts } from "./log-starts.ts"
import type { Range, WorkloadShape } from "./options.ts"
import type { Subject } from "./subject.ts"

export interface WorkloadTopic {
  readonly partitions: number
  readonly replicationFactor: number
  readonly configs?: Readonly<Record<string, string>>
}

export interface WorkloadOptions {
  readonly seed: number
  /** Named t0, t1, …; made first, and never deleted. */
  readonly topics: ReadonlyArray<WorkloadTopic>
  readonly shape: WorkloadShape
  /** One way, between clients and brokers; [0, 2] unless said otherwise. */
  readonly latencyMs?: Range
  /** Called when a batch is acknowledged by all: `Invariants.acknowledged`. */
  readonly acknowledged?: (topicId: string, partition: number, endOffset: number) => void
}

export type { Probes } from "./clients/probes.ts"

type Busy = { readonly outstanding: number; start(): void }

export class Workload {
  readonly history: History
  readonly topics = new TopicTable()
  readonly producers: ReadonlyArray<Producer>
  readonly consumers: ReadonlyArray<Consumer>
  readonly #subject: Subject
  readonly #options: WorkloadOptions
  readonly #ports: ClientPorts
  readonly #prng: Prng
  readonly #others: ReadonlyArray<Busy>
  readonly #setup: Admin
  readonly #logStarts = new LogStarts()
  #isOn = false
  #setupLeft: number

  constructor(subject: Subject, options: WorkloadOptions) {
    this.#subject = subject
    this.#options = options
    this.#prng = new Prng(options.seed)
    this.history = new History(() => subject.nowMs)
    subject.observe(this.#logStarts)
    this.#setupLeft = options.topics.length
    this.#ports = {
      subject,
      history: this.history,
      topics: this.topics,
      latencyMs: options.latencyMs ?? [0, 2],
      connections: { next: 1 },
      mayBegin: () => this.#mayBegin(),
      acknowledged: ({ topic, partition }, endOffset) =>
        options.acknowledged?.(topic.id, partition, endOffset),
    }
    this.#setup = new Admin("setup", this.#seed(), this.#ports, 1000)
    this.producers = this.#makeProducers()
    this.consumers = this.#makeConsumers()
    this.#others = this.#makeOthers()
  }

  /** Makes the topics, and sets the clients going once they are there. */
  start(): void {
    this.#options.topics.forEach((topic, i) => {
      const { partitions, replicationFactor, configs = {} } = topic
      this.#setup.create({ name: `t${i}`, partitions, replicationFactor, configs }, true, () => {
        if (--this.#setupLeft === 0) this.#startClients()
      })
    })
  }

  #startClients(): void {
    this.#isOn = true
    for (const client of this.#clients()) client.start()
  }

  #clients(): ReadonlyArray<Busy> {
    return [...this.producers, ...this.consumers, ...this.#others]
  }

  /** All topics are there, and clients are at work. */
  get isOn(): boolean {
    return this.#isOn
  }

  #mayBegin(): boolean {
    return this.#isOn && this.history.operations.length < this.#options.shape.operations
  }

  /** Whether clients may still begin something of their own. */
  get isSpent(): boolean {
    return this.history.operations.length >= this.#options.shape.operations
  }

  /** Nothing new begins; what is under way goes on until it is done or given up. */
  stop(): void {
    this.#isOn = false
  }

  /** Operations that clients still wait for. */
  get outstanding(): number {
    return this.#clients().reduce((sum, client) => sum + client.outstanding, 0)
  }

  /**
   * Reads every replica to its end. Done when `left` is 0; after `stop`, with the cluster healed.
   */
  drain(): Drainer {
    const drainer = new Drainer("drain", this.#seed(), this.#ports)
    drainer.start((ref) => this.replicasOf(ref))
    return drainer
  }

  /** Writes once to every lasting partition. */
  probe(): Probes {
    const probes = new Probes("probe", this.#seed(), this.#ports)
    probes.start()
    return probes
  }

  /** Brokers that hold the partition, as far as they know themselves; empty while they disagree. */
  replicasOf({ topic, partition }: PartitionRef): ReadonlyArray<number> {
    let newest: { readonly index: number; readonly replicas: ReadonlyArray<number> } | undefined
    for (const { node } of this.#subject.brokers) {
      const info = node?.image.topicsById.get(topic.id)?.partitions[partition]
      if (node === undefined || info === undefined) continue
      if (newest === undefined || node.image.index > newest.index) {
        newest = { index: node.image.index, replicas: info.replicas }
      }
    }
    return newest?.replicas ?? []
  }

  check(): HistoryVerdict {
    const { brokers } = this.#subject
    return checkHistory(this.history.operations, this.#logStarts.byPartition(brokers))
  }

  // ---- making clients

  #seed(): number {
    return this.#prng.nextUint32()
  }

  #makeProducers(): ReadonlyArray<Producer> {
    const { producers } = this.#options.shape
    return Array.from({ length: producers }, (_, i) => {
      return new Producer(`p${i}`, this.#seed(), this.#ports, this.#producerShape())
    })
  }

  #producerShape(): ProducerShape {
    const { shape } = this.#options
    const isIdempotent = this.#prng.below(100) < shape.idempotentPercent
    const requestTimeoutMs = this.#pick([800, 2000, 5000])
    return {
      isIdempotent,
      acks: isIdempotent ? -1 : this.#pick([-1, -1, 1, 0]),
      inFlightMax: isIdempotent ? this.#pick([1, 3, 5]) : 1,
      retriesUnknown: this.#prng.below(2) === 0,
      requestTimeoutMs,
      deliveryTimeoutMs: requestTimeoutMs * this.#pick([2, 5, 20]),
      thinkMs: shape.thinkMs,
      recordsPerBatch: shape.recordsPerBatch,
      valueBytes: shape.valueBytes,
    }
  }

  #makeConsumers(): ReadonlyArray<Consumer> {
    const { consumers, thinkMs, mix } = this.#options.shape
    if (mix.fetch === 0) return []
    const slowness = Math.max(1, Math.round((3 * mix.produce) / mix.fetch / 3))
    return Array.from({ length: consumers }, (_, i) => {
      return new Consumer(`c${i}`, this.#seed(), this.#ports, {
        thinkMs: thinkMs * slowness,
        maxWaitMs: this.#pick([0, 100, 500]),
        bytesMax: this.#pick([1000, 20_000, 1 << 20]),
        followerPercent: this.#pick([0, 30, 100]),
        rewindPercent: this.#pick([0, 5, 20]),
      })
    })
  }

  #makeOthers(): ReadonlyArray<Busy> {
    const { thinkMs, mix, removeEveryMs } = this.#options.shape
    const slower = (weight: number) => Math.round((thinkMs * mix.produce) / weight)
    const others: Array<Busy> = []
    if (mix.listOffsets > 0) {
      const think = slower(mix.listOffsets)
      others.push(new Inspector("i0", this.#seed(), this.#ports, think))
    }
    if (mix.admin > 0) {
      others.push(new Admin("a0", this.#seed(), this.#ports, slower(mix.admin)))
    }
    if (removeEveryMs !== undefined) {
      others.push(new Remover("d0", this.#seed(), this.#ports, removeEveryMs))
    }
    return [...others, ...this.#makeMembers()]
  }

  #makeMembers(): ReadonlyArray<Busy> {
    const { groups: shape } = this.#options.shape
    if (shape === undefined) return []
    const heartbeatMs = Math.ceil(shape.sessionTimeoutMs / 5)
    return this.#groupIds.flatMap((group, topic) =>
      Array.from({ length: shape.membersPerGroup }, (_, i) => {
        const member = { ...shape, group, topic, heartbeatMs }
        const Member =
          (100 * topic) / shape.groups < shape.consumerPercent ? ConsumerGroupMember : GroupMember
        return new Member(`${group}.m${i}`, this.#seed(), this.#ports, member)
      }),
    )
  }

  get #groupIds(): ReadonlyArray<string> {
    const { groups = 0 } = this.#options.shape.groups ?? {}
    return Array.from({ length: groups }, (_, i) => `g${i}`)
  }

  /** Asks every group's coordinator once more what the group has committed. */
  probeGroups(): GroupProbes {
    const groups = this.#groupIds
    const seed = groups.length === 0 ? 0 : this.#seed()
    const probes = new GroupProbes("groups", seed, this.#ports, groups)
    probes.start()
    return probes
  }

  #pick<T>(from: ReadonlyArray<T>): T {
    const value = from[this.#prng.below(from.length)]
    if (value === undefined) throw new Error("nothing to pick from")
    return value
  }
}
