import { afterAll, beforeAll, expect, test } from "bun:test"
import { Consumer, stringDeserializers } from "@platformatic/kafka"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { createTopic, kafkaFor, layoutOf } from "../../scripts/harness/layout.ts"
import { until } from "../../scripts/harness/until.ts"
import { groupPartition } from "../../src/node/coordination/group-partition.ts"
import { steadyWriter } from "./steady-writer.ts"

/** Groups of the new protocol (KIP-848) over real processes: @platformatic/kafka speaks it. */

const minute = 60_000
const offsetsTopic = "__consumer_offsets"
const topic = "new-protocol"
const group = "new-protocol-group"

let cluster: Cluster
const running = new Set<Reader>()

beforeAll(async () => {
  const settings = {
    "offsets.topic.num.partitions": "5",
    "group.consumer.min.session.timeout.ms": "3000",
    "group.consumer.session.timeout.ms": "3000",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.heartbeat.interval.ms": "300",
  }
  cluster = await Cluster.start({ settings })
}, 2 * minute)

afterAll(async () => {
  for (const reader of running) await reader.close()
  await cluster?.dispose()
}, minute)

class Reader {
  readonly read = new Map<number, Set<number>>()
  readonly #consumer: Consumer<string, string, string, string>

  constructor() {
    this.#consumer = new Consumer({
      clientId: "reader",
      groupId: group,
      groupProtocol: "consumer",
      bootstrapBrokers: cluster.bootstrapList,
      deserializers: stringDeserializers,
      retries: 60,
      retryDelay: 100,
      maxWaitTime: 100,
    })
    running.add(this)
  }

  async start(): Promise<void> {
    const options = { mode: "committed", fallbackMode: "earliest", autocommit: 100 } as const
    const stream = await this.#consumer.consume({ topics: [topic], ...options })
    stream.on("data", ({ partition, offset }) => {
      const offsets = this.read.get(partition) ?? new Set()
      this.read.set(partition, offsets.add(Number(offset)))
    })
    stream.on("error", () => {})
  }

  get count(): number {
    return [...this.read.values()].reduce((sum, offsets) => sum + offsets.size, 0)
  }

  async close(): Promise<void> {
    running.delete(this)
    await this.#consumer.close(true)
  }
}

test(
  "two members share; one goes; the coordinator is killed: no record is skipped",
  async () => {
    await createTopic(cluster.bootstrapList, { topic, partitions: 3 })
    const writer = await steadyWriter(kafkaFor(cluster.bootstrapList), topic, 3)
    const [first, second] = [new Reader(), new Reader()]
    await first.start()
    await until("one to read all partitions", () => first.read.size === 3, { timeoutMs: 30_000 })
    await second.start()
    await until("both to read", () => second.count > 20, { timeoutMs: 30_000 })
    await second.close()
    const layout = await layoutOf(cluster.bootstrapList, offsetsTopic)
    const coordinator = layout[groupPartition(group, layout.length)]?.leader ?? -1
    await cluster.kill(coordinator)
    const before = first.count
    await until("it to go on", () => first.count > before + 300, { timeoutMs: 60_000 })
    const ends = await writer.stop()
    const skipped = (): Array<string> =>
      ends.flatMap((end, partition) =>
        Array.from({ length: end }, (_, offset) => offset)
          .filter((offset) => ![first, second].some((r) => r.read.get(partition)?.has(offset)))
          .map((offset) => `${partition} ${offset}`),
      )
    await until("all to be read", () => skipped().length === 0, { timeoutMs: 30_000 }).catch(
      () => {},
    )
    expect(skipped()).toEqual([])
  },
  3 * minute,
)
