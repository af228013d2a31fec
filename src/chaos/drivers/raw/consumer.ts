/**
 * A consumer of assigned partitions: reads on from its positions, at leaders and at followers, and
 * now and then from the beginning again. One Fetch at a time, one partition each: every answer is
 * one operation.
 */
import { errorName } from "../../../protocol/error-codes.ts"
import { fetch } from "../../../protocol/messages/fetch.ts"
import type { Poll } from "../../history/history.ts"
import type { Begun } from "../../history/recorder.ts"
import type { ClientControl } from "../../workload.ts"
import type { ConsumerClient } from "../client.ts"
import type { PartitionRef } from "../partition.ts"
import { askOffset } from "./ask-offsets.ts"
import type { Quirks } from "./quirks.ts"
import { backOffMs, RawClient } from "./raw-client.ts"
import type { RawPorts } from "./raw-client.ts"
import { seenIn } from "./seen-records.ts"
import type { LinkReply } from "./links.ts"

export interface ConsumerShape {
  /** Between two answers, on average. */
  readonly thinkMs: number
  readonly maxWaitMs: number
  readonly bytesMax: number
  /** Of a hundred fetches so many go to any replica instead of the leader. */
  readonly followerPercent: number
  /** Of ten thousand fetches so many begin further in front again, or at the front of the log. */
  readonly rewindPerTenThousand: number
  readonly quirks: Quirks
}

const earliest = -2
const timeoutMs = 4000
const wholeAgainMax = 20_000
const stepBackMax = 1000
/** Fetch 12 knows the epoch of the last record that was read. */
const versions = [11, 12, 13, 18]

interface Position {
  offset: number
  /** Of the last record read: what KIP-320 and KIP-595 ask about; −1: none. */
  epoch: number
}

interface Asked {
  readonly ref: PartitionRef
  readonly position: Position
  readonly node: number
  readonly byLeader: boolean
}

export class RawConsumer implements ConsumerClient {
  readonly control: ClientControl
  readonly #client: RawClient
  readonly #shape: ConsumerShape
  readonly #refs: ReadonlyArray<PartitionRef>
  readonly #positions = new Map<string, Position>()
  #operations = 0
  #next = 0
  #isBusy = false
  #isStopping = false

  constructor(
    name: string,
    ports: RawPorts,
    refs: ReadonlyArray<PartitionRef>,
    shape: ConsumerShape,
  ) {
    this.#client = new RawClient(name, ports)
    this.#shape = shape
    this.#refs = refs
    const { gate } = this.#client
    const operations = () => this.#operations
    this.control = {
      name,
      role: "consumer",
      pid: undefined,
      get operations() {
        return operations()
      },
      pause: () => gate.pause(),
      resume: () => gate.resume(),
    }
  }

  get outstanding(): number {
    return this.#isBusy ? 1 : 0
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#isStopping = true
  }

  dispose(): Promise<void> {
    this.#isStopping = true
    this.#client.dispose()
    return Promise.resolve()
  }

  async #run(): Promise<void> {
    const client = this.#client
    while (!this.#isStopping && !client.isDisposed) {
      const ref = this.#refs[this.#next++ % this.#refs.length]
      if (ref === undefined) return
      this.#isBusy = true
      await this.#poll(ref)
      this.#isBusy = false
      await Bun.sleep(client.chance.below(2 * this.#shape.thinkMs + 1))
      await client.gate.opened()
    }
  }

  async #poll(ref: PartitionRef): Promise<void> {
    const client = this.#client
    const leader = client.leaderOf(ref)
    if (leader.node === -1) {
      await client.refresh()
      if (client.leaderOf(ref).node === -1) await Bun.sleep(backOffMs)
      return
    }
    const { followerPercent, rewindPerTenThousand, maxWaitMs } = this.#shape
    const position = this.#positionOf(ref)
    if (client.chance.below(10_000) < rewindPerTenThousand) this.#stepBack(position)
    const elsewhere = client.chance.below(100) < followerPercent
    const node = elsewhere ? client.pick(client.replicasOf(ref)) : leader.node
    const versionMax = client.pick(versions)
    const input = this.#request(ref, position, versionMax)
    const begun = client.ports.recorder.begin(client.name, pollOf(ref, position.offset))
    this.#operations++
    const options = { versionMax, timeoutMs: timeoutMs + maxWaitMs }
    const reply = await client.ask(node, fetch, input, options)
    await this.#answered({ ref, position, node, byLeader: node === leader.node }, begun, reply)
  }

  async #answered(asked: Asked, begun: Begun, reply: LinkReply<typeof fetch>): Promise<void> {
    const client = this.#client
    const { ref, position, node, byLeader } = asked
    const told = { node, connection: reply.connection, attempts: 1 }
    const result = resultOf(reply)
    if (result === undefined) {
      begun.end({ ...told, outcome: "info", error: "LOST" })
      return this.#wrongLeader(ref)
    }
    const { errorCode, currentLeader, divergingEpoch } = result
    client.learn(ref, currentLeader.leaderId, currentLeader.leaderEpoch)
    const { followersMayRefuse, watermarkIsOlder } = this.#shape.quirks
    if (errorCode !== 0 || divergingEpoch.epoch >= 0) {
      const error = errorCode === 0 ? "DIVERGING_EPOCH" : errorName(errorCode)
      const outcome = followersMayRefuse && !byLeader ? "info" : "fail"
      begun.end({ ...told, outcome, error })
      return this.#refused(ref, position, error, byLeader)
    }
    const { offset: from } = position
    const { records, next } = seenIn(result.records, from)
    const highWatermark = Math.max(result.highWatermark, watermarkIsOlder ? next : -1)
    const { logStartOffset } = result
    const seen: Poll = { ...pollOf(ref, from), records, highWatermark, logStartOffset }
    begun.end({ ...told, outcome: "ok" }, seen)
    client.ports.tally.saw(records.length)
    position.offset = next
    position.epoch = records.at(-1)?.[2] ?? position.epoch
  }

  #request(ref: PartitionRef, position: Position, version: number) {
    const { maxWaitMs, bytesMax } = this.#shape
    const { topic, partition } = ref
    const { epoch } = this.#client.leaderOf(ref)
    const asked = {
      partition,
      fetchOffset: position.offset,
      partitionMaxBytes: bytesMax,
      currentLeaderEpoch: this.#client.chance.below(2) === 0 ? epoch : -1,
      ...(version >= 12 ? { lastFetchedEpoch: position.epoch } : {}),
    }
    const topics = [{ topic: topic.name, topicId: topic.id, partitions: [asked] }]
    return { maxWaitMs, minBytes: 1, maxBytes: bytesMax, topics }
  }

  /** Long logs are not read as a whole again: a run would be nothing but that. */
  #stepBack(position: Position): void {
    const { chance } = this.#client
    const { offset } = position
    const isShort = offset <= wholeAgainMax && chance.below(4) === 0
    rewind(position, isShort ? 0 : offset - chance.below(Math.min(offset, stepBackMax) + 1))
  }

  #positionOf(ref: PartitionRef): Position {
    const known = this.#positions.get(ref.key) ?? { offset: 0, epoch: -1 }
    this.#positions.set(ref.key, known)
    return known
  }

  async #refused(
    ref: PartitionRef,
    position: Position,
    error: string,
    byLeader: boolean,
  ): Promise<void> {
    if (error === "DIVERGING_EPOCH") rewind(position)
    else if (error === "OFFSET_OUT_OF_RANGE" && byLeader) await this.#toTheFront(ref, position)
    else await this.#wrongLeader(ref)
  }

  /** auto.offset.reset=earliest. */
  async #toTheFront(ref: PartitionRef, position: Position): Promise<void> {
    const offset = await askOffset(this.#client, ref, earliest)
    if (offset === undefined || offset < 0) return
    position.offset = offset
    position.epoch = -1
  }

  async #wrongLeader(ref: PartitionRef): Promise<void> {
    this.#client.forgetLeader(ref)
    await Bun.sleep(backOffMs / 2 + this.#client.chance.below(backOffMs))
    await this.#client.refresh()
  }
}

const pollOf = (ref: PartitionRef, from: number): Poll => ({
  f: "poll",
  partition: ref.key,
  from,
  records: [],
  highWatermark: -1,
  logStartOffset: -1,
})

function rewind(position: Position, to = 0): void {
  position.offset = to
  position.epoch = -1
}

function resultOf(reply: LinkReply<typeof fetch>) {
  if (reply._tag !== "answer" || reply.answer.errorCode !== 0) return undefined
  return reply.answer.responses[0]?.partitions[0]
}
