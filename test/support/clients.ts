/** Clients of a simulated cluster: one call each, in the words of the tests. */
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { initProducerId } from "../../src/protocol/messages/init-producer-id.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { splitBatches } from "../../src/protocol/batch-view.ts"
import { isRetriable } from "../../src/protocol/error-codes.ts"
import { buildBatch, iterateRecords } from "../../src/protocol/record.ts"
import type { Asked, SimWorld as World } from "../../src/sim/world.ts"

export const text = (value: Uint8Array | null): string =>
  value === null ? "" : Buffer.from(value).toString("utf8")

export function createTopic(
  world: World,
  name: string,
  options: {
    at?: number
    partitions?: number
    replicas?: number
    configs?: Record<string, string>
  } = {},
): number {
  const { at = 0, partitions = 1, replicas = 3, configs = {} } = options
  const response = world.call(at, createTopics, 7, {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: replicas,
        configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
      },
    ],
    timeoutMs: 10_000,
  })
  return response.topics[0]?.errorCode ?? -99
}

/** −1 while that broker knows of none. */
export function leaderOf(world: World, topic: string, partition = 0, at?: number): number {
  const broker = at ?? world.running()[0]?.id ?? 0
  const response = world.call(broker, metadata, 12, {
    topics: [{ name: topic }],
    allowAutoTopicCreation: false,
  })
  return response.topics[0]?.partitions[partition]?.leaderId ?? -1
}

export function untilLed(world: World, topic: string, partition = 0, maxMs = 10_000): number {
  let leader = -1
  const deadlineMs = world.nowMs + maxMs
  while (leader === -1 && world.nowMs < deadlineMs) {
    leader = leaderOf(world, topic, partition)
    if (leader !== -1 && world.brokers[leader]?.node === undefined) leader = -1
    if (leader === -1) world.run(20)
  }
  if (leader === -1) throw new Error(`${topic}-${partition} has no leader after ${maxMs} ms`)
  return leader
}

export interface ProduceOptions {
  readonly partition?: number
  readonly acks?: number
  readonly timeoutMs?: number
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
}

export function askProduce(
  world: World,
  at: number,
  topic: string,
  values: ReadonlyArray<string>,
  options: ProduceOptions = {},
): Asked<typeof produce> {
  const { partition = 0, acks = -1, timeoutMs = 5000, ...producer } = options
  const records = buildBatch({
    records: values.map((value) => ({ value: Buffer.from(value), timestamp: world.nowMs })),
    ...producer,
  })
  return world.ask(at, produce, 9, {
    acks,
    timeoutMs,
    topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
  })
}

export interface Produced {
  readonly errorCode: number
  readonly baseOffset: number
}

export function produced(asked: Asked<typeof produce>): Produced | undefined {
  const { answer } = asked
  if (answer === undefined || answer === "none" || answer === "closed") return undefined
  return answer.responses[0]?.partitionResponses[0]
}

export function produceTo(
  world: World,
  at: number,
  topic: string,
  values: ReadonlyArray<string>,
  options: ProduceOptions = {},
): Produced {
  const asked = askProduce(world, at, topic, values, options)
  world.runUntil(() => asked.answer !== undefined, 60_000, "the answer of Produce")
  return produced(asked) ?? { errorCode: -99, baseOffset: -1 }
}

export function askFetch(
  world: World,
  at: number,
  topic: string,
  offset: number,
  options: { partition?: number; maxWaitMs?: number; minBytes?: number; version?: number } = {},
): Asked<typeof fetch> {
  const { partition = 0, maxWaitMs = 0, minBytes = 1, version = 12 } = options
  return world.ask(at, fetch, version, {
    maxWaitMs,
    minBytes,
    maxBytes: 50 << 20,
    topics: [
      { topic, partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: 50 << 20 }] },
    ],
  })
}

export interface Fetched {
  readonly errorCode: number
  readonly highWatermark: number
  readonly records: ReadonlyArray<{ readonly offset: number; readonly value: string }>
}

export function fetched(asked: Asked<typeof fetch>): Fetched | undefined {
  const { answer } = asked
  if (answer === undefined || answer === "none" || answer === "closed") return undefined
  const partition = answer.responses[0]?.partitions[0]
  if (partition === undefined)
    return { errorCode: answer.errorCode, highWatermark: -1, records: [] }
  const records: Array<{ offset: number; value: string }> = []
  for (const batch of splitBatches(partition.records ?? new Uint8Array(0))) {
    for (const record of iterateRecords(batch)) {
      records.push({ offset: record.offset, value: text(record.value) })
    }
  }
  return { errorCode: partition.errorCode, highWatermark: partition.highWatermark, records }
}

/** Everything committed from the start, as that broker serves it. */
export function readAll(world: World, at: number, topic: string, partition = 0): Fetched {
  const records: Array<{ offset: number; value: string }> = []
  for (let offset = 0; ;) {
    const asked = askFetch(world, at, topic, offset, { partition })
    world.runUntil(() => asked.answer !== undefined, 60_000, "the answer of Fetch")
    const part = fetched(asked)
    if (part === undefined) throw new Error("Fetch was not answered")
    records.push(...part.records.filter((record) => record.offset >= offset))
    const last = records.at(-1)?.offset ?? -1
    if (part.errorCode !== 0 || part.records.length === 0) return { ...part, records }
    offset = last + 1
  }
}

export function newProducerId(world: World, at: number): number {
  const answer = world.call(at, initProducerId, 4, {
    transactionalId: null,
    transactionTimeoutMs: 60_000,
  })
  if (answer.errorCode !== 0) throw new Error(`InitProducerId: error ${answer.errorCode}`)
  return answer.producerId
}

/**
 * As a client does it: asks for the leader, tries again on every error that allows it. Only for a
 * single producer.
 */
export function produceRetrying(
  world: World,
  topic: string,
  values: ReadonlyArray<string>,
  options: ProduceOptions & { readonly maxMs?: number } = {},
): Produced {
  const deadlineMs = world.nowMs + (options.maxMs ?? 10_000)
  for (;;) {
    const at = untilLed(world, topic, options.partition ?? 0)
    const asked = askProduce(world, at, topic, values, { timeoutMs: 1000, ...options })
    world.runUntil(() => asked.answer !== undefined, 60_000, "the answer of Produce")
    const made = produced(asked)
    if (made !== undefined && !isRetriable(made.errorCode)) return made
    if (world.nowMs > deadlineMs) throw new Error(`Produce: ${JSON.stringify(made)} to the end`)
    world.run(20)
  }
}
