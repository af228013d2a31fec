/**
 * A producer as Kafka's: batches of one partition pipelined up to five, tried again with the same
 * sequence numbers until they are delivered or given up; after a loss it begins anew under another
 * producer id.
 */
import { errorName } from "../../protocol/error-codes.ts"
import { initProducerId } from "../../protocol/messages/init-producer-id.ts"
import { produce } from "../../protocol/messages/produce.ts"
import { buildBatch } from "../../protocol/record.ts"
import { partitionKey } from "../../chaos/history/history.ts"
import type { Append, Told } from "../../chaos/history/history.ts"
import { backOffMs, Client } from "./client.ts"
import type { ClientPorts } from "./client.ts"
import type { LinkReply } from "./client-link.ts"
import { produceVerdict } from "./produce-outcome.ts"
import type { PartitionRef } from "./topic-table.ts"
import { valueOf } from "../../chaos/history/values.ts"

export interface ProducerShape {
  readonly isIdempotent: boolean
  readonly acks: -1 | 0 | 1
  /** Batches of one partition on their way, at most 5 for an idempotent one. */
  readonly inFlightMax: number
  /** Whether an unknown outcome is tried again: an idempotent producer always does. */
  readonly retriesUnknown: boolean
  readonly requestTimeoutMs: number
  readonly deliveryTimeoutMs: number
  readonly thinkMs: number
  readonly recordsPerBatch: readonly [number, number]
  readonly valueBytes: readonly [number, number]
}

interface Batch {
  readonly ref: PartitionRef
  readonly operation: number
  readonly records: Uint8Array
  readonly count: number
  readonly baseSequence: number
  readonly deadlineMs: number
  attempts: number
  /** Some attempt may have been appended. */
  isUnknown: boolean
  isSent: boolean
  done: boolean
  node: number
  connection: number
}

interface Identity {
  readonly id: number
  readonly epoch: number
}

const anonymous: Identity = { id: -1, epoch: -1 }

export class Producer extends Client {
  readonly shape: ProducerShape
  /** "asking": no batch may be made. */
  #identity: Identity | "asking"
  readonly #queues = new Map<string, Array<Batch>>()
  readonly #sequences = new Map<string, number>()
  /** Partitions whose queue will be looked at again. */
  readonly #retrying = new Set<string>()
  #made = 0

  constructor(name: string, seed: number, ports: ClientPorts, shape: ProducerShape) {
    super(name, seed, ports)
    this.shape = shape
    this.#identity = shape.isIdempotent ? "asking" : anonymous
  }

  start(): void {
    if (this.#identity === "asking") this.#askIdentity()
    this.after(this.prng.below(this.shape.thinkMs + 1), () => this.#think())
  }

  get outstanding(): number {
    let count = 0
    for (const queue of this.#queues.values()) count += queue.length
    return count
  }

  #think(): void {
    if (this.ports.mayBegin()) this.#begin()
    this.after(1 + this.prng.below(2 * this.shape.thinkMs), () => this.#think())
  }

  #begin(): void {
    const ref = this.anyPartition()
    if (ref !== undefined) this.produceTo(ref)
  }

  /** False: it has no identity yet, or enough on its way. */
  produceTo(ref: PartitionRef): boolean {
    const identity = this.#identity
    const key = `${ref.topic.id}/${ref.partition}`
    const queue = this.#queues.get(key) ?? []
    if (identity === "asking" || queue.length >= this.shape.inFlightMax) return false
    this.#queues.set(key, queue)
    queue.push(this.#make(ref, key, identity))
    this.#pump(key)
    return true
  }

  #make(ref: PartitionRef, key: string, identity: Identity): Batch {
    const { isIdempotent, recordsPerBatch, valueBytes, acks, deliveryTimeoutMs } = this.shape
    const count = this.#between(recordsPerBatch)
    const baseSequence = isIdempotent ? (this.#sequences.get(key) ?? 0) : -1
    if (isIdempotent) this.#sequences.set(key, baseSequence + count)
    const timestamp = this.nowMs - this.prng.below(20)
    const values: Array<string> = []
    const records = Array.from({ length: count }, () => {
      const name = `${this.name}.${this.#made++}`
      values.push(name)
      return { value: valueOf(name, this.#between(valueBytes)), timestamp }
    })
    const call: Append = {
      f: "append",
      partition: partitionKey(ref.topic.name, ref.topic.id, ref.partition),
      values,
      acks,
      producer: isIdempotent ? { ...identity, baseSequence } : null,
      timestampMs: timestamp,
      offset: -1,
    }
    return {
      ref,
      operation: this.ports.history.invoke(this.name, call),
      records: buildBatch({
        records,
        producerId: identity.id,
        producerEpoch: identity.epoch,
        baseSequence,
      }),
      count,
      baseSequence,
      deadlineMs: this.nowMs + deliveryTimeoutMs,
      attempts: 0,
      isUnknown: false,
      isSent: false,
      done: false,
      node: -1,
      connection: -1,
    }
  }

  #between([min, max]: readonly [number, number]): number {
    return min + this.prng.below(max - min + 1)
  }

  /** Sends what waits, oldest first: a batch behind one that waits would be out of order. */
  #pump(key: string): void {
    const queue = this.#queues.get(key) ?? []
    const first = queue.find((batch) => !batch.isSent)
    if (first === undefined || this.#retrying.has(key)) return
    const expired = queue.some((batch) => this.nowMs >= batch.deadlineMs)
    if (expired || first.ref.topic.isDeleted) return this.#giveUp(key)
    const { node } = this.leaderOf(first.ref)
    if (node === -1) {
      this.#retrying.add(key)
      return this.refresh(() => this.#again(key))
    }
    for (const batch of queue) if (!batch.isSent) this.#send(key, batch, node)
  }

  #again(key: string): void {
    this.#retrying.add(key)
    this.after(backOffMs / 2 + this.prng.below(backOffMs), () => {
      this.#retrying.delete(key)
      this.#pump(key)
    })
  }

  #send(key: string, batch: Batch, node: number): void {
    const { acks, requestTimeoutMs } = this.shape
    const { topic, partition } = batch.ref
    batch.isSent = true
    batch.attempts++
    batch.node = node
    const input = {
      acks,
      timeoutMs: Math.ceil(requestTimeoutMs / 2),
      topicData: [
        {
          name: topic.name,
          topicId: topic.id,
          // A copy: the leader writes its offset and epoch into the bytes.
          partitionData: [{ index: partition, records: batch.records.slice() }],
        },
      ],
    }
    const version = topic.isLasting ? this.pick([9, 11, 13]) : 13
    this.link.ask(node, produce, version, input, requestTimeoutMs, (reply) =>
      this.#answered(key, batch, reply),
    )
  }

  #answered(key: string, batch: Batch, reply: LinkReply<typeof produce>): void {
    if (batch.done) return
    batch.isSent = false
    batch.connection = reply.connection
    const { answer } = reply
    if (answer === "none") return this.#finish(key, batch, { outcome: "ok" })
    const result = answer === "lost" ? undefined : answer.responses[0]?.partitionResponses[0]
    if (result === undefined) return this.#unknown(key, batch, "LOST")
    const { errorCode, baseOffset, currentLeader } = result
    if (currentLeader.leaderId >= 0) {
      this.learn(batch.ref, currentLeader.leaderId, currentLeader.leaderEpoch)
    }
    const error = errorName(errorCode)
    switch (produceVerdict(errorCode)) {
      case "appended":
        this.#finish(key, batch, { outcome: "ok" }, { offset: baseOffset })
        if (this.shape.acks !== -1) return
        return this.ports.acknowledged?.(batch.ref, baseOffset + batch.count)
      case "notAppended":
        return this.#retry(key)
      case "unknown":
        return this.#unknown(key, batch, error)
      case "outOfOrder":
        return this.#outOfOrder(key, batch, error)
      case "refused":
        this.#finish(key, batch, { outcome: batch.isUnknown ? "info" : "fail", error })
        return this.#reset(key)
    }
  }

  #unknown(key: string, batch: Batch, error: string): void {
    batch.isUnknown = true
    if (!this.shape.isIdempotent && !this.shape.retriesUnknown) {
      return this.#finish(key, batch, { outcome: "info", error })
    }
    this.#retry(key)
  }

  /** Of a later batch it only means that an earlier one is not there yet. */
  #outOfOrder(key: string, batch: Batch, error: string): void {
    const isFirst = this.#queues.get(key)?.[0] === batch
    if (!isFirst) return this.#retry(key)
    this.#finish(key, batch, { outcome: batch.isUnknown ? "info" : "fail", error })
    this.#reset(key)
  }

  #retry(key: string): void {
    if (this.#retrying.has(key)) return
    this.#retrying.add(key)
    this.refresh(() => this.#again(key))
  }

  #finish(key: string, batch: Batch, told: Told, result: Partial<Append> = {}): void {
    batch.done = true
    const queue = this.#queues.get(key) ?? []
    const at = queue.indexOf(batch)
    if (at >= 0) queue.splice(at, 1)
    const { node, connection, attempts } = batch
    this.ports.history.complete(
      batch.operation,
      { node, connection, attempts, ...told },
      { ...result, f: "append" },
    )
  }

  #giveUp(key: string): void {
    for (const batch of this.#queues.get(key)?.slice() ?? []) {
      const mayBeThere = batch.isUnknown || batch.isSent
      const outcome = mayBeThere ? "info" : "fail"
      this.#finish(key, batch, { outcome, error: "GIVEN_UP" })
    }
    this.#reset(key)
  }

  /** Sequence numbers have a hole now: the producer goes on as another one. */
  #reset(key: string): void {
    if (!this.shape.isIdempotent) return
    for (const [other, queue] of this.#queues) {
      for (const batch of queue.slice()) {
        const outcome = batch.isUnknown || batch.isSent ? "info" : "fail"
        this.#finish(other, batch, { outcome, error: "RESET" })
      }
    }
    this.#queues.delete(key)
    this.#sequences.clear()
    if (this.#identity === "asking") return
    this.#identity = "asking"
    this.#askIdentity()
  }

  #askIdentity(): void {
    const input = { transactionalId: null, transactionTimeoutMs: 60_000 }
    this.link.ask(this.anyNode(), initProducerId, 4, input, 3000, ({ answer }) => {
      if (answer === "lost" || answer === "none" || answer.errorCode !== 0) {
        return this.after(backOffMs, () => this.#askIdentity())
      }
      this.#identity = { id: answer.producerId, epoch: answer.producerEpoch }
    })
  }
}
