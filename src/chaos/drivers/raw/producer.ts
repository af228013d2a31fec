/**
 * A producer as Kafka's own: batches of one partition pipelined up to five, tried again with the
 * same sequence numbers, at whoever leads, until they are delivered or given up. A batch whose
 * outcome stays unknown ends its session: the producer goes on under another name in the history,
 * with another id or the next epoch (KIP-360).
 */
import { errorName } from "../../../protocol/error-codes.ts"
import { initProducerId } from "../../../protocol/messages/init-producer-id.ts"
import { produce } from "../../../protocol/messages/produce.ts"
import { buildBatch } from "../../../protocol/record.ts"
import type { Append, Told } from "../../history/history.ts"
import type { RecordShape } from "../client.ts"
import type { PartitionRef } from "../partition.ts"
import type { LinkReply } from "./links.ts"
import { recordOf } from "./named-record.ts"
import { produceVerdict } from "./produce-outcome.ts"
import type { Batch, Identity, ProducerShape } from "./producer-shape.ts"
import { backOffMs } from "./raw-client.ts"
import type { RawClient } from "./raw-client.ts"

const anonymous: Identity = { id: -1, epoch: -1 }
const epochMax = 32_767

interface Lane {
  readonly ref: PartitionRef
  /** Under way, oldest first. */
  readonly batches: Array<Batch>
  made: number
  nextSequence: number
  /** It waits before it looks at its batches again. */
  isResting: boolean
}

export class RawProducer {
  readonly #client: RawClient
  readonly #shape: ProducerShape
  readonly #nextSession: () => number
  readonly #lanes = new Map<string, Lane>()
  #session: number
  #made = 0
  #identity: Identity | "asking"
  /** A successor has its id: it sends on, and never begins anew. */
  #isZombie = false
  #isStopping = false

  /**
   * `nextSession`: under which number the producer goes on. `identity`: given by a predecessor; else
   * it asks for one.
   */
  constructor(
    client: RawClient,
    shape: ProducerShape,
    nextSession: () => number,
    identity?: Identity,
  ) {
    this.#client = client
    this.#shape = shape
    this.#nextSession = nextSession
    this.#session = nextSession()
    this.#identity = identity ?? (shape.isIdempotent ? "asking" : anonymous)
    if (this.#identity === "asking") void this.#askIdentity()
  }

  get outstanding(): number {
    let count = 0
    for (const { batches } of this.#lanes.values()) count += batches.length
    return count
  }

  /** What a successor is begun with; undefined while it has none itself. */
  get nextIdentity(): Identity | undefined {
    const identity = this.#identity
    if (identity === "asking" || identity.id < 0 || identity.epoch >= epochMax) return undefined
    return { id: identity.id, epoch: identity.epoch + 1 }
  }

  becomeZombie(): void {
    this.#isZombie = true
  }

  /** Goes on with what is under way, and begins no identity any more. */
  stop(): void {
    this.#isStopping = true
  }

  /** False: it has no identity yet, or enough on its way. */
  produce(ref: PartitionRef, records: ReadonlyArray<RecordShape>): boolean {
    const identity = this.#identity
    const lane = this.#lane(ref)
    // A broker knows the last five batches: one that is tried again must be among them.
    const span = lane.made - (lane.batches[0]?.index ?? lane.made)
    if (identity === "asking" || span >= this.#shape.inFlightMax) return false
    lane.batches.push(this.#make(lane, records, identity))
    this.#pump(lane)
    return true
  }

  #lane(ref: PartitionRef): Lane {
    const known = this.#lanes.get(ref.key)
    if (known !== undefined) return known
    const lane: Lane = { ref, batches: [], made: 0, nextSequence: 0, isResting: false }
    this.#lanes.set(ref.key, lane)
    return lane
  }

  #make(lane: Lane, shapes: ReadonlyArray<RecordShape>, identity: Identity): Batch {
    const { acks, isIdempotent, deliveryTimeoutMs } = this.#shape
    const { name, ports, nowMs } = this.#client
    const process = `${name}.${this.#session}`
    const baseSequence = isIdempotent ? lane.nextSequence : -1
    lane.nextSequence += shapes.length
    const timestamp = Date.now()
    const values = shapes.map(() => `${ports.runId}.${process}.${this.#made++}`)
    const records = shapes.map((shape, i) => recordOf(shape, values[i] ?? "", timestamp))
    const { id: producerId, epoch: producerEpoch } = identity
    const call: Append = {
      f: "append",
      partition: lane.ref.key,
      values,
      acks,
      producer: isIdempotent ? { ...identity, baseSequence } : null,
      ...(lane.ref.topic.isCompacted === true ? { keys: shapes.map(({ key }) => key ?? "") } : {}),
      ...(shapes[0]?.isTombstone === true ? { tombstone: true } : {}),
      timestampMs: timestamp,
      offset: -1,
    }
    return {
      ref: lane.ref,
      index: lane.made++,
      bytes: buildBatch({ records, producerId, producerEpoch, baseSequence }),
      begun: ports.recorder.begin(process, call),
      count: shapes.length,
      deadlineMs: nowMs + deliveryTimeoutMs,
      attempts: 0,
      isUnknown: false,
      isSent: false,
      done: false,
      offset: -1,
      node: -1,
      connection: -1,
    }
  }

  /** Sends what waits, oldest first: a batch behind one that waits would be out of order. */
  #pump(lane: Lane): void {
    if (lane.isResting || !lane.batches.some(({ isSent }) => !isSent)) return
    const { nowMs } = this.#client
    if (lane.batches.some(({ deadlineMs }) => nowMs >= deadlineMs)) return this.#giveUp(lane)
    const { node } = this.#client.leaderOf(lane.ref)
    if (node === -1) return this.#rest(lane)
    for (const batch of lane.batches.slice()) if (!batch.isSent) this.#send(lane, batch, node)
  }

  /** Until metadata has come, and a little. */
  #rest(lane: Lane): void {
    if (lane.isResting) return
    lane.isResting = true
    void this.#client.refresh().then(() => {
      this.#client.after(backOffMs / 2 + this.#client.chance.below(backOffMs), () => {
        lane.isResting = false
        this.#pump(lane)
      })
    })
  }

  #send(lane: Lane, batch: Batch, node: number): void {
    const { acks, requestTimeoutMs } = this.#shape
    const { topic, partition } = batch.ref
    batch.isSent = true
    batch.attempts++
    batch.node = node
    const partitionData = [{ index: partition, records: batch.bytes }]
    const input = {
      acks,
      timeoutMs: Math.ceil(requestTimeoutMs / 2),
      topicData: [{ name: topic.name, topicId: topic.id, partitionData }],
    }
    if (acks === 0) {
      void this.#client.tell(node, produce, input).then(({ isSent, connection }) => {
        batch.connection = connection
        if (!isSent) this.#client.forgetLeader(batch.ref)
        const told: Told = isSent ? { outcome: "ok" } : { outcome: "fail", error: "UNSENT" }
        this.#finish(lane, batch, told)
      })
      return
    }
    void this.#client
      .ask(node, produce, input, { timeoutMs: requestTimeoutMs })
      .then((reply) => this.#answered(lane, batch, reply))
  }

  #answered(lane: Lane, batch: Batch, reply: LinkReply<typeof produce>): void {
    if (batch.done) return
    batch.isSent = false
    batch.connection = reply.connection
    if (reply._tag === "unsent") return this.#retry(lane)
    const result =
      reply._tag === "answer" ? reply.answer.responses[0]?.partitionResponses[0] : undefined
    if (result === undefined) return this.#unknown(lane, batch, "LOST")
    const { errorCode, baseOffset, currentLeader } = result
    this.#client.learn(batch.ref, currentLeader.leaderId, currentLeader.leaderEpoch)
    const error = errorName(errorCode)
    switch (produceVerdict(errorCode)) {
      case "appended":
        return this.#acknowledged(lane, batch, baseOffset)
      case "notAppended":
        return this.#retry(lane, currentLeader.leaderId < 0)
      case "unknown":
        return this.#unknown(lane, batch, error)
      case "outOfOrder":
        return this.#outOfOrder(lane, batch, error)
      case "refused":
        return this.#refused(lane, batch, error)
    }
  }

  /** Some are sent once more before the operation ends, as clients do that lost the answer. */
  #acknowledged(lane: Lane, batch: Batch, offset: number): void {
    const { isIdempotent, acks, repeatPercent } = this.#shape
    const isFirst = batch.offset < 0
    const repeats = isIdempotent && acks === -1 && isFirst && !this.#isStopping
    if (repeats && this.#client.chance.below(100) < repeatPercent) {
      batch.offset = offset
      batch.isUnknown = true
      return this.#send(lane, batch, batch.node)
    }
    const error = isFirst || batch.offset === offset ? "" : `FIRST_AT_${batch.offset}`
    this.#finish(lane, batch, { outcome: "ok", error }, { offset })
    if (acks === -1) this.#client.ports.tally.wrote(batch.count)
  }

  #unknown(lane: Lane, batch: Batch, error: string): void {
    batch.isUnknown = true
    if (this.#shape.isIdempotent || this.#shape.retriesUnknown) return this.#retry(lane)
    this.#finish(lane, batch, { outcome: "info", error })
    this.#retire()
  }

  /** Of a later batch it only means that an earlier one is not there yet. */
  #outOfOrder(lane: Lane, batch: Batch, error: string): void {
    if (lane.batches[0] !== batch) return this.#retry(lane, false)
    this.#refused(lane, batch, error)
  }

  #refused(lane: Lane, batch: Batch, error: string): void {
    this.#finish(lane, batch, { outcome: batch.isUnknown ? "info" : "fail", error })
    if (!this.#isZombie) this.#reset()
  }

  #retry(lane: Lane, forget = true): void {
    if (forget) this.#client.forgetLeader(lane.ref)
    if (this.#client.leaderOf(lane.ref).node === -1) return this.#rest(lane)
    if (lane.isResting) return
    lane.isResting = true
    this.#client.after(1 + this.#client.chance.below(backOffMs / 2), () => {
      lane.isResting = false
      this.#pump(lane)
    })
  }

  /** Once: what was acknowledged before it was repeated stays acknowledged. */
  #finish(lane: Lane, batch: Batch, told: Told, result: Partial<Append> = {}): void {
    if (batch.done) return
    batch.done = true
    lane.batches.splice(lane.batches.indexOf(batch), 1)
    const { node, connection, attempts, offset } = batch
    const wasAcknowledged = told.outcome !== "ok" && offset >= 0
    const outcome = wasAcknowledged ? { ...told, outcome: "ok" as const } : told
    const seen = wasAcknowledged ? { offset } : result
    batch.begun.end({ node, connection, attempts, ...outcome }, { ...seen, f: "append" })
  }

  #giveUp(lane: Lane): void {
    this.#finishAll(lane, "GIVEN_UP")
    this.#reset()
  }

  #finishAll(lane: Lane, error: string): void {
    for (const batch of lane.batches.slice()) {
      const mayBeThere = batch.isUnknown || batch.isSent
      this.#finish(lane, batch, { outcome: mayBeThere ? "info" : "fail", error })
    }
  }

  /** A producer that is disposed of leaves its batches with an unknown outcome. */
  abandon(): void {
    for (const lane of this.#lanes.values()) this.#finishAll(lane, "ABANDONED")
  }

  /** Sequence numbers have a hole now: the producer goes on as another one. */
  #reset(): void {
    if (!this.#shape.isIdempotent) return this.#retire()
    for (const lane of this.#lanes.values()) this.#finishAll(lane, "RESET")
    if (this.#identity === "asking") return
    const bumped = this.#shape.bumpsEpoch ? this.nextIdentity : undefined
    for (const lane of this.#lanes.values()) lane.nextSequence = 0
    this.#identity = "asking"
    if (this.#isZombie || this.#isStopping) return
    this.#retire()
    if (bumped !== undefined) this.#identity = bumped
    else void this.#askIdentity()
  }

  #retire(): void {
    if (!this.#isZombie) this.#session = this.#nextSession()
  }

  async #askIdentity(): Promise<void> {
    const client = this.#client
    while (!client.isDisposed && !this.#isStopping) {
      const input = { transactionalId: null, transactionTimeoutMs: 60_000 }
      const reply = await client.ask(client.anyNode(), initProducerId, input, { timeoutMs: 3000 })
      if (reply._tag === "answer" && reply.answer.errorCode === 0) {
        const { producerId: id, producerEpoch: epoch } = reply.answer
        this.#identity = { id, epoch }
        return
      }
      await Bun.sleep(backOffMs)
    }
  }
}
