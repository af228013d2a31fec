/**
 * A producer that gathers records into batches: by key to its partition, without one to the same
 * partition until a batch is full, then to another. One batch under way per partition, so that
 * order holds; with acks of all replicas retries do not double (`IdempotentProducer`).
 */
import { ErrorCode, errorName } from "../protocol/error-codes.ts"
import type { BatchInput } from "../protocol/record.ts"
import type { Client } from "./client.ts"
import { KafkaError } from "./client-error.ts"
import { partitionOfKey } from "./partitioner.ts"
import { IdempotentProducer, produceRecords } from "./produce.ts"
import { retrying } from "./retry.ts"

export interface ProducerOptions {
  /** −1 (all) unless said otherwise. */
  readonly acks?: -1 | 0 | 1
  readonly compression?: BatchInput["compression"]
  /** How long a batch waits for more records; 0: not at all. */
  readonly lingerMs?: number
  readonly batchBytes?: number
  /** Of one record; larger ones are refused here. */
  readonly requestBytesMax?: number
  /** How long to look for the topic. */
  readonly maxBlockMs?: number
  /** From a batch's first record to its acknowledgement, tries and waiting included. */
  readonly deliveryTimeoutMs?: number
  /** False: no producer id is asked for; then retries may double. */
  readonly idempotent?: boolean
}

export interface ProducedRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: ReadonlyArray<{ readonly key: string; readonly value: Uint8Array | null }>
  /** Now, when left out. */
  readonly timestamp?: number
  /** By key, when left out. */
  readonly partition?: number
}

export interface Receipt {
  readonly partition: number
  /** −1 with acks 0. */
  readonly offset: number
}

interface Waiting {
  readonly record: ProducedRecord
  readonly receipt: PromiseWithResolvers<Receipt>
  readonly bytes: number
}

interface Batch {
  /** On the monotonic clock: what is not acknowledged by then has failed. */
  readonly deadlineMs: number
  readonly waiting: Waiting[]
  bytes: number
  timer: ReturnType<typeof setTimeout> | undefined
}

const defaults = {
  acks: -1 as -1 | 0 | 1,
  lingerMs: 0,
  batchBytes: 16 * 1024,
  requestBytesMax: 1024 * 1024,
  maxBlockMs: 60_000,
  deliveryTimeoutMs: 120_000,
}

/** Of records sent and not yet acknowledged; beyond it `send` waits. */
const unacknowledgedMax = { records: 50_000, bytes: 32 * 1024 * 1024 }

/** While a batch is under way the next one grows up to this: a slow disk is asked less often. */
const grownBytesMax = 256 * 1024

export class Producer {
  readonly #client: Client
  readonly #topic: string
  readonly #options: ProducerOptions & typeof defaults
  readonly #batches = new Map<number, Batch>()
  readonly #tails = new Map<number, Promise<unknown>>()
  #partitionCount: number | undefined
  #sticky: number | undefined
  readonly #idempotent: IdempotentProducer
  /** Batches closed and not yet answered, by partition. */
  readonly #underWay = new Map<number, number>()
  readonly #unacknowledged = { records: 0, bytes: 0 }
  /** Calls of `send` that wait for room. */
  #blocked: Array<() => void> = []

  constructor(client: Client, topic: string, options: ProducerOptions = {}) {
    this.#client = client
    this.#idempotent = new IdempotentProducer(client)
    this.#topic = topic
    const given = Object.entries(options).filter(([, value]) => value !== undefined)
    this.#options = { ...defaults, ...Object.fromEntries(given) }
  }

  /**
   * Takes the record; the receipt comes when it is acknowledged. Rejects for a record that is too
   * large and a topic that is not there.
   */
  async send(record: ProducedRecord): Promise<{ readonly receipt: Promise<Receipt> }> {
    const bytes = recordBytesMax(record)
    const { requestBytesMax, batchBytes } = this.#options
    if (bytes > requestBytesMax) {
      throw new KafkaError(
        ErrorCode.MESSAGE_TOO_LARGE,
        `The message is ${bytes} bytes when serialized which is larger than ${requestBytesMax}, ` +
          "which is the value of the max.request.size configuration.",
      )
    }
    this.#partitionCount ??= await this.#countPartitions()
    while (this.#isFull) await new Promise<void>((resolve) => this.#blocked.push(resolve))
    const partition = record.partition ?? this.#partitionOf(record, this.#partitionCount)
    const batch = this.#batchOf(partition)
    const receipt = Promise.withResolvers<Receipt>()
    batch.waiting.push({ record, receipt, bytes })
    batch.bytes += bytes
    this.#unacknowledged.records++
    this.#unacknowledged.bytes += bytes
    const busy = (this.#underWay.get(partition) ?? 0) > 0
    const full = batch.bytes >= (busy ? Math.max(batchBytes, grownBytesMax) : batchBytes)
    if (full || (this.#options.lingerMs === 0 && !busy)) this.#close(partition)
    return { receipt: receipt.promise }
  }

  get #isFull(): boolean {
    const { records, bytes } = this.#unacknowledged
    return records >= unacknowledgedMax.records || bytes >= unacknowledgedMax.bytes
  }

  /** Sends what is gathered, waits until all is acknowledged or has failed. */
  async flush(): Promise<void> {
    for (const partition of this.#batches.keys()) this.#close(partition)
    while (this.#unacknowledged.records > 0) await Promise.all(this.#tails.values())
  }

  #partitionOf(record: ProducedRecord, count: number): number {
    if (record.key !== null) return partitionOfKey(record.key, count)
    this.#sticky ??= Math.floor(Math.random() * count)
    return this.#sticky
  }

  #batchOf(partition: number): Batch {
    const known = this.#batches.get(partition)
    if (known !== undefined) return known
    const { lingerMs, deliveryTimeoutMs } = this.#options
    const deadlineMs = performance.now() + deliveryTimeoutMs
    const timer = lingerMs > 0 ? setTimeout(() => this.#close(partition), lingerMs) : undefined
    const batch: Batch = { deadlineMs, waiting: [], bytes: 0, timer }
    this.#batches.set(partition, batch)
    return batch
  }

  /** Nothing more goes into the batch: it is sent when those before it have been answered. */
  #close(partition: number): void {
    const batch = this.#batches.get(partition)
    if (batch === undefined) return
    clearTimeout(batch.timer)
    this.#batches.delete(partition)
    if (this.#sticky === partition) this.#sticky = undefined
    const before = this.#tails.get(partition) ?? Promise.resolve()
    this.#underWay.set(partition, (this.#underWay.get(partition) ?? 0) + 1)
    const sent = before
      .then(() => this.#produce(partition, batch.waiting, batch.deadlineMs))
      .then(() => this.#answered(partition))
    this.#tails.set(partition, sent)
  }

  #answered(partition: number): void {
    const left = (this.#underWay.get(partition) ?? 1) - 1
    this.#underWay.set(partition, left)
    const { lingerMs, batchBytes } = this.#options
    const bytes = this.#batches.get(partition)?.bytes ?? 0
    if (left === 0 && bytes > 0 && (lingerMs === 0 || bytes >= batchBytes)) this.#close(partition)
  }

  async #produce(
    partition: number,
    waiting: ReadonlyArray<Waiting>,
    deadlineMs: number,
  ): Promise<void> {
    const records = waiting.map(({ record }) => ({
      key: record.key,
      value: record.value,
      headers: record.headers ?? [],
      timestamp: record.timestamp ?? Date.now(),
    }))
    const { acks, compression, deliveryTimeoutMs, idempotent } = this.#options
    const timeoutMs = deadlineMs - performance.now()
    const options = {
      topic: this.#topic,
      partition,
      timeoutMs,
      ...(compression === undefined ? {} : { compression }),
    }
    try {
      if (timeoutMs <= 0) {
        const what = `Expiring ${waiting.length} record(s) for ${this.#topic}-${partition}`
        const why = `${deliveryTimeoutMs} ms has passed since batch creation`
        throw new KafkaError(ErrorCode.REQUEST_TIMED_OUT, `${what}:${why}`)
      }
      if (acks === -1 && idempotent !== false) {
        const { baseOffset } = await this.#idempotent.produce(records, options)
        this.#settle(waiting, partition, baseOffset)
      } else {
        const retry = { ...options, acks, retryUnknown: acks !== 0 }
        const { baseOffset } = await produceRecords(this.#client, records, retry)
        this.#settle(waiting, partition, baseOffset)
      }
    } catch (error) {
      if (waiting.length > 1 && isTooLarge(error)) {
        const half = Math.ceil(waiting.length / 2)
        await this.#produce(partition, waiting.slice(0, half), deadlineMs)
        await this.#produce(partition, waiting.slice(half), deadlineMs)
        return
      }
      this.#release(waiting)
      for (const { receipt } of waiting) receipt.reject(error)
    }
  }

  #settle(waiting: ReadonlyArray<Waiting>, partition: number, baseOffset: number): void {
    this.#release(waiting)
    for (const [i, { receipt }] of waiting.entries()) {
      receipt.resolve({ partition, offset: baseOffset < 0 ? -1 : baseOffset + i })
    }
  }

  #release(waiting: ReadonlyArray<Waiting>): void {
    this.#unacknowledged.records -= waiting.length
    for (const { bytes } of waiting) this.#unacknowledged.bytes -= bytes
    for (const resume of this.#blocked.splice(0)) resume()
  }

  async #countPartitions(): Promise<number> {
    const { maxBlockMs } = this.#options
    return retrying({ deadlineMs: performance.now() + maxBlockMs }, async () => {
      const answer = await this.#client.metadata([this.#topic], true)
      const topic = answer.topics[0]
      const code = topic?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      if (code === ErrorCode.INVALID_TOPIC_EXCEPTION) {
        throw new KafkaError(code, `Invalid topics: [${this.#topic}]`)
      }
      if (code !== ErrorCode.NONE) throw new KafkaError(code, `${this.#topic}: ${errorName(code)}`)
      return topic?.partitions.length ?? 0
    })
  }
}

/** The topic takes smaller batches than this one: its records may go one by one. */
const isTooLarge = (error: unknown): boolean =>
  error instanceof KafkaError && error.code === ErrorCode.MESSAGE_TOO_LARGE

/** The bytes of a batch around one record, and what lengths and deltas may take. */
const overheadBytes = 61 + 21

/** As Kafka's producer estimates it. */
function recordBytesMax({ key, value, headers = [] }: ProducedRecord): number {
  const sized = (bytes: Uint8Array | null) =>
    bytes === null ? 1 : varintBytes(bytes.length) + bytes.length
  const ofHeaders = headers.reduce(
    (sum, header) => sum + sized(Buffer.from(header.key)) + sized(header.value),
    varintBytes(headers.length),
  )
  return overheadBytes + sized(key) + sized(value) + ofHeaders
}

function varintBytes(value: number): number {
  let bytes = 1
  for (let left = 2 * value; left >= 0x80; left = Math.floor(left / 0x80)) bytes++
  return bytes
}
