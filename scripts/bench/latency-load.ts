import { errorName } from "../../src/protocol/index.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import type { RawConnection } from "../harness/raw.ts"
import { closeAll, connectToLeaders, ledBy, type BenchTopic } from "./bench-topic.ts"
import { fetchLoop } from "./fetch-loop.ts"
import { batchOf } from "./produce-load.ts"
import { quantiles, type Quantiles } from "./quantiles.ts"

/**
 * Single records at a fixed rate, partitions in turn, with a reader at the end of every partition.
 * A send that is due is not delayed by those before it: what waits is counted as waiting.
 */

const produceVersion = 9

export interface LatencyOptions {
  readonly recordBytes: number
  readonly recordsPerSecond: number
  readonly seconds: number
}

export interface LatencyResult {
  readonly sent: number
  /** From sending to the acknowledgement, ms. */
  readonly ack: Quantiles
  /** From sending to having it from a fetch, ms. */
  readonly fetch: Quantiles
  /** From the acknowledgement to having it; negative where the reader was first, ms. */
  readonly behindAck: Quantiles
  readonly errors: Readonly<Record<string, number>>
}

interface Timed {
  sentMs: number
  ackMs: number
  fetchMs: number
}

/** The times of each record, found by its place: whichever of writer and reader comes first. */
class Stopwatch {
  readonly errors: Record<string, number> = {}
  fetched = 0
  /** How many the readers must have seen; unknown while records are still being sent. */
  wanted = Infinity
  private acknowledged = 0
  private readonly places = new Map<string, Timed>()

  acked(partition: number, offset: number, sentMs: number): void {
    const timed = this.at(partition, offset)
    timed.sentMs = sentMs
    timed.ackMs = performance.now()
    this.acknowledged += 1
  }

  failed(errorCode: number): void {
    const name = errorName(errorCode)
    this.errors[name] = (this.errors[name] ?? 0) + 1
  }

  arrived(partition: number, offset: number): void {
    this.at(partition, offset).fetchMs = performance.now()
    this.fetched += 1
  }

  allSent(): void {
    this.wanted = this.acknowledged
  }

  result(sent: number): LatencyResult {
    const timed = [...this.places.values()].filter((t) => !Number.isNaN(t.sentMs + t.fetchMs))
    return {
      sent,
      ack: quantiles(timed.map((t) => t.ackMs - t.sentMs)),
      fetch: quantiles(timed.map((t) => t.fetchMs - t.sentMs)),
      behindAck: quantiles(timed.map((t) => t.fetchMs - t.ackMs)),
      errors: this.errors,
    }
  }

  private at(partition: number, offset: number): Timed {
    const key = `${partition}@${offset}`
    const known = this.places.get(key)
    if (known !== undefined) return known
    const timed = { sentMs: NaN, ackMs: NaN, fetchMs: NaN }
    this.places.set(key, timed)
    return timed
  }
}

async function readAtEnd(
  topic: BenchTopic,
  readers: ReadonlyMap<number, RawConnection>,
  watch: Stopwatch,
): Promise<void> {
  const loops = Array.from(ledBy(topic), async ([nodeId, partitions]) => {
    const connection = readers.get(nodeId)
    if (connection === undefined) return
    await fetchLoop(connection, new Map(partitions.map((p) => [p, 0])), {
      topic: topic.name,
      maxWaitMs: 500,
      partitionBytesMax: 1 << 20,
      bytesMax: 16 << 20,
      onBatch: ({ partition, baseOffset }) => watch.arrived(partition, baseOffset),
      isDone: () => watch.fetched >= watch.wanted,
    })
  })
  await Promise.all(loops)
}

/** Calls `send` with 0, 1, 2 … as each is due, whether or not those before it have ended. */
async function paced(
  perSecond: number,
  total: number,
  send: (i: number) => Promise<void>,
): Promise<void> {
  const sends: Array<Promise<void>> = []
  const started = performance.now()
  while (sends.length < total) {
    const elapsed = (performance.now() - started) / 1_000
    const due = Math.min(total, Math.floor(elapsed * perSecond))
    while (sends.length < due) sends.push(send(sends.length))
    await Bun.sleep(1)
  }
  await Promise.all(sends)
}

export async function latencyLoad(
  topic: BenchTopic,
  { recordBytes, recordsPerSecond, seconds }: LatencyOptions,
): Promise<LatencyResult> {
  const writers = await connectToLeaders(topic)
  const readers = await connectToLeaders(topic)
  const records = batchOf(recordBytes, recordBytes).bytes
  const watch = new Stopwatch()
  const reading = readAtEnd(topic, readers, watch)
  const total = Math.floor(recordsPerSecond * seconds)
  await paced(recordsPerSecond, total, async (i) => {
    const sentMs = performance.now()
    const partition = i % topic.leaders.length
    const connection = writers.get(topic.leaders[partition]?.nodeId ?? -1)
    const answer = await connection?.request(produce, produceVersion, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic.name, partitionData: [{ index: partition, records }] }],
    })
    const { errorCode = -1, baseOffset = -1 } = answer?.responses[0]?.partitionResponses[0] ?? {}
    if (errorCode === 0) watch.acked(partition, baseOffset, sentMs)
    else watch.failed(errorCode)
  })
  watch.allSent()
  await reading
  closeAll(writers)
  closeAll(readers)
  return watch.result(total)
}
