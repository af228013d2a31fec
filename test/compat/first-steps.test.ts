import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { Kafka, logLevel, Partitioners, type ICustomPartitioner } from "kafkajs"
import { describeWith, pythonKafka } from "../../scripts/harness/foreign.ts"
import { withAdmin } from "../../scripts/harness/layout.ts"
import { runOrThrow } from "../../scripts/harness/run.ts"
import { root } from "../../scripts/harness/target.ts"
import { until } from "../../scripts/harness/until.ts"
import { freshTopic, useCluster } from "../support/compat-cluster.ts"
import { createTopic } from "../support/topics.ts"

/** What everybody does first with Kafka, and the numbers that they expect to see. */

const cluster = useCluster({ "group.initial.rebalance.delay.ms": "0" })

const kafka = () =>
  new Kafka({
    clientId: "steps",
    brokers: cluster.bootstrapList,
    logLevel: logLevel.NOTHING,
    retry: { retries: 20, initialRetryTime: 50, maxRetryTime: 300 },
  })

interface Sent {
  readonly key?: string
  readonly value: string
}

/** Each record by itself, in order; gives partition and offset of each. */
async function send(
  topic: string,
  records: ReadonlyArray<Sent>,
  createPartitioner: ICustomPartitioner = Partitioners.DefaultPartitioner,
): Promise<Array<string>> {
  const producer = kafka().producer({ createPartitioner })
  await producer.connect()
  const places: Array<string> = []
  for (const record of records) {
    const [placed] = await producer.send({ topic, messages: [record] })
    places.push(`${placed?.partition}@${placed?.baseOffset}`)
  }
  await producer.disconnect()
  return places
}

const inTurn: ICustomPartitioner = () => {
  let next = 0
  return ({ partitionMetadata }) => next++ % partitionMetadata.length
}

/** A member of a group; it commits by itself what it was given, record by record. */
async function reading(groupId: string, topic: string, count: number): Promise<Array<string>> {
  const consumer = kafka().consumer({ groupId, maxWaitTimeInMs: 100 })
  const values: Array<string> = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: ({ message }) => {
      values.push(String(message.value))
      return Promise.resolve()
    },
  })
  await until(`${count} records`, () => values.length >= count, { timeoutMs: 20_000 })
  await consumer.disconnect()
  return values
}

const committed = (groupId: string, topic: string) =>
  withAdmin(cluster.bootstrapList, async (admin) => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return found?.partitions.map(({ offset }) => Number(offset))
  })

describe("first steps", () => {
  test("nine records in turn: 0 3 6, 1 4 7, 2 5 8", async () => {
    const topic = freshTopic("turn")
    await createTopic(cluster, topic, 3)
    const records = Array.from({ length: 10 }, (_, i) => ({ value: `msg${i}` }))
    expect(await send(topic, records, inTurn)).toEqual([
      "0@0",
      "1@0",
      "2@0",
      "0@1",
      "1@1",
      "2@1",
      "0@2",
      "1@2",
      "2@2",
      "0@3",
    ])
  })

  test("keys go where murmur2 sends them", async () => {
    const topic = freshTopic("keys")
    await createTopic(cluster, topic, 3)
    const users = ["user_1234", "user_5678", "user_9012", "user_123", "678", "user_1234"]
    const places = await send(
      topic,
      users.map((key) => ({ key, value: JSON.stringify({ key }) })),
    )
    expect(places.map((place) => place[0])).toEqual(["1", "0", "0", "2", "2", "1"])
  })

  test("six read, six committed, the next member begins at the seventh", async () => {
    const topic = freshTopic("six")
    await createTopic(cluster, topic, 1)
    await send(
      topic,
      Array.from({ length: 6 }, (_, i) => ({ value: `event ${i}` })),
    )
    expect((await reading("six", topic, 6)).length).toBe(6)
    expect(await committed("six", topic)).toEqual([6])
    await send(topic, [{ value: "event 6" }])
    expect(await reading("six", topic, 1)).toEqual(["event 6"])
  }, 60_000)

  test("two groups each get everything, and move by themselves", async () => {
    const topic = freshTopic("both")
    await createTopic(cluster, topic, 2)
    const values = Array.from({ length: 8 }, (_, i) => `order ${i}`)
    await send(
      topic,
      values.map((value) => ({ value })),
      inTurn,
    )
    expect((await reading("email", topic, 8)).toSorted()).toEqual(values)
    expect(await committed("warehouse", topic)).toEqual([-1, -1])
    expect((await reading("warehouse", topic, 8)).toSorted()).toEqual(values)
    expect(await committed("email", topic)).toEqual([4, 4])
  }, 60_000)
})

const step = async (command: string, topic: string): Promise<unknown> => {
  const program = join(root, "test", "integration", "drivers", "python_kafka_steps.py")
  const words = [pythonKafka.command[0] ?? "", program, cluster.bootstrapList[0] ?? ""]
  const { stdout } = await runOrThrow([...words, command, topic], { timeoutMs: 30_000 })
  return JSON.parse(stdout)
}

describeWith([pythonKafka], "first steps with python3-kafka", () => {
  test("a partitioner of one's own", async () => {
    const topic = freshTopic("own")
    await createTopic(cluster, topic, 3)
    expect(await step("partitioner", topic)).toEqual([0, 2, 0, 2])
  })

  test("the settings of a careful producer, an order by its user", async () => {
    const topic = freshTopic("orders")
    await createTopic(cluster, topic, 3)
    expect(await step("settings", topic)).toEqual([0, 1, 2].map((offset) => [topic, 2, offset]))
  })

  test("success and failure are called back", async () => {
    const topic = freshTopic("calls")
    await createTopic(cluster, topic, 1)
    expect(await step("callbacks", topic)).toEqual(["MessageSizeTooLargeError", "offset 0"])
  })

  test("polls bring no more than asked for; beginning, end and offset 2 are found", async () => {
    const topic = freshTopic("polls")
    await createTopic(cluster, topic, 1)
    await send(
      topic,
      Array.from({ length: 10 }, (_, i) => ({ value: `record ${i}` })),
    )
    const found = await step("polls", topic)
    expect(found).toMatchObject({ first: 0, last: 10, empty: true, sought: 2 })
    expect(found).toHaveProperty("offsets", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    const counts = expect.objectContaining({ counts: expect.not.arrayContaining([4, 5, 6, 10]) })
    expect(found).toEqual(counts)
  })

  test("auto.offset.reset none says that there is nowhere to begin", async () => {
    const topic = freshTopic("none")
    await createTopic(cluster, topic, 1)
    expect(await step("none", topic)).toBe("NoOffsetForPartitionError")
  })
})
