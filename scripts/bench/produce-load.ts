import { buildBatch, errorName } from "../../src/protocol/index.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import type { RawConnection } from "../harness/raw.ts"
import { closeAll, connectToLeaders, type BenchTopic } from "./bench-topic.ts"
import { quantiles, type Quantiles } from "./quantiles.ts"

/**
 * As many batches as are acknowledged: one connection per leader, a fixed number of requests under
 * way on each, one batch in a request, partitions in turn. The batch is built once and sent again
 * and again (not idempotent), so that next to nothing of the machine goes to the client.
 */

const produceVersion = 9

export interface ProduceOptions {
  readonly recordBytes: number
  readonly batchBytes: number
  /** Requests without an answer, on each connection. */
  readonly inFlight: number
  readonly acks: -1 | 1
  readonly seconds: number
}

export interface ProduceResult {
  readonly MBps: number
  readonly recordsPerSecond: number
  readonly bytes: number
  readonly ack: Quantiles
  /** Error codes by name. */
  readonly errors: Readonly<Record<string, number>>
}

/** One batch of records that do not compress, each of `recordBytes`. */
export function batchOf(
  recordBytes: number,
  batchBytes: number,
): { bytes: Uint8Array; records: number } {
  const records = Math.max(1, Math.floor(batchBytes / recordBytes))
  const value = () => crypto.getRandomValues(new Uint8Array(Math.min(recordBytes, 65_536)))
  const filled = (): Uint8Array => {
    if (recordBytes <= 65_536) return value()
    const large = new Uint8Array(recordBytes)
    for (let at = 0; at < recordBytes; at += 65_536) {
      large.set(value().subarray(0, recordBytes - at), at)
    }
    return large
  }
  const timestamp = Date.now()
  const list = Array.from({ length: records }, () => ({ value: filled(), timestamp }))
  return { bytes: buildBatch({ records: list }), records }
}

export async function produceLoad(
  topic: BenchTopic,
  options: ProduceOptions,
): Promise<ProduceResult> {
  const { recordBytes, batchBytes, inFlight, acks, seconds } = options
  const batch = batchOf(recordBytes, batchBytes)
  const connections = await connectToLeaders(topic)
  const times: Array<number> = []
  const errors: Record<string, number> = {}
  let acknowledged = 0
  const started = performance.now()
  const endMs = started + seconds * 1_000

  const sendOne = async (connection: RawConnection, partition: number) => {
    const sentMs = performance.now()
    const answer = await connection.request(produce, produceVersion, {
      acks,
      timeoutMs: 30_000,
      topicData: [
        { name: topic.name, partitionData: [{ index: partition, records: batch.bytes }] },
      ],
    })
    const code = answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
    if (code === 0) {
      acknowledged += 1
      times.push(performance.now() - sentMs)
    } else errors[errorName(code)] = (errors[errorName(code)] ?? 0) + 1
  }

  const slot = async (connection: RawConnection, led: ReadonlyArray<number>, from: number) => {
    for (let i = from; performance.now() < endMs; i += inFlight) {
      await sendOne(connection, led[i % led.length] ?? 0)
    }
  }

  const slots = [...connections].flatMap(([nodeId, connection]) => {
    const led = topic.leaders.flatMap((leader, p) => (leader.nodeId === nodeId ? [p] : []))
    return Array.from({ length: inFlight }, (_, i) => slot(connection, led, i))
  })
  await Promise.all(slots)
  const tookSeconds = (performance.now() - started) / 1_000
  closeAll(connections)
  const bytes = acknowledged * batch.records * recordBytes
  return {
    MBps: Math.round(bytes / tookSeconds / 1e5) / 10,
    recordsPerSecond: Math.round((acknowledged * batch.records) / tookSeconds),
    bytes,
    ack: quantiles(times),
    errors,
  }
}
