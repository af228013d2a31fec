/**
 * The end of a run: what every replica of every partition holds, read from each of them until no
 * log grows any more (VERIFICATION §3.1: works against Kafka too).
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { listOffsets } from "../../protocol/messages/list-offsets.ts"
import { metadata } from "../../protocol/messages/metadata.ts"
import type { ChaosCluster } from "../cluster.ts"
import type { RunClock } from "../clock.ts"
import { partitionsOf } from "../drivers/partition.ts"
import type { PartitionRef, Topic } from "../drivers/partition.ts"
import { connectTo, Links } from "../drivers/raw/links.ts"
import type { Connect } from "../drivers/raw/links.ts"
import type { Begun, Recorder } from "../history/recorder.ts"
import { ReplicaReader } from "./replica-reader.ts"
import type { SharedRecords } from "./replica-reader.ts"

export interface DrainOptions {
  readonly cluster: Pick<ChaosCluster, "nodes">
  readonly clock: RunClock
  readonly recorder: Recorder
  readonly topics: ReadonlyArray<Topic>
  readonly timeoutMs: number
  readonly signal: AbortSignal
  /** Unless said otherwise to the brokers' own ports, past the proxy. */
  readonly connect?: Connect
}

const askMs = 5000
/** Above those of clients. */
const firstConnection = 1_000_000
const backOffMs = 100
const latest = -1

interface Replica {
  readonly reader: ReplicaReader
  readonly begun: Begun
}

/** Who leads a partition, and who holds it. */
interface Placed {
  readonly leader: number
  readonly replicas: ReadonlyArray<number>
}

/**
 * Rejects with `ReplicasUnreadable`, naming what is left, when not every replica could be read
 * completely in time, or when logs go on growing; those that could be are recorded all the same.
 */
export async function drainReplicas(options: DrainOptions): Promise<void> {
  const { cluster, clock, signal, timeoutMs, topics } = options
  const addresses = new Map(cluster.nodes.map(({ id, direct }) => [id, direct]))
  const connect = options.connect ?? connectTo(addresses, "chaos-drain", askMs)
  const links = new Links(connect, { next: firstConnection })
  const deadlineMs = clock.nowMs() + timeoutMs
  const drain = new Drain(options, links, () => signal.aborted || clock.nowMs() >= deadlineMs)
  try {
    const troubles = await Promise.all(topics.flatMap(partitionsOf).map((ref) => drain.read(ref)))
    const left = troubles.flat()
    if (left.length === 0) return
    const more = left.length > 1 ? ` (and ${left.length - 1} more)` : ""
    throw new ReplicasUnreadable(`${left[0]}${more}`)
  } finally {
    links.close()
  }
}

/** Not all that is committed can be had from every replica, however long one asks. */
export class ReplicasUnreadable extends Error {
  readonly _tag = "ReplicasUnreadable"
}

class Drain {
  readonly #options: DrainOptions
  readonly #links: Links
  readonly #isLate: () => boolean
  #placing: Promise<ReadonlyMap<string, Placed>> | undefined
  #turn = 0

  constructor(options: DrainOptions, links: Links, isLate: () => boolean) {
    this.#options = options
    this.#links = links
    this.#isLate = isLate
  }

  /** All replicas of a partition, side by side, until its log stands still; says what is left. */
  async read(ref: PartitionRef): Promise<ReadonlyArray<string>> {
    const placed = await this.#placeOf(ref)
    if (placed === undefined) return [`${nameOf(ref)} has no leader`]
    const shared: SharedRecords = new Map()
    const replicas = placed.replicas.map((node): Replica => {
      return {
        reader: new ReplicaReader(this.#links, ref, node, shared),
        begun: this.#begin(ref, node),
      }
    })
    let end = await this.#end(ref)
    for (;;) {
      if (end === undefined) return [`${nameOf(ref)}: its leader does not tell its end`]
      const upTo = end
      const whole = await Promise.all(
        replicas.map(({ reader }) => reader.readTo(upTo, this.#isLate)),
      )
      const after: number | undefined = whole.every(Boolean) ? await this.#end(ref) : end
      if (after === end) return tell(replicas, whole)
      end = after
    }
  }

  #begin({ key, topic }: PartitionRef, node: number): Begun {
    return this.#options.recorder.begin(`harness-drain-${node}`, {
      f: "drain",
      partition: key,
      records: [],
      highWatermark: -1,
      logStartOffset: -1,
      ...(topic.isCompacted === true ? { compacted: true } : {}),
    })
  }

  /** Undefined: nobody leads it in time. */
  async #placeOf({ key }: PartitionRef): Promise<Placed | undefined> {
    for (;;) {
      const placed = (await this.#place()).get(key)
      if (placed !== undefined || this.#isLate()) return placed
      await Bun.sleep(backOffMs)
    }
  }

  /** Partitions that wait share one request. */
  #place(): Promise<ReadonlyMap<string, Placed>> {
    this.#placing ??= this.#askPlaces().finally(() => (this.#placing = undefined))
    return this.#placing
  }

  async #askPlaces(): Promise<ReadonlyMap<string, Placed>> {
    const { cluster, topics } = this.#options
    const node = cluster.nodes[this.#turn++ % cluster.nodes.length]?.id ?? 0
    const names = topics.map(({ name }) => ({ name }))
    const input = { topics: names, allowAutoTopicCreation: false }
    const reply = await this.#links.ask(node, metadata, input, { timeoutMs: askMs })
    const placed = new Map<string, Placed>()
    for (const { topicId, partitions } of reply._tag === "answer" ? reply.answer.topics : []) {
      const topic = topics.find(({ id }) => id === topicId)
      for (const { key, partition } of topic === undefined ? [] : partitionsOf(topic)) {
        const found = partitions.find(({ partitionIndex }) => partitionIndex === partition)
        if (found === undefined || found.leaderId < 0) continue
        placed.set(key, { leader: found.leaderId, replicas: found.replicaNodes })
      }
    }
    return placed
  }

  /** Where the log ends, as its leader tells; undefined: it does not in time. */
  async #end(ref: PartitionRef): Promise<number | undefined> {
    const { topic, partition } = ref
    const asked = { partitionIndex: partition, timestamp: latest }
    const topics = [{ name: topic.name, partitions: [asked] }]
    const input = { replicaId: -1, topics, timeoutMs: askMs }
    for (;;) {
      const placed = await this.#placeOf(ref)
      if (placed === undefined) return undefined
      const reply = await this.#links.ask(placed.leader, listOffsets, input, { timeoutMs: askMs })
      const result = reply._tag === "answer" ? reply.answer.topics[0]?.partitions[0] : undefined
      if (result?.errorCode === ErrorCode.NONE) return result.offset
      if (this.#isLate()) return undefined
      await Bun.sleep(backOffMs)
    }
  }
}

const nameOf = ({ topic, partition }: PartitionRef): string => `${topic.name}/${partition}`

/** Records those that were read completely, and says which were not. */
function tell(
  replicas: ReadonlyArray<Replica>,
  whole: ReadonlyArray<boolean>,
): ReadonlyArray<string> {
  return replicas.flatMap(({ reader, begun }, i) => {
    const { node, connection, attempts, records, highWatermark, logStartOffset } = reader
    if (whole[i] !== true) {
      const why = `${nameOf(reader.ref)}: ${reader.trouble}`
      return [`broker ${node} could not be read completely: ${why}`]
    }
    begun.end(
      { outcome: "ok", node, connection, attempts },
      { f: "drain", records, highWatermark, logStartOffset },
    )
    return []
  })
}
