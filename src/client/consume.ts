/**
 * Fetching: what lies at and after an offset of one partition, and where its log begins and ends.
 */
import { ErrorCode, errorName, isRetriable } from "../protocol/error-codes.ts"
import { fetch } from "../protocol/messages/fetch.ts"
import { listOffsets } from "../protocol/messages/list-offsets.ts"
import { iterateRecords } from "../protocol/record.ts"
import type { LogRecord } from "../protocol/record.ts"
import { isControl, readBatchHeader } from "../protocol/record-batch.ts"
import type { Client } from "./client.ts"
import { ConnectionLost, KafkaError } from "./client-error.ts"
import { splitBatches } from "./fetched-records.ts"

export interface FetchOptions {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
}

export interface Fetched {
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly records: ReadonlyArray<LogRecord>
  /** The record batches as they lie in the log; views on the answer. */
  readonly batches: ReadonlyArray<Uint8Array>
}

export const earliest = -2
export const latest = -1

const backOffMs = 20

/** One Fetch at the leader. Rejects with `KafkaError`. */
export async function fetchOnce(client: Client, options: FetchOptions): Promise<Fetched> {
  const { topic, partition, offset, maxWaitMs = 500, minBytes = 1 } = options
  const maxBytes = options.maxBytes ?? 16 * 1024 * 1024
  const leader = await client.leader(topic, partition)
  const connection = await client.broker(leader.nodeId)
  const answer = await connection.request(
    fetch,
    {
      maxWaitMs,
      minBytes,
      maxBytes,
      topics: [
        {
          topic,
          topicId: leader.topicId,
          partitions: [{ partition, fetchOffset: offset, partitionMaxBytes: maxBytes }],
        },
      ],
    },
    { timeoutMs: maxWaitMs + 10_000 },
  )
  const result = answer.responses[0]?.partitions[0]
  const code = answer.errorCode !== ErrorCode.NONE ? answer.errorCode : (result?.errorCode ?? 0)
  if (code !== ErrorCode.NONE)
    throw new KafkaError(code, `${topic}-${partition}: ${errorName(code)}`)
  if (result === undefined) throw new ConnectionLost("a Fetch answer without the partition")
  const batches = splitBatches(result.records)
  const records = batches.flatMap((batch) => recordsFrom(batch, offset))
  const { highWatermark, logStartOffset } = result
  return { highWatermark, logStartOffset, records, batches }
}

/**
 * Everything from `from` to the high watermark at the time of the call; through changes of leader.
 */
export async function readAll(
  client: Client,
  options: { readonly topic: string; readonly partition: number; readonly from?: number },
  timeoutMs = 30_000,
): Promise<ReadonlyArray<LogRecord>> {
  const { topic, partition } = options
  const deadlineMs = performance.now() + timeoutMs
  const again = <A>(action: () => Promise<A>) =>
    retrying(client, topic, partition, deadlineMs, action)
  const end = await again(() => offsetOf(client, topic, partition, latest))
  let offset = options.from ?? (await again(() => offsetOf(client, topic, partition, earliest)))
  const records: LogRecord[] = []
  while (offset < end) {
    const from = offset
    const fetched = await again(() => fetchOnce(client, { topic, partition, offset: from }))
    records.push(...fetched.records)
    const last = fetched.batches.at(-1)
    const header = last === undefined ? undefined : readBatchHeader(last)
    if (header !== undefined) offset = header.baseOffset + header.lastOffsetDelta + 1
    if (performance.now() > deadlineMs)
      throw new ConnectionLost(`read to ${offset} of ${end} in time`)
  }
  return records
}

/** `timestamp`: ms, or `earliest` or `latest`. −1 when there is no such record. */
export async function offsetOf(
  client: Client,
  topic: string,
  partition: number,
  timestamp: number,
): Promise<number> {
  const leader = await client.leader(topic, partition)
  const connection = await client.broker(leader.nodeId)
  const answer = await connection.request(listOffsets, {
    replicaId: -1,
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp }] }],
  })
  const result = answer.topics[0]?.partitions[0]
  if (result === undefined) throw new ConnectionLost("a ListOffsets answer without the partition")
  if (result.errorCode !== ErrorCode.NONE) {
    throw new KafkaError(result.errorCode, `${topic}-${partition}: ${errorName(result.errorCode)}`)
  }
  return result.offset
}

async function retrying<A>(
  client: Client,
  topic: string,
  partition: number,
  deadlineMs: number,
  action: () => Promise<A>,
): Promise<A> {
  for (;;) {
    try {
      return await action()
    } catch (error) {
      const passing =
        error instanceof ConnectionLost || (error instanceof KafkaError && isRetriable(error.code))
      if (!passing || performance.now() + backOffMs >= deadlineMs) throw error
      client.forgetLeader(topic, partition)
      await Bun.sleep(backOffMs)
    }
  }
}

function recordsFrom(batch: Uint8Array, offset: number): ReadonlyArray<LogRecord> {
  const header = readBatchHeader(batch)
  if (header === undefined || isControl(header.attributes)) return []
  return [...iterateRecords(batch)].filter((record) => record.offset >= offset)
}
