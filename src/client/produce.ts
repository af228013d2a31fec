/**
 * Producing: one batch to the leader of its partition, again where the protocol says that it may be
 * tried again.
 */
import { ErrorCode, errorName, isRetriable } from "../protocol/error-codes.ts"
import { initProducerId } from "../protocol/messages/init-producer-id.ts"
import { produce } from "../protocol/messages/produce.ts"
import { buildBatch } from "../protocol/record.ts"
import type { BatchInput, RecordInput } from "../protocol/record.ts"
import type { Client } from "./client.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"

export interface ProduceOptions {
  readonly topic: string
  readonly partition: number
  /** −1 (all) unless said otherwise. */
  readonly acks?: -1 | 0 | 1
  /** In all, tries included; 30 s unless said otherwise. */
  readonly timeoutMs?: number
  readonly compression?: BatchInput["compression"]
  /**
   * After a connection broke or timed out the batch may be in the log: without it, trying again may
   * double it.
   */
  readonly retryUnknown?: boolean
}

export interface Produced {
  /** Of the first record; −1 with acks 0. */
  readonly baseOffset: number
  readonly logAppendTimeMs: number
}

const backOffMs = 20
const attemptMs = 5000
const defaultTimeoutMs = 30_000

/**
 * Rejects with `KafkaError` for an error that trying again does not cure, or when the time is over.
 */
export async function produceRecords(
  client: Client,
  records: ReadonlyArray<RecordInput>,
  options: ProduceOptions,
): Promise<Produced> {
  const { compression } = options
  const batch = buildBatch({ records, ...(compression === undefined ? {} : { compression }) })
  return produceBatch(client, batch, options)
}

export async function produceBatch(
  client: Client,
  batch: Uint8Array,
  options: ProduceOptions,
): Promise<Produced> {
  const deadlineMs = performance.now() + (options.timeoutMs ?? defaultTimeoutMs)
  for (;;) {
    try {
      return await attempt(client, batch, options, deadlineMs - performance.now())
    } catch (error) {
      const again =
        (error instanceof KafkaError && mayRepeat(error.code, options)) ||
        (error instanceof ConnectionLost && options.retryUnknown === true)
      if (!again || performance.now() + backOffMs >= deadlineMs) throw error
      client.forgetLeader(options.topic, options.partition)
      await Bun.sleep(backOffMs)
    }
  }
}

/** REQUEST_TIMED_OUT and …_AFTER_APPEND mean that the batch may be in the log. */
function mayRepeat(code: number, options: ProduceOptions): boolean {
  const unknown =
    code === ErrorCode.REQUEST_TIMED_OUT || code === ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND
  return isRetriable(code) && (!unknown || options.retryUnknown === true)
}

async function attempt(
  client: Client,
  batch: Uint8Array,
  options: ProduceOptions,
  leftMs: number,
): Promise<Produced> {
  const { topic, partition, acks = -1 } = options
  const leader = await client.leader(topic, partition)
  const connection = await client.broker(leader.nodeId)
  const timeoutMs = Math.max(1, Math.min(attemptMs, Math.floor(leftMs)))
  const input = {
    acks,
    timeoutMs,
    topicData: [
      {
        name: topic,
        topicId: leader.topicId,
        partitionData: [{ index: partition, records: batch }],
      },
    ],
  }
  if (acks === 0) {
    connection.send(produce, input)
    return { baseOffset: -1, logAppendTimeMs: -1 }
  }
  const answer = await connection.request(produce, input, { timeoutMs: timeoutMs + 2000 })
  const result = answer.responses[0]?.partitionResponses[0]
  if (result === undefined) throw new ConnectionLost("a Produce answer without the partition")
  if (result.errorCode !== ErrorCode.NONE) {
    const why = result.errorMessage ?? errorName(result.errorCode)
    throw new KafkaError(result.errorCode, `${topic}-${partition}: ${why}`)
  }
  return { baseOffset: result.baseOffset, logAppendTimeMs: result.logAppendTimeMs }
}

/** Under which a producer's batches are numbered: from 0 for each partition. */
interface Identity {
  readonly id: number
  readonly epoch: number
  readonly sequences: Map<string, number>
}

/**
 * A producer whose retries do not double: each batch carries a producer id and a sequence number.
 * One batch at a time per partition; calls for the same partition queue up behind each other. After
 * a batch that failed another id is asked for: whether the old one's number was taken is not known,
 * and the next batch under it could be passed over as its repetition.
 */
export class IdempotentProducer {
  private readonly client: Client
  private identity: Promise<Identity> | undefined
  private readonly tails = new Map<string, Promise<unknown>>()

  /** With its id asked for already. */
  static async create(client: Client): Promise<IdempotentProducer> {
    const producer = new IdempotentProducer(client)
    producer.identity = Promise.resolve(await identify(client))
    return producer
  }

  constructor(client: Client) {
    this.client = client
  }

  produce(
    records: ReadonlyArray<RecordInput>,
    options: Omit<ProduceOptions, "acks" | "retryUnknown">,
  ): Promise<Produced> {
    const key = `${options.topic}-${options.partition}`
    const before = this.tails.get(key) ?? Promise.resolve()
    const result = before.catch(() => undefined).then(() => this.next(key, records, options))
    this.tails.set(key, result)
    return result
  }

  private async next(
    key: string,
    records: ReadonlyArray<RecordInput>,
    options: Omit<ProduceOptions, "acks" | "retryUnknown">,
  ): Promise<Produced> {
    const { compression, timeoutMs: timeoutAllMs = defaultTimeoutMs } = options
    const deadlineMs = performance.now() + timeoutAllMs
    const identified = (this.identity ??= identify(this.client))
    const { id, epoch, sequences } = await this.within(identified, timeoutAllMs)
    try {
      const baseSequence = sequences.get(key) ?? 0
      const batch = buildBatch({
        records,
        producerId: id,
        producerEpoch: epoch,
        baseSequence,
        ...(compression === undefined ? {} : { compression }),
      })
      const timeoutMs = Math.max(1, deadlineMs - performance.now())
      const again = { ...options, timeoutMs, retryUnknown: true }
      const produced = await produceBatch(this.client, batch, again)
      sequences.set(key, (baseSequence + records.length) % 2 ** 31)
      return produced
    } catch (error) {
      if (this.identity === identified) this.identity = undefined
      throw error
    }
  }

  /** Nothing has been sent when it rejects; an id that comes later is for the batches behind. */
  private async within(identified: Promise<Identity>, timeoutMs: number): Promise<Identity> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const why = `no producer id within ${Math.round(timeoutMs)} ms`
    const error = new KafkaError(ErrorCode.REQUEST_TIMED_OUT, why)
    const timer = setTimeout(() => reject(error), timeoutMs)
    identified.catch(() => {
      if (this.identity === identified) this.identity = undefined
    })
    try {
      return await Promise.race([identified, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

async function identify(client: Client): Promise<Identity> {
  for (let tries = 1; ; tries++) {
    const answer = await client.ask(initProducerId, {
      transactionalId: null,
      transactionTimeoutMs: -1,
    })
    if (answer.errorCode === ErrorCode.NONE) {
      return { id: answer.producerId, epoch: answer.producerEpoch, sequences: new Map() }
    }
    if (!isRetriable(answer.errorCode) || tries >= 50) {
      throw new KafkaError(answer.errorCode, `InitProducerId: ${errorName(answer.errorCode)}`)
    }
    await Bun.sleep(backOffMs)
  }
}
