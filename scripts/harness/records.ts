import { Consumer } from "@platformatic/kafka"
import type { Cluster } from "./cluster.ts"

/** Reads a topic with @platformatic/kafka, partition by partition and without a consumer group. */

export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: ReadonlyArray<readonly [string, string]>
  /** Of the batch it came in. */
  readonly producerId: number
  readonly compression: number
}

const latest = -1n
const earliest = -2n

export function openReader(bootstrap: ReadonlyArray<string>) {
  return new Consumer({
    clientId: "reader",
    groupId: "unused",
    bootstrapBrokers: [...bootstrap],
    retries: 40,
    retryDelay: 100,
  })
}

export type Reader = ReturnType<typeof openReader>

interface Span {
  readonly partition: number
  readonly from: bigint
  readonly to: bigint
}

/**
 * From the first offset, or the one of `starts`, to the high watermark that was there when the
 * reading began.
 */
async function spans(
  reader: Reader,
  topic: string,
  starts: ReadonlyArray<number>,
): Promise<ReadonlyArray<Span>> {
  const first = await reader.listOffsets({ topics: [topic], timestamp: earliest })
  const last = await reader.listOffsets({ topics: [topic], timestamp: latest })
  return (last.get(topic) ?? []).map((to, partition) => ({
    partition,
    from:
      starts[partition] === undefined
        ? (first.get(topic)?.[partition] ?? 0n)
        : BigInt(starts[partition]),
    to,
  }))
}

async function* readSpan(reader: Reader, topic: string, span: Span): AsyncGenerator<ReadRecord> {
  let offset = span.from
  while (offset < span.to) {
    // Asked each time: the leader may have moved since the last fetch.
    const metadata = await reader.metadata({ topics: [topic] })
    const entry = metadata.topics.get(topic)
    if (entry === undefined) throw new Error(`topic ${topic} is not in the metadata`)
    const response = await reader.fetch({
      node: entry.partitions[span.partition]?.leader ?? 0,
      maxWaitTime: 500,
      minBytes: 1,
      maxBytes: 16 << 20,
      topics: [
        {
          topicId: entry.id,
          partitions: [
            {
              partition: span.partition,
              currentLeaderEpoch: -1,
              fetchOffset: offset,
              lastFetchedEpoch: -1,
              partitionMaxBytes: 4 << 20,
            },
          ],
        },
      ],
    })
    const batches = response.responses[0]?.partitions[0]?.records ?? []
    for (const batch of batches) {
      const isControl = (batch.attributes & 0x20) !== 0
      for (const record of batch.records) {
        const at = batch.firstOffset + BigInt(record.offsetDelta)
        // A batch is fetched whole: it may begin before the offset that was asked for.
        if (at < offset || at >= span.to || isControl) continue
        yield {
          partition: span.partition,
          offset: Number(at),
          timestamp: Number(batch.firstTimestamp + record.timestampDelta),
          key: record.key,
          value: record.value,
          headers: record.headers.map(([k, v]) => [String(k), String(v)] as const),
          producerId: Number(batch.producerId),
          compression: batch.attributes & 7,
        }
      }
      const next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n
      if (next > offset) offset = next
    }
  }
}

/** Every record of a topic, partition after partition, in offset order. */
export async function* readTopic(
  reader: Reader,
  topic: string,
  starts: ReadonlyArray<number> = [],
): AsyncGenerator<ReadRecord> {
  reader.topics.track(topic)
  for (const span of await spans(reader, topic, starts)) yield* readSpan(reader, topic, span)
}

export async function readAll(
  cluster: Pick<Cluster, "bootstrapList">,
  topic: string,
  starts: ReadonlyArray<number> = [],
): Promise<Array<ReadRecord>> {
  const reader = openReader(cluster.bootstrapList)
  try {
    return await Array.fromAsync(readTopic(reader, topic, starts))
  } finally {
    await reader.close()
  }
}
