/**
 * Reads assigned partitions, each from where it stands: one Fetch under way per leader, its records
 * handed out in order. Where a partition stands is `position`; what is not known yet, or lies
 * outside the log, is looked up by the reset policy.
 */
import { ErrorCode, errorName, isRetriable } from "../protocol/error-codes.ts"
import { fetch } from "../protocol/messages/fetch.ts"
import type { ResponseOf } from "../protocol/schema.ts"
import type { Client } from "./client.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"
import { decodeBatches, splitBatches } from "./fetched-records.ts"
import type { ConsumedRecord } from "./fetched-records.ts"
import { listLogOffsets, offsetNames } from "./offsets.ts"
import { groupByTopic, partitionName } from "./topic-partition.ts"
import type { TopicPartition } from "./topic-partition.ts"
import { readBatchHeader } from "../protocol/record-batch.ts"

export type OffsetReset = "earliest" | "latest" | "none"

export interface FetcherOptions {
  readonly offsetReset: OffsetReset
  readonly readCommitted?: boolean
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
}

interface Assigned extends TopicPartition {
  /** Undefined until it is looked up. */
  offset: number | undefined
  /** What to look up instead of the policy: one of `offsetNames`. */
  wanted: number | undefined
  /** Of the last record given; −1 before the first. */
  epoch: number
}

type FetchAnswer = ResponseOf<typeof fetch>
type FetchedPartition = FetchAnswer["responses"][number]["partitions"][number]

const defaults = { maxWaitMs: 500, minBytes: 1, maxBytes: 16 * 1024 * 1024 }
const partitionMaxBytes = 1024 * 1024
const backOffMs = 50

export class Fetcher {
  readonly #client: Client
  readonly #options: FetcherOptions
  #assigned = new Map<string, Assigned>()
  readonly #underWay = new Map<number, Promise<void>>()
  #ready: ConsumedRecord[] = []
  #failure: unknown
  #awake = false
  #wake: (() => void) | undefined

  constructor(client: Client, options: FetcherOptions) {
    this.#client = client
    this.#options = options
  }

  get assignment(): ReadonlyArray<TopicPartition> {
    return [...this.#assigned.values()]
  }

  /** Replaces the assignment; partitions that stay keep their position. */
  assign(partitions: ReadonlyArray<TopicPartition & { readonly offset?: number }>): void {
    const before = this.#assigned
    this.#assigned = new Map(
      partitions.map(({ topic, partition, offset }) => {
        const name = partitionName({ topic, partition })
        const known = before.get(name)
        return [name, known ?? { topic, partition, offset, wanted: undefined, epoch: -1 }]
      }),
    )
    this.#ready = this.#ready.filter((record) => this.#assigned.has(partitionName(record)))
  }

  /** To an offset, or to one of `offsetNames`. */
  seek(partition: TopicPartition, offset: number): void {
    const assigned = this.#assigned.get(partitionName(partition))
    if (assigned === undefined) throw new Error(`${partitionName(partition)} is not assigned`)
    assigned.offset = offset < 0 ? undefined : offset
    assigned.wanted = offset < 0 ? offset : undefined
    assigned.epoch = -1
    const name = partitionName(partition)
    this.#ready = this.#ready.filter((record) => partitionName(record) !== name)
  }

  /** The offset of the next record that `poll` will give; undefined until it is looked up. */
  position(partition: TopicPartition): number | undefined {
    const name = partitionName(partition)
    const waiting = this.#ready.find((record) => partitionName(record) === name)
    return waiting?.offset ?? this.#assigned.get(name)?.offset
  }

  /**
   * The leader epoch of the record before `position`; −1 where it is not known, and amid fetched
   * records, as with Kafka's consumer.
   */
  positionEpoch(partition: TopicPartition): number {
    const name = partitionName(partition)
    if (this.#ready.some((record) => partitionName(record) === name)) return -1
    return this.#assigned.get(name)?.epoch ?? -1
  }

  /** Lets a waiting `poll` return at once. */
  wakeUp(): void {
    this.#awake = true
    this.#wake?.()
  }

  /**
   * Up to `max` records as soon as there are any; none when the time is over or `wakeUp` is called.
   * Rejects with `KafkaError` for what does not pass.
   */
  async poll(timeoutMs: number, max = 500): Promise<ReadonlyArray<ConsumedRecord>> {
    const deadlineMs = performance.now() + timeoutMs
    while (this.#ready.length === 0) {
      this.#throwFailure()
      await this.#lookUpPositions(Math.max(0, deadlineMs - performance.now()))
      await this.#send()
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0) break
      if (await this.#woken(leftMs)) break
    }
    this.#throwFailure()
    const given = this.#ready.splice(0, max)
    for (const record of given) {
      const assigned = this.#assigned.get(partitionName(record))
      if (assigned !== undefined) assigned.epoch = record.leaderEpoch
    }
    return given
  }

  #throwFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
  }

  /** Waits for a fetch to come back; true when it was woken or the time is over. */
  async #woken(timeoutMs: number): Promise<boolean> {
    const over = Promise.withResolvers<boolean>()
    const timer = setTimeout(over.resolve, timeoutMs, true)
    this.#wake = () => over.resolve(true)
    if (this.#awake) over.resolve(true)
    const idle = this.#underWay.size === 0 ? [Bun.sleep(backOffMs)] : []
    const back = Promise.race([...this.#underWay.values(), ...idle]).then(() => false)
    const result = await Promise.race([over.promise, back])
    clearTimeout(timer)
    this.#awake = false
    return result
  }

  async #lookUpPositions(timeoutMs: number): Promise<void> {
    const open = [...this.#assigned.values()].filter(({ offset }) => offset === undefined)
    if (open.length === 0) return
    const policy = this.#options.offsetReset
    for (const name of new Set(open.map((one) => one.wanted ?? nameOf(policy)))) {
      const own = open.filter((one) => (one.wanted ?? nameOf(policy)) === name)
      const [first] = own
      if (name === undefined && first !== undefined) {
        const what = `Undefined offset with no reset policy for partitions: [${partitionName(first)}]`
        throw new KafkaError(ErrorCode.OFFSET_OUT_OF_RANGE, what)
      }
      await this.#lookUp(own, name ?? offsetNames.latest, timeoutMs)
    }
  }

  async #lookUp(partitions: ReadonlyArray<Assigned>, name: number, timeoutMs: number) {
    const options = { readCommitted: this.#options.readCommitted === true, timeoutMs }
    for (const answer of await listLogOffsets(this.#client, partitions, name, options)) {
      const assigned = partitions.find((one) => partitionName(one) === partitionName(answer))
      if (assigned === undefined) continue
      if (answer.errorCode === ErrorCode.NONE) assigned.offset ??= answer.offset
      else if (!isRetriable(answer.errorCode)) throw errorOf(answer, answer.errorCode)
    }
  }

  /** One Fetch to each leader that has none under way, for all that is assigned of it. */
  async #send(): Promise<void> {
    const byLeader = new Map<number, Assigned[]>()
    for (const one of this.#assigned.values()) {
      if (one.offset === undefined) continue
      const leader = await this.#client
        .leader(one.topic, one.partition)
        .catch((error: unknown) => this.#passing(error))
      if (leader === undefined || this.#underWay.has(leader.nodeId)) continue
      byLeader.set(leader.nodeId, [...(byLeader.get(leader.nodeId) ?? []), one])
    }
    for (const [nodeId, partitions] of byLeader) {
      const sent = this.#fetch(nodeId, partitions)
        .catch((error: unknown) => {
          for (const { topic, partition } of partitions) this.#client.forgetLeader(topic, partition)
          this.#passing(error)
          return Bun.sleep(backOffMs)
        })
        .finally(() => this.#underWay.delete(nodeId))
      this.#underWay.set(nodeId, sent)
    }
  }

  #passing(error: unknown): undefined {
    const passes =
      error instanceof ConnectionLost || (error instanceof KafkaError && isRetriable(error.code))
    if (!passes) this.#failure ??= error
    return undefined
  }

  async #fetch(nodeId: number, partitions: ReadonlyArray<Assigned>): Promise<void> {
    const { maxWaitMs, minBytes, maxBytes } = { ...defaults, ...this.#options }
    const connection = await this.#client.broker(nodeId)
    const asked = new Map(partitions.map((one) => [partitionName(one), one.offset]))
    const names = new Map<string, string>()
    const topics = groupByTopic(partitions).map(({ topic, partitions: own }) => {
      const topicId = this.#client.knownLeader(own[0] ?? { topic, partition: 0 })?.topicId ?? ""
      names.set(topicId, topic)
      return {
        topic,
        topicId,
        partitions: own.map(({ partition, offset }) => ({
          partition,
          fetchOffset: offset ?? 0,
          partitionMaxBytes,
        })),
      }
    })
    const isolationLevel = this.#options.readCommitted === true ? 1 : 0
    const input = { maxWaitMs, minBytes, maxBytes, isolationLevel, topics }
    const answer = await connection.request(fetch, input, { timeoutMs: maxWaitMs + 30_000 })
    if (answer.errorCode !== ErrorCode.NONE) {
      throw new KafkaError(answer.errorCode, errorName(answer.errorCode))
    }
    for (const response of answer.responses) {
      const topic = response.topic === "" ? names.get(response.topicId) : response.topic
      for (const one of response.partitions) {
        const name = partitionName({ topic: topic ?? "", partition: one.partitionIndex })
        const assigned = this.#assigned.get(name)
        // It may have been taken away, or moved, in the meantime.
        if (assigned !== undefined && assigned.offset === asked.get(name)) {
          this.#take(assigned, assigned.offset ?? 0, one)
        }
      }
    }
  }

  #take(assigned: Assigned, offset: number, fetched: FetchedPartition): void {
    if (fetched.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
      if (this.#options.offsetReset === "none") {
        this.#failure ??= errorOf(assigned, fetched.errorCode)
      }
      assigned.offset = undefined
      assigned.wanted = undefined
      return
    }
    if (fetched.errorCode !== ErrorCode.NONE) {
      this.#client.forgetLeader(assigned.topic, assigned.partition)
      this.#passing(errorOf(assigned, fetched.errorCode))
      return
    }
    const batches = splitBatches(fetched.records)
    const aborted = this.#options.readCommitted === true ? (fetched.abortedTransactions ?? []) : []
    this.#ready.push(...decodeBatches(batches, assigned, offset, aborted))
    const last = batches.at(-1)
    const header = last === undefined ? undefined : readBatchHeader(last)
    if (header !== undefined) assigned.offset = header.baseOffset + header.lastOffsetDelta + 1
  }
}

const nameOf = (policy: OffsetReset): number | undefined =>
  policy === "none" ? undefined : offsetNames[policy]

const errorOf = (partition: TopicPartition, code: number): KafkaError =>
  new KafkaError(code, `${partitionName(partition)}: ${errorName(code)}`)
