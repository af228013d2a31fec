/**
 * The end of a run: what every replica of every partition holds, read from each of them until no
 * log grows any more (VERIFICATION §3.1: works against Kafka too).
 */
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
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

/**
 * Rejects, with the replicas that are left, when they cannot all be read in time, or when logs go
 * on growing.
 */
export async function drainReplicas(options: DrainOptions): Promise<void> {
  const { cluster, clock, timeoutMs, topics } = options
  const addresses = new Map(cluster.nodes.map(({ id, direct }) => [id, direct]))
  const connect = options.connect ?? connectTo(addresses, "chaos-drain", askMs)
  const links = new Links(connect, { next: firstConnection })
  const deadlineMs = clock.nowMs() + timeoutMs
  const drain = new Drain(options, links, () => clock.nowMs() >= deadlineMs)
  try {
    await drain.run(topics.flatMap(partitionsOf))
  } finally {
    links.close()
  }
}

class Drain {
  readonly #options: DrainOptions
  readonly #links: Links
  readonly #isLate: () => boolean
  readonly #leaders = new Map<string, number>()

  constructor(options: DrainOptions, links: Links, isLate: () => boolean) {
    this.#options = options
    this.#links = links
    this.#isLate = () => isLate() || options.signal.aborted
  }

  async run(refs: ReadonlyArray<PartitionRef>): Promise<void> {
    const replicas = await this.#replicas(refs)
    for (;;) {
      const ends = await this.#ends(refs)
      await this.#readAll(replicas, ends)
      const after = await this.#ends(refs)
      if (refs.every(({ key }) => ends.get(key) === after.get(key))) break
    }
    for (const { reader, begun } of replicas) this.#tell(reader, begun)
  }

  /** Every node reads its partitions one after the other, all nodes side by side. */
  async #readAll(replicas: ReadonlyArray<Replica>, ends: ReadonlyMap<string, number>) {
    const byNode = Map.groupBy(replicas, ({ reader }) => reader.node)
    await Promise.all(
      [...byNode.values()].map(async (own) => {
        for (const { reader } of own) {
          const end = ends.get(reader.ref.key) ?? 0
          if (await reader.readTo(end, this.#isLate)) continue
          const { node, ref, trouble } = reader
          const what = `broker ${node} could not be read completely: ${ref.topic.name}`
          throw new Error(`${what}/${ref.partition}: ${trouble}`)
        }
      }),
    )
  }

  #tell(reader: ReplicaReader, begun: Begun): void {
    const { node, connection, attempts, records, highWatermark, logStartOffset } = reader
    begun.end(
      { outcome: "ok", node, connection, attempts },
      { f: "drain", records, highWatermark, logStartOffset },
    )
  }

  async #replicas(refs: ReadonlyArray<PartitionRef>): Promise<ReadonlyArray<Replica>> {
    const placed = await this.#placement()
    const { recorder } = this.#options
    return refs.flatMap((ref) => {
      const shared: SharedRecords = new Map()
      const nodes = placed.get(ref.key)
      if (nodes === undefined) throw new Error(`${ref.key} is not in the metadata`)
      return nodes.map((node) => {
        const begun = recorder.begin(`harness-drain-${node}`, {
          f: "drain",
          partition: ref.key,
          records: [],
          highWatermark: -1,
          logStartOffset: -1,
          ...(ref.topic.isCompacted === true ? { compacted: true } : {}),
        })
        return { reader: new ReplicaReader(this.#links, ref, node, shared), begun }
      })
    })
  }

  /** By partition: the brokers that hold it. Waits until every partition has a leader. */
  async #placement(): Promise<ReadonlyMap<string, ReadonlyArray<number>>> {
    const { cluster, topics } = this.#options
    const names = topics.map(({ name }) => ({ name }))
    for (let turn = 0; ; turn++) {
      const node = cluster.nodes[turn % cluster.nodes.length]?.id ?? 0
      const input = { topics: names, allowAutoTopicCreation: false }
      const reply = await this.#links.ask(node, metadata, input, { timeoutMs: askMs })
      const placed = new Map<string, ReadonlyArray<number>>()
      let trouble = reply._tag === "answer" ? "" : reply.error
      for (const topic of reply._tag === "answer" ? reply.answer.topics : []) {
        const known = topics.find(({ id }) => id === topic.topicId)
        if (known === undefined) {
          trouble = `${topic.name}: ${errorName(topic.errorCode)}`
          continue
        }
        for (const { key, partition } of partitionsOf(known)) {
          const found = topic.partitions.find(({ partitionIndex }) => partitionIndex === partition)
          if (found === undefined || found.leaderId < 0) trouble = `${key} has no leader`
          else {
            placed.set(key, found.replicaNodes)
            this.#leaders.set(key, found.leaderId)
          }
        }
      }
      if (trouble === "") return placed
      if (this.#isLate()) throw new Error(`no replica was read: ${trouble}`)
      await Bun.sleep(backOffMs)
    }
  }

  /** Where each log ends, as its leader tells. */
  async #ends(refs: ReadonlyArray<PartitionRef>): Promise<ReadonlyMap<string, number>> {
    const ends = new Map<string, number>()
    for (;;) {
      let trouble = ""
      for (const ref of refs) {
        if (ends.has(ref.key)) continue
        const end = await this.#end(ref)
        if (typeof end === "number") ends.set(ref.key, end)
        else trouble = `${ref.key}: ${end}`
      }
      if (trouble === "") return ends
      if (this.#isLate()) throw new Error(`a log's end is not told: ${trouble}`)
      await Bun.sleep(backOffMs)
      await this.#placement()
    }
  }

  async #end({ topic, partition, key }: PartitionRef): Promise<number | string> {
    const asked = { partitionIndex: partition, timestamp: latest }
    const topics = [{ name: topic.name, partitions: [asked] }]
    const node = this.#leaders.get(key) ?? 0
    const input = { replicaId: -1, topics, timeoutMs: askMs }
    const reply = await this.#links.ask(node, listOffsets, input, { timeoutMs: askMs })
    if (reply._tag !== "answer") return reply.error
    const result = reply.answer.topics[0]?.partitions[0]
    if (result === undefined) return "an answer without the partition"
    return result.errorCode === ErrorCode.NONE ? result.offset : errorName(result.errorCode)
  }
}
