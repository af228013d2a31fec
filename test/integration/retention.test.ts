import { afterAll, beforeAll, expect, test } from "bun:test"
import { diskUse, logBytes } from "../../scripts/bench/disk-use.ts"
import { ConfigResourceTypes } from "kafkajs"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { kcat } from "../../scripts/harness/foreign.ts"
import {
  createTopic,
  kafkaFor,
  layoutOf,
  untilInSync,
  withAdmin,
} from "../../scripts/harness/layout.ts"
import { withRaw } from "../../scripts/harness/raw.ts"
import { run } from "../../scripts/harness/run.ts"
import { until } from "../../scripts/harness/until.ts"
import { ErrorCode } from "../../src/protocol/index.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { listOffsets } from "../../src/protocol/messages/list-offsets.ts"
import { writeTo } from "./one-broker.ts"

/** Records that are due go from every disk; who still asks for them is told, and begins anew. */

const minute = 60_000
const segmentBytes = 1 << 20
let cluster: Cluster

beforeAll(async () => {
  const settings = {
    "log.retention.check.interval.ms": "500",
    "varve.segment.bytes": String(segmentBytes),
  }
  cluster = await Cluster.start({ settings })
}, minute)

afterAll(async () => {
  await cluster?.dispose()
}, minute)

const address = (id: number) => `127.0.0.1:${cluster.broker(id).port}`

async function leaderOf(topic: string): Promise<string> {
  const [partition] = await layoutOf(cluster.bootstrapList, topic)
  return address(partition?.leader ?? 0)
}

/** Each of 100 kB. */
async function write(topic: string, from: number, to: number): Promise<void> {
  const leader = await leaderOf(topic)
  for (let n = from; n < to; n++) {
    const { errorCode } = await writeTo(leader, topic, `${n} `.padEnd(100_000, "x"))
    expect(errorCode).toBe(ErrorCode.NONE)
  }
}

/** As soon as somebody leads and knows. */
const earliest = (topic: string): Promise<number> =>
  until(`the start of ${topic}`, async () => {
    const answer = await withRaw(await leaderOf(topic), (connection) =>
      connection.request(listOffsets, 7, {
        replicaId: -1,
        topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -2 }] }],
      }),
    )
    const found = answer.topics[0]?.partitions[0]
    return found?.errorCode === ErrorCode.NONE && { offset: found.offset }
  }).then(({ offset }) => offset)

/** The start of the log that the broker tells, and what it answers at an offset. */
async function fetchAt(broker: string, topic: string, fetchOffset: number) {
  const answer = await withRaw(broker, (connection) =>
    connection.request(fetch, 12, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [{ topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1 }] }],
    }),
  )
  const { errorCode = -1, logStartOffset = -1 } = answer.responses[0]?.partitions[0] ?? {}
  return { errorCode, logStartOffset }
}

/** Numbers of the records that a consumer reads from its position on. */
async function consumed(topic: string, from: number, reset: string) {
  const flags = ["-C", "-t", topic, "-p", "0", "-o", String(from), "-e", "-q"]
  const command = ["kcat", "-b", cluster.bootstrap, ...flags, "-X", `auto.offset.reset=${reset}`]
  const { stdout, stderr } = await run(command)
  const numbers = stdout.split("\n").flatMap((line) => (line === "" ? [] : [Number.parseInt(line)]))
  return { numbers, stderr }
}

async function keepFor(name: string, retentionMs: number): Promise<void> {
  const configEntries = [{ name: "retention.ms", value: String(retentionMs) }]
  const resources = [{ type: ConfigResourceTypes.TOPIC, name, configEntries }]
  await withAdmin(cluster.bootstrapList, (admin) =>
    admin.alterConfigs({ validateOnly: false, resources }),
  )
}

/** Numbers of so many records that a consumer of the group reads and commits; then it goes. */
async function readInGroup(topic: string, count: number): Promise<ReadonlyArray<number>> {
  const consumer = kafkaFor(cluster.bootstrapList).consumer({ groupId: "behind" })
  const numbers: Array<number> = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const { promise, resolve } = Promise.withResolvers<void>()
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: ({ message }) => {
      if (numbers.length < count) numbers.push(Number.parseInt(String(message.value)))
      if (numbers.length === count) resolve()
      return Promise.resolve()
    },
  })
  await promise
  await consumer.disconnect()
  return numbers
}

test(
  "retention.ms frees every disk; a consumer that is behind is told, and begins anew",
  async () => {
    const topic = "short"
    await createTopic(cluster.bootstrapList, { topic, partitions: 1 })
    await write(topic, 0, 60)
    expect(await readInGroup(topic, 3)).toEqual([0, 1, 2])
    for (const bytes of diskUse(cluster)) expect(bytes).toBeGreaterThan(60 * 100_000)
    await keepFor(topic, 1_000)
    await until("the records to be gone", async () => (await earliest(topic)) === 60, {
      timeoutMs: 30_000,
    })
    await until(
      "every disk to be free",
      () => Math.max(...diskUse(cluster)) <= 2 * segmentBytes + 1_000_000,
      { timeoutMs: 30_000 },
    )
    await keepFor(topic, 10 * minute)
    await write(topic, 60, 63)
    const leader = await leaderOf(topic)
    const outOfRange = { errorCode: ErrorCode.OFFSET_OUT_OF_RANGE }
    expect(await fetchAt(leader, topic, 59)).toMatchObject(outOfRange)
    expect(await readInGroup(topic, 3)).toEqual([60, 61, 62])
    if (!kcat.available) return
    expect((await consumed(topic, 5, "earliest")).numbers).toEqual([60, 61, 62])
    const refused = await consumed(topic, 5, "error")
    expect(refused.numbers).toEqual([])
    expect(refused.stderr).toContain("out of range")
  },
  2 * minute,
)

test(
  "DeleteRecords by a foreign client: also for a replica that was away, and after a restart",
  async () => {
    const topic = "deleted"
    await createTopic(cluster.bootstrapList, { topic, partitions: 1 })
    await write(topic, 0, 20)
    await cluster.kill(2)
    const partitions = [{ partition: 0, offset: "15" }]
    await until("the records to be deleted", () =>
      withAdmin(cluster.bootstrapList.slice(0, 2), async (admin) => {
        await admin.fetchTopicMetadata({ topics: [topic] })
        await admin.deleteTopicRecords({ topic, partitions })
        return true
      }),
    )
    expect(await earliest(topic)).toBe(15)
    await cluster.startBroker(2)
    await untilInSync(cluster.bootstrapList, topic)
    for (const { id } of cluster.brokers) {
      await until(
        `broker ${id} to begin at 15`,
        async () => (await fetchAt(address(id), topic, 15)).logStartOffset === 15,
      )
      const { errorCode } = await fetchAt(address(id), topic, 14)
      expect(errorCode).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    }
    await cluster.stop()
    await cluster.up()
    await untilInSync(cluster.bootstrapList, topic)
    expect(await earliest(topic)).toBe(15)
    if (kcat.available) {
      expect((await consumed(topic, 0, "earliest")).numbers).toEqual([15, 16, 17, 18, 19])
    }
  },
  2 * minute,
)

test(
  "a deleted topic gives its space back, also on a broker that was away",
  async () => {
    const topic = "dropped"
    await createTopic(cluster.bootstrapList, { topic, partitions: 1 })
    const before = Math.max(...diskUse(cluster))
    await write(topic, 0, 60)
    await cluster.kill(1)
    const rest = [address(0), address(2)]
    // kafkajs gives up where the broker that it is told to ask is gone.
    await until("a controller that lives", () =>
      withAdmin(rest, async (admin) => (await admin.describeCluster()).controller !== 1),
    )
    await withAdmin(rest, (admin) => admin.deleteTopics({ topics: [topic] }))
    const isFree = (id: number) => logBytes(cluster.broker(id).dir) <= before + 2 * segmentBytes
    const patience = { timeoutMs: 30_000 }
    await until("brokers 0 and 2 to be free", () => isFree(0) && isFree(2), patience)
    expect(isFree(1)).toBe(false)
    await cluster.startBroker(1)
    await until("broker 1 to be free", () => isFree(1), patience)
  },
  2 * minute,
)
