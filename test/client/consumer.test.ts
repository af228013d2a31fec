import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { until } from "../../scripts/harness/until.ts"
import { cooperativeSticky, range, roundRobin } from "../../src/client/assignors.ts"
import {
  Client,
  Consumer,
  committedOffsets,
  describeGroup,
  findGroupCoordinator,
  logOffsets,
  offsetNames,
  offsetOf,
  parseBootstrap,
  partitionName,
  type GroupOptions,
} from "../../src/client/index.ts"
import { Producer } from "../../src/client/producer.ts"
import { createPartitions } from "../../src/protocol/messages/create-partitions.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"

const minute = 60_000

let cluster: Cluster
let admin: Client
beforeAll(async () => {
  cluster = await Cluster.start({
    settings: {
      "offsets.topic.num.partitions": "3",
      "group.consumer.min.heartbeat.interval.ms": "200",
      "group.consumer.heartbeat.interval.ms": "200",
      "group.consumer.assignment.interval.ms": "0",
    },
  })
  admin = newClient()
}, minute)
afterAll(async () => {
  admin.close()
  await cluster.dispose()
})

const newClient = () => new Client({ bootstrap: parseBootstrap(cluster.bootstrap) ?? [] })

const readers = new Set<Reader>()
afterEach(async () => {
  await Promise.all([...readers].map((reader) => reader.close()))
})

/** A consumer that reads until it is closed, and remembers everything. */
class Reader {
  readonly values: Array<string> = []
  readonly #client = newClient()
  readonly #consumer: Consumer
  readonly #done: Promise<void>
  #closing = false

  constructor(topics: ReadonlyArray<string>, group: GroupOptions, pattern?: string) {
    readers.add(this)
    this.#consumer = new Consumer(this.#client, { offsetReset: "earliest" })
    this.#consumer.subscribe({ topics, ...(pattern === undefined ? {} : { pattern }) }, group)
    this.#done = this.#read()
  }

  get assignment(): Array<string> {
    return this.#consumer.assignment.map(partitionName).toSorted()
  }

  async close(): Promise<void> {
    if (this.#closing) return
    this.#closing = true
    readers.delete(this)
    this.#consumer.wakeUp()
    await this.#done
  }

  async #read(): Promise<void> {
    while (!this.#closing) {
      for (const { value } of await this.#consumer.poll(500)) {
        this.values.push(Buffer.from(value ?? []).toString())
      }
    }
    await this.#consumer.close()
    this.#client.close()
  }
}

async function makeTopic(name: string, numPartitions: number): Promise<void> {
  const topics = [{ name, numPartitions, replicationFactor: 3 }]
  const answer = await admin.ask(createTopics, { topics, timeoutMs: 10_000 })
  expect(answer.topics[0]?.errorCode).toBe(0)
}

/** With keys, so that every partition gets some. */
async function write(topic: string, from: number, to: number): Promise<void> {
  const producer = new Producer(admin, topic, { lingerMs: 5 })
  for (let i = from; i < to; i++) {
    await producer.send({ key: Buffer.from(`${i}`), value: Buffer.from(`${i}`) })
  }
  await producer.flush()
}

const all = (of: ReadonlyArray<Reader>) => new Set(of.flatMap((reader) => reader.values))

const untilRead = (count: number, ...of: ReadonlyArray<Reader>) =>
  until(`${count} records`, () => all(of).size === count, { timeoutMs: 30_000 })

const untilShared = (counts: ReadonlyArray<number>, ...of: ReadonlyArray<Reader>) =>
  until(
    `partitions shared ${counts.join(" + ")}`,
    () => {
      const held = of.flatMap(({ assignment }) => assignment)
      return (
        new Set(held).size === held.length &&
        of.every(({ assignment }, i) => assignment.length === counts[i])
      )
    },
    { timeoutMs: 30_000 },
  )

const kinds: ReadonlyArray<readonly [string, Partial<GroupOptions>]> = [
  ["range", { assignors: [range] }],
  ["round robin", { assignors: [roundRobin] }],
  ["cooperative sticky", { assignors: [cooperativeSticky] }],
  ["the new protocol", { protocol: "consumer" }],
]

describe.each(kinds)("%s", (kind, options) => {
  const name = kind.replaceAll(" ", "-")
  const quick = { heartbeatIntervalMs: 200, autoCommitIntervalMs: 200, ...options }

  test(
    "members share a topic, take over from each other, and leave what they read committed",
    async () => {
      const topic = `shared-${name}`
      const group = { groupId: `group-${name}`, ...quick }
      await makeTopic(topic, 4)
      await write(topic, 0, 40)
      const first = new Reader([topic], group)
      await untilRead(40, first)
      await untilShared([4], first)
      const second = new Reader([topic], group)
      await untilShared([2, 2], first, second)
      await write(topic, 40, 80)
      await untilRead(80, first, second)
      await first.close()
      await untilShared([4], second)
      await write(topic, 80, 100)
      await untilRead(100, first, second)
      await second.close()
      // A graceful end commits: nobody reads anything again.
      const again = [...first.values, ...second.values]
      expect(again.length).toBe(100)
      const partitions = [0, 1, 2, 3].map((partition) => ({ topic, partition }))
      const ends = await logOffsets(admin, partitions, offsetNames.latest)
      const committed = await committedOffsets(admin, group.groupId)
      expect(new Map(committed.map((one) => [partitionName(one), one.offset]))).toEqual(
        new Map(ends),
      )
      expect((await describeGroup(admin, group.groupId)).state).toBe("Empty")
    },
    minute,
  )
})

test(
  "a subscription by pattern follows new topics and new partitions",
  async () => {
    await makeTopic("metrics-a", 1)
    await write("metrics-a", 0, 5)
    const group = { groupId: "patterns", heartbeatIntervalMs: 100, metadataMaxAgeMs: 200 }
    const reader = new Reader([], group, "metrics-.*")
    await untilRead(5, reader)
    await makeTopic("metrics-b", 1)
    await write("metrics-b", 5, 10)
    await untilRead(10, reader)
    expect(reader.assignment).toEqual(["metrics-a-0", "metrics-b-0"])
    const topics = [{ name: "metrics-a", count: 2, assignments: null }]
    await admin.ask(createPartitions, { topics, timeoutMs: 10_000 })
    await until("the new partition", () => reader.assignment.includes("metrics-a-1"))
  },
  minute,
)

describe.each(["classic", "consumer"] as const)("%s", (protocol) => {
  test(
    "a group reads on when its coordinator is killed, and skips nothing",
    async () => {
      const topic = `killed-${protocol}`
      const group = {
        groupId: `survivors-${protocol}`,
        protocol,
        heartbeatIntervalMs: 200,
        autoCommitIntervalMs: 100,
      }
      await makeTopic(topic, 3)
      await write(topic, 0, 30)
      const both = [new Reader([topic], group), new Reader([topic], group)]
      await untilRead(30, ...both)
      const coordinator = await findGroupCoordinator(admin, group.groupId)
      await cluster.kill(coordinator.nodeId)
      await until("another coordinator", async () => {
        const { nodeId } = await findGroupCoordinator(admin, group.groupId)
        return nodeId !== coordinator.nodeId
      })
      await write(topic, 30, 60)
      await untilRead(60, ...both)
      await cluster.startBroker(coordinator.nodeId)
      await write(topic, 60, 90)
      await untilRead(90, ...both)
    },
    2 * minute,
  )
})

test(
  "an assigned consumer reads from where it is told, and from the policy where that is gone",
  async () => {
    await makeTopic("assigned", 1)
    await write("assigned", 0, 10)
    const place = { topic: "assigned", partition: 0 }
    const client = newClient()
    const consumer = new Consumer(client, { offsetReset: "earliest" })
    const offsets = async (offset: number, max: number) => {
      consumer.assign([{ ...place, offset }])
      const records = await consumer.poll(5000, max)
      return records.map((record) => record.offset)
    }
    expect(await offsets(4, 3)).toEqual([4, 5, 6])
    expect(consumer.position(place)).toBe(7)
    expect(await offsets(offsetNames.earliest, 2)).toEqual([0, 1])
    expect(await offsets(1000, 2)).toEqual([0, 1])
    consumer.assign([{ ...place, offset: offsetNames.latest }])
    expect(await consumer.poll(300)).toEqual([])
    await write("assigned", 10, 11)
    expect((await consumer.poll(5000)).map((record) => record.offset)).toEqual([10])
    await consumer.close()
    client.close()
  },
  minute,
)

test(
  "a consumer that waits for records holds up nobody else on its client",
  async () => {
    await makeTopic("quiet", 1)
    const client = newClient()
    const consumer = new Consumer(client, { offsetReset: "earliest", maxWaitMs: 20_000 })
    consumer.assign([{ topic: "quiet", partition: 0, offset: 0 }])
    const waiting = consumer.poll(20_000)
    // Its Fetch is under way, to the only leader that there is.
    await Bun.sleep(500)
    const startedMs = performance.now()
    expect(await offsetOf(client, "quiet", 0, offsetNames.latest)).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(10_000)
    await write("quiet", 0, 1)
    expect(await waiting).toHaveLength(1)
    await consumer.close()
    client.close()
  },
  minute,
)
