import { errorName, isRetriable, readBatchHeader } from "../../src/protocol/index.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import type { RawConnection } from "../harness/raw.ts"

/** Fetches some partitions of one broker again and again, from given offsets on. */

const fetchVersion = 12

export interface FetchLoopOptions {
  readonly topic: string
  readonly maxWaitMs: number
  readonly partitionBytesMax: number
  readonly bytesMax: number
  /** Called for every batch that arrived, in order. */
  onBatch(batch: FetchedBatch): void
  /** Asked before every fetch. */
  isDone(): boolean
}

export interface FetchedBatch {
  readonly partition: number
  readonly baseOffset: number
  readonly lastOffset: number
  readonly bytes: number
}

function* batchesIn(partition: number, records: Uint8Array): Generator<FetchedBatch> {
  for (let at = 0; ;) {
    const header = readBatchHeader(records, at)
    if (header === undefined) return
    const bytes = header.batchLength + 12
    // What was cut off at the limit comes again with the next fetch.
    if (at + bytes > records.length) return
    const lastOffset = header.baseOffset + header.lastOffsetDelta
    yield { partition, baseOffset: header.baseOffset, lastOffset, bytes }
    at += bytes
  }
}

/** `offsets` is moved on, partition by partition. */
export async function fetchLoop(
  connection: RawConnection,
  offsets: Map<number, number>,
  options: FetchLoopOptions,
): Promise<void> {
  let first = 0
  while (!options.isDone()) {
    // Every partition is first in its turn: an answer that is full serves the first ones only.
    const wanted = [...offsets]
    const turned = [...wanted.slice(first), ...wanted.slice(0, first)]
    first = wanted.length === 0 ? 0 : (first + 1) % wanted.length
    const answer = await connection.request(fetch, fetchVersion, {
      maxWaitMs: options.maxWaitMs,
      minBytes: 1,
      maxBytes: options.bytesMax,
      topics: [
        {
          topic: options.topic,
          partitions: turned.map(([partition, fetchOffset]) => ({
            partition,
            fetchOffset,
            partitionMaxBytes: options.partitionBytesMax,
          })),
        },
      ],
    })
    for (const { partitionIndex, errorCode, records } of answer.responses[0]?.partitions ?? []) {
      // A leader that has only just heard of it; the next fetch asks again.
      if (isRetriable(errorCode)) continue
      if (errorCode !== 0) throw new Error(`fetch of ${partitionIndex}: ${errorName(errorCode)}`)
      for (const batch of batchesIn(partitionIndex, records ?? new Uint8Array(0))) {
        offsets.set(partitionIndex, batch.lastOffset + 1)
        options.onBatch(batch)
      }
    }
  }
}
