import { withRaw, type RawConnection } from "../../scripts/harness/raw.ts"
import { buildBatch, iterateRecords, readBatchHeader } from "../../src/protocol/index.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { produce } from "../../src/protocol/messages/produce.ts"

/** Questions to one broker, whatever it thinks of its own place: no client would ask them. */

/** Topic names, not ids: a broker that is alone may know no more than its clients. */
const produceVersion = 9
const fetchVersion = 12

export interface Written {
  readonly errorCode: number
  readonly baseOffset: number
}

export async function writeTo(
  address: string,
  topic: string,
  value: string,
  { acks = -1, timeoutMs = 1_500 }: { acks?: -1 | 1; timeoutMs?: number } = {},
): Promise<Written> {
  const records = buildBatch({ records: [{ value, timestamp: Date.now() }] })
  const answer = await withRaw(address, (connection) =>
    connection.request(produce, produceVersion, {
      acks,
      timeoutMs,
      topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
    }),
  )
  const partition = answer.responses[0]?.partitionResponses[0]
  return { errorCode: partition?.errorCode ?? -1, baseOffset: partition?.baseOffset ?? -1 }
}

export interface Served {
  readonly errorCode: number
  readonly highWatermark: number
  readonly values: ReadonlyArray<string>
}

async function fetchOnce(connection: RawConnection, topic: string, fetchOffset: number) {
  const answer = await connection.request(fetch, fetchVersion, {
    maxWaitMs: 200,
    minBytes: 1,
    topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 4 << 20 }] }],
  })
  return answer.responses[0]?.partitions[0]
}

function* batchesOf(records: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; ;) {
    const header = readBatchHeader(records, at)
    const end = header === undefined ? Infinity : at + 12 + header.batchLength
    if (end > records.length) return
    yield records.subarray(at, end)
    at = end
  }
}

/** Everything that this broker hands to a consumer of partition 0, from the first offset on. */
export function readFrom(address: string, topic: string): Promise<Served> {
  return withRaw(address, async (connection) => {
    const values: Array<string> = []
    for (let offset = 0; ;) {
      const partition = await fetchOnce(connection, topic, offset)
      const { errorCode = -1, highWatermark = -1, records = null } = partition ?? {}
      const found = [...batchesOf(records ?? new Uint8Array(0))].flatMap((batch) =>
        Array.from(iterateRecords(batch)).filter((record) => record.offset >= offset),
      )
      const last = found.at(-1)
      if (last === undefined) return { errorCode, highWatermark, values }
      values.push(...found.map((record) => Buffer.from(record.value ?? []).toString()))
      offset = last.offset + 1
    }
  })
}
