import { afterAll, afterEach, expect, setDefaultTimeout, test } from "bun:test"
import { Producer as PlatformaticProducer, stringSerializers } from "@platformatic/kafka"
import { Kafka, logLevel, Partitioners } from "kafkajs"
import { expectValid, TestCluster, TestHistory } from "../../src/testing/index.ts"

/** Producers and consumers that others wrote, recorded as a test would. */

// A busy machine takes its time.
setDefaultTimeout(120_000)
afterEach(() => TestCluster.disposeAll())

/** What kafkajs leaves behind when its brokers are gone before it. */
const open: Array<{ disconnect(): Promise<void> }> = []
afterAll(async () => {
  for (const one of open) await one.disconnect().catch(() => undefined)
})

test("kafkajs: a group processes what a producer sends while a broker dies", async () => {
  await using cluster = await TestCluster.start()
  await cluster.createTopic({ name: "orders", partitions: 3 })
  const retry = { retries: 20, initialRetryTime: 30, maxRetryTime: 300 }
  const kafka = new Kafka({ brokers: cluster.bootstrapList, logLevel: logLevel.NOTHING, retry })
  const history = new TestHistory()

  const groupId = "billing"
  const timeouts = { heartbeatInterval: 300, sessionTimeout: 1500, rebalanceTimeout: 3000 }
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100, ...timeouts })
  await consumer.connect()
  await consumer.subscribe({ topic: "orders", fromBeginning: true })
  const billed = new Set<string>()
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ topic, partition, message }) => {
      const record = { topic, partition, ...message }
      history.received("billing-1", record, { group: groupId })
      const id = String(message.value)
      if (!billed.has(id)) history.processed("billing-1", record, { group: groupId })
      billed.add(id)
      const next = { topic, partition, offset: String(BigInt(message.offset) + 1n) }
      await history.committed("billing-1", { group: groupId, ...next }, () =>
        consumer.commitOffsets([next]),
      )
    },
  })

  const createPartitioner = Partitioners.DefaultPartitioner
  const producer = kafka.producer({ idempotent: true, createPartitioner })
  await producer.connect()
  open.push(producer)
  for (let n = 0; n < 20; n++) {
    if (n === 8) await cluster.killLeader("orders", 1)
    // One batch for several partitions: the library tells the first offset of each.
    const messages = [0, 1, 2].map((i) => ({ key: `customer-${i}`, value: `order-${n}-${i}` }))
    const sent = messages.map((message, partition) => ({ topic: "orders", partition, ...message }))
    const explicit = messages.map((message, partition) => ({ ...message, partition }))
    await history.sent("shop", sent, () => producer.send({ topic: "orders", messages: explicit }), {
      idempotent: true,
    })
  }
  await cluster.heal()
  expect(await history.settled({ timeoutMs: 20_000 })).toBe(true)
  await producer.disconnect()
  await consumer.disconnect()
  await history.drain(cluster)
  const verdict = history.check({
    atLeastOnce: true,
    exactlyOnceEffect: true,
    orderByKey: true,
    commitAfterProcessing: true,
  })
  expectValid(verdict)
  expect(verdict).toMatchObject({ acknowledged: 60, processed: 60, drained: 3 })
}, 60_000)

test("@platformatic/kafka: what it tells of places is understood", async () => {
  await using cluster = await TestCluster.start({ nodes: 1 })
  await cluster.createTopic({ name: "events", partitions: 2 })
  const history = new TestHistory()
  const producer = new PlatformaticProducer({
    clientId: "platformatic",
    bootstrapBrokers: cluster.bootstrapList,
    serializers: stringSerializers,
  })
  try {
    for (let n = 0; n < 5; n++) {
      const messages = [0, 1, 0].map((partition, i) => {
        return { topic: "events", partition, key: `k${partition}`, value: `event-${n}-${i}` }
      })
      await history.sent("p", messages, () => producer.send({ messages, acks: -1 }))
    }
  } finally {
    await producer.close()
  }
  const places = history.operations.map((one) => (one.f === "append" ? one.offset : -1))
  expect(places.slice(0, 6)).toEqual([0, 0, 1, 2, 1, 3])
  await history.drain(cluster)
  expectValid(history.check())
})
