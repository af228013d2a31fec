/**
 * A consumer that reads assigned partitions from its positions on, at leaders and at followers, and
 * now and then from the beginning again.
 */
import { crc32c } from "../../../raft/crc32c.ts"
import { splitBatches } from "../../protocol/batch-view.ts"
import { errorName } from "../../protocol/error-codes.ts"
import { fetch } from "../../protocol/messages/fetch.ts"
import { iterateRecords } from "../../protocol/record.ts"
import { crcFrom, readBatchHeader } from "../../protocol/record-batch.ts"
import { partitionKey } from "../../chaos/history/history.ts"
import type { Poll, SeenRecord } from "../../chaos/history/history.ts"
import { askOffsets } from "./ask-offsets.ts"
import { backOffMs, Client } from "./client.ts"
import type { ClientPorts } from "./client.ts"
import type { LinkReply } from "./client-link.ts"
import type { PartitionRef } from "./topic-table.ts"
import { nameOf } from "../../chaos/history/values.ts"

export interface ConsumerShape {
  readonly thinkMs: number
  readonly maxWaitMs: number
  readonly bytesMax: number
  /** Of 100 fetches so many go to any replica instead of the leader. */
  readonly followerPercent: number
  readonly rewindPercent: number
}

const timeoutMs = 4000

export class Consumer extends Client {
  readonly shape: ConsumerShape
  readonly #positions = new Map<string, number>()
  /** Epoch of the last record read: what KIP-320 and KIP-595 ask about. */
  readonly #epochs = new Map<string, number>()
  #busy = false

  constructor(name: string, seed: number, ports: ClientPorts, shape: ConsumerShape) {
    super(name, seed, ports)
    this.shape = shape
  }

  get outstanding(): number {
    return this.#busy ? 1 : 0
  }

  position({ topic, partition }: PartitionRef): number {
    return this.#positions.get(`${topic.id}/${partition}`) ?? 0
  }

  /** Goes on from there. */
  seek({ topic, partition }: PartitionRef, offset: number): void {
    const key = `${topic.id}/${partition}`
    this.#positions.set(key, offset)
    this.#epochs.delete(key)
  }

  start(): void {
    this.after(this.prng.below(this.shape.thinkMs + 1), () => this.#think())
  }

  #think(): void {
    const ref = this.ports.mayBegin() ? this.anyPartition() : undefined
    const next = () => this.after(1 + this.prng.below(2 * this.shape.thinkMs), () => this.#think())
    if (ref === undefined || !this.poll(ref, next)) next()
  }

  /** False: it is at work, or knows no leader and is looking for one; else `then` comes. */
  poll(ref: PartitionRef, then: () => void): boolean {
    if (this.#busy) return false
    const leader = this.leaderOf(ref)
    if (leader.node === -1) {
      this.refresh(() => undefined)
      return false
    }
    const { followerPercent, rewindPercent } = this.shape
    const key = `${ref.topic.id}/${ref.partition}`
    if (this.prng.below(100) < rewindPercent) this.#rewind(key)
    const elsewhere = this.prng.below(100) < followerPercent
    this.#fetch(ref, key, elsewhere ? this.anyNode() : leader.node, then)
    return true
  }

  #rewind(key: string): void {
    this.#positions.set(key, 0)
    this.#epochs.delete(key)
  }

  #fetch(ref: PartitionRef, key: string, node: number, then: () => void): void {
    const { topic, partition } = ref
    const from = this.#positions.get(key) ?? 0
    const version = topic.isLasting ? this.pick([11, 12, 13, 16]) : 13
    const call: Poll = {
      f: "poll",
      partition: partitionKey(topic.name, topic.id, partition),
      from,
      records: [],
      highWatermark: -1,
      logStartOffset: -1,
    }
    const id = this.ports.history.invoke(this.name, call)
    this.#busy = true
    const wait = this.shape.maxWaitMs
    const asked = {
      partition,
      fetchOffset: from,
      partitionMaxBytes: this.shape.bytesMax,
      currentLeaderEpoch: this.prng.below(2) === 0 ? this.leaderOf(ref).epoch : -1,
      ...(version >= 12 ? { lastFetchedEpoch: this.#epochs.get(key) ?? -1 } : {}),
    }
    const input = {
      maxWaitMs: wait,
      minBytes: 1,
      maxBytes: this.shape.bytesMax,
      topics: [{ topic: topic.name, topicId: topic.id, partitions: [asked] }],
    }
    this.link.ask(node, fetch, version, input, timeoutMs + wait, (reply) => {
      this.#busy = false
      this.#answered(ref, key, id, node, from, reply)
      then()
    })
  }

  #answered(
    ref: PartitionRef,
    key: string,
    id: number,
    node: number,
    from: number,
    { answer, connection }: LinkReply<typeof fetch>,
  ): void {
    const { history } = this.ports
    const told = { node, connection, attempts: 1 }
    const result = typeof answer === "string" ? undefined : answer.responses[0]?.partitions[0]
    if (result === undefined) {
      history.complete(id, { ...told, outcome: "info", error: "LOST" })
      return this.refresh(() => undefined)
    }
    const { errorCode, currentLeader, divergingEpoch } = result
    if (currentLeader.leaderId >= 0)
      this.learn(ref, currentLeader.leaderId, currentLeader.leaderEpoch)
    if (errorCode !== 0 || divergingEpoch.epoch >= 0) {
      const error = errorCode === 0 ? "DIVERGING_EPOCH" : errorName(errorCode)
      history.complete(id, { ...told, outcome: "fail", error })
      return this.#refused(ref, key, error)
    }
    const records = recordsOf(result.records, from)
    const { highWatermark, logStartOffset } = result
    const seen: Partial<Poll> = { f: "poll", records, highWatermark, logStartOffset }
    history.complete(id, { ...told, outcome: "ok" }, seen)
    const last = records.at(-1)
    if (last === undefined) return
    this.#positions.set(key, last[0] + 1)
    this.#epochs.set(key, last[2])
  }

  #refused(ref: PartitionRef, key: string, error: string): void {
    if (error === "OFFSET_OUT_OF_RANGE") this.#resetPosition(ref, key)
    else if (error === "DIVERGING_EPOCH") this.#rewind(key)
    else this.after(backOffMs, () => this.refresh(() => undefined))
  }

  /** auto.offset.reset=earliest. */
  #resetPosition(ref: PartitionRef, key: string): void {
    this.#epochs.delete(key)
    this.#busy = true
    askOffsets(this, ref, -2, (offset) => {
      this.#busy = false
      if (offset >= 0) this.#positions.set(key, offset)
    })
  }
}

/** From `from` on; a batch whose bytes do not match its checksum is told as what it is. */
export function recordsOf(bytes: Uint8Array | null, from: number): ReadonlyArray<SeenRecord> {
  const seen: Array<SeenRecord> = []
  for (const batch of splitBatches(bytes ?? new Uint8Array(0))) {
    const header = readBatchHeader(batch)
    if (header === undefined) continue
    const { baseOffset, partitionLeaderEpoch: epoch, crc } = header
    if (crc32c(batch, crcFrom) !== crc) {
      seen.push([baseOffset, "?damaged batch", epoch])
      continue
    }
    for (const { offset, value } of iterateRecords(batch)) {
      if (offset >= from) seen.push([offset, nameOf(value), epoch])
    }
  }
  return seen
}
