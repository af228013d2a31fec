import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import {
  CompressionTypes,
  KafkaJSProtocolError,
  Partitioners,
  type Admin,
  type Producer,
} from "kafkajs"
import { readAll } from "../../scripts/harness/records.ts"
import { until } from "../../scripts/harness/until.ts"
import { freshTopic, useCluster } from "../support/compat-cluster.ts"
import { sorted } from "../support/sorted.ts"
import { createTopic, kafkaFor } from "../support/topics.ts"

/** kafkajs 2.2.4: its producer and its admin client. Its consumer needs groups. */

/** The type that Kafka's error has in kafkajs, deep in what it wraps it in. */
const errorType = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise
  } catch (error) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof KafkaJSProtocolError) return cause.type
      if ("errors" in cause && Array.isArray(cause.errors)) {
        const [inner]: ReadonlyArray<unknown> = cause.errors
        if (inner instanceof KafkaJSProtocolError) return inner.type
      }
    }
    return String(error)
  }
  return "no error"
}

describe("kafkajs", () => {
  const cluster = useCluster()
  let admin: Admin

  beforeAll(async () => {
    admin = kafkaFor(cluster).admin()
    await admin.connect()
  }, 120_000)
  afterAll(async () => {
    await admin?.disconnect()
  })

  const withProducer = async <A>(
    use: (producer: Producer) => Promise<A>,
    options: { idempotent?: boolean } = {},
  ): Promise<A> => {
    const createPartitioner = Partitioners.DefaultPartitioner
    const producer = kafkaFor(cluster).producer({ createPartitioner, ...options })
    await producer.connect()
    try {
      return await use(producer)
    } finally {
      await producer.disconnect()
    }
  }

  describe("admin", () => {
    test("describes the cluster", async () => {
      const { brokers, controller, clusterId } = await admin.describeCluster()
      const addresses = brokers.map((broker) => `${broker.nodeId} ${broker.host}:${broker.port}`)
      expect(sorted(addresses)).toEqual(sorted(cluster.bootstrapList).map((at, i) => `${i} ${at}`))
      expect(brokers.map((broker) => broker.nodeId)).toContain(controller ?? -1)
      expect(clusterId.length).toBeGreaterThan(0)
    })

    test("creates, lists, describes and deletes a topic", async () => {
      const topic = freshTopic("kafkajs-admin")
      const wanted = { topic, numPartitions: 4, replicationFactor: 3 }
      expect(await admin.createTopics({ topics: [wanted], waitForLeaders: true })).toBe(true)
      expect(await admin.listTopics()).toContain(topic)

      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      const partitions = topics[0]?.partitions ?? []
      expect(sorted(partitions.map((p) => p.partitionId))).toEqual([0, 1, 2, 3])
      expect(partitions.every((p) => p.partitionErrorCode === 0)).toBe(true)
      expect(partitions.map((p) => sorted(p.replicas))).toEqual(partitions.map(() => [0, 1, 2]))
      expect(partitions.map((p) => sorted(p.isr))).toEqual(partitions.map(() => [0, 1, 2]))

      await admin.deleteTopics({ topics: [topic] })
      await until("the topic to be gone", async () => !(await admin.listTopics()).includes(topic))
    })

    test("says false to a topic that exists", async () => {
      const topic = freshTopic("kafkajs-twice")
      const wanted = { topics: [{ topic, numPartitions: 1 }] }
      expect(await admin.createTopics(wanted)).toBe(true)
      expect(await admin.createTopics(wanted)).toBe(false)
    })

    test("gets Kafka's errors for what cannot be", async () => {
      const create = (topic: string, extra: object) =>
        errorType(admin.createTopics({ topics: [{ topic, ...extra }], timeout: 5_000 }))
      expect(await create("in valid/name", { numPartitions: 1 })).toBe("INVALID_TOPIC_EXCEPTION")
      expect(await create(freshTopic("many"), { replicationFactor: 9 })).toBe(
        "INVALID_REPLICATION_FACTOR",
      )
      expect(await create(freshTopic("none"), { numPartitions: 0 })).toBe("INVALID_PARTITIONS")
      const configEntries = [{ name: "no.such.setting", value: "1" }]
      expect(await create(freshTopic("setting"), { configEntries })).toBe("INVALID_CONFIG")
      expect(
        await errorType(admin.deleteTopics({ topics: [freshTopic("gone")], timeout: 5_000 })),
      ).toBe("UNKNOWN_TOPIC_OR_PARTITION")
    })

    test("adds partitions, to which records can then be written", async () => {
      const topic = freshTopic("kafkajs-grow")
      await createTopic(cluster, topic, 1)
      await admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] })
      await until("three led partitions", async () => {
        const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
        return topics[0]?.partitions.filter((p) => p.leader >= 0).length === 3
      })
      await withProducer((producer) =>
        producer.send({
          topic,
          messages: [0, 1, 2].map((partition) => ({ partition, value: "x" })),
        }),
      )
      // A broker may hear of the new partitions after the one that was asked first.
      const places = async () => (await readAll(cluster, topic)).map((r) => r.partition)
      await until("a record in each", async () => (await places()).length === 3)
      expect(await places()).toEqual([0, 1, 2])
      const fewer = admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })
      expect(await errorType(fewer)).toBe("INVALID_PARTITIONS")
    })

    test("reads offsets, from the ends and by time", async () => {
      const topic = freshTopic("kafkajs-offsets")
      await createTopic(cluster, topic, 1)
      const stamps = [1_700_000_000_000, 1_700_000_001_000, 1_700_000_002_000]
      await withProducer(async (producer) => {
        for (const stamp of stamps) {
          await producer.send({ topic, messages: [{ value: "x", timestamp: String(stamp) }] })
        }
      })
      expect(await admin.fetchTopicOffsets(topic)).toEqual([
        { partition: 0, offset: "3", high: "3", low: "0" },
      ])
      const at = async (time: number) => (await admin.fetchTopicOffsetsByTimestamp(topic, time))[0]
      expect(await at(1_700_000_000_500)).toEqual({ partition: 0, offset: "1" })
      expect(await at(1_700_000_002_000)).toEqual({ partition: 0, offset: "2" })
    })
  })

  describe("producer", () => {
    for (const [acks, base] of [
      [-1, "0"],
      [1, "0"],
      [0, undefined],
    ] as const) {
      test(`acks=${acks}`, async () => {
        const topic = freshTopic("kafkajs-acks")
        await createTopic(cluster, topic, 1)
        const sent = await withProducer((producer) =>
          producer.send({ topic, acks, messages: [{ value: "a" }, { value: "b" }] }),
        )
        expect(sent[0]?.baseOffset).toEqual(base)
        const values = async () => (await readAll(cluster, topic)).map((r) => String(r.value))
        await until("both records", async () => (await values()).length === 2)
        expect(await values()).toEqual(["a", "b"])
      })
    }

    test("keys, binary values, headers and timestamps come back as they were", async () => {
      const topic = freshTopic("kafkajs-records")
      await createTopic(cluster, topic, 3)
      const messages = Array.from({ length: 60 }, (_, i) => ({
        key: Buffer.from([i, 255 - i, 0]),
        value:
          i % 7 === 0
            ? null
            : Buffer.from(Array.from({ length: i * 30 }, (_item, j) => (i * j) & 255)),
        headers: { number: String(i), twice: ["a", "b"] },
        timestamp: String(1_700_000_000_000 + i),
      }))
      await withProducer((producer) => producer.send({ topic, messages }))
      const got = (await readAll(cluster, topic)).sort((a, b) => a.timestamp - b.timestamp)
      expect(got.map((r) => r.key?.toString("hex"))).toEqual(
        messages.map((m) => m.key.toString("hex")),
      )
      expect(got.map((r) => r.value?.toString("hex"))).toEqual(
        messages.map((m) => m.value?.toString("hex")),
      )
      expect(got.map((r) => r.headers)).toEqual(
        messages.map((_, i) => [
          ["number", String(i)],
          ["twice", "a"],
          ["twice", "b"],
        ]),
      )
    })

    test("gzip", async () => {
      const topic = freshTopic("kafkajs-gzip")
      await createTopic(cluster, topic, 1)
      const messages = Array.from({ length: 500 }, (_, i) => ({
        value: `line ${i} ${"-".repeat(200)}`,
      }))
      await withProducer((producer) =>
        producer.send({ topic, messages, compression: CompressionTypes.GZIP }),
      )
      const got = await readAll(cluster, topic)
      expect(got.map((r) => String(r.value))).toEqual(messages.map((m) => m.value))
      expect(got.every((r) => r.compression === 1)).toBe(true)
    })

    test("idempotent: many sends in turn, each once and in order", async () => {
      const topic = freshTopic("kafkajs-idempotent")
      await createTopic(cluster, topic, 3)
      const values = Array.from({ length: 60 }, (_, i) => String(i))
      await withProducer(
        async (producer) => {
          for (const value of values) {
            await producer.send({
              topic,
              acks: -1,
              messages: [{ partition: Number(value) % 3, value }],
            })
          }
        },
        { idempotent: true },
      )
      const got = await readAll(cluster, topic)
      const inPartition = (p: number) => values.filter((value) => Number(value) % 3 === p)
      for (const p of [0, 1, 2]) {
        expect(got.filter((r) => r.partition === p).map((r) => String(r.value))).toEqual(
          inPartition(p),
        )
      }
      expect(new Set(got.map((r) => r.producerId)).size).toBe(1)
      expect(got[0]?.producerId).toBeGreaterThanOrEqual(0)
    })

    test("writing to an unknown topic creates it", async () => {
      const topic = freshTopic("kafkajs-auto")
      await withProducer((producer) => producer.send({ topic, messages: [{ value: "x" }] }))
      expect((await readAll(cluster, topic)).map((r) => String(r.value))).toEqual(["x"])
    })

    test("one send to several topics", async () => {
      const topics = [freshTopic("kafkajs-many"), freshTopic("kafkajs-many")]
      for (const topic of topics) await createTopic(cluster, topic, 2)
      const topicMessages = topics.map((topic) => ({ topic, messages: [{ value: topic }] }))
      await withProducer((producer) => producer.sendBatch({ topicMessages }))
      for (const topic of topics) {
        expect((await readAll(cluster, topic)).map((r) => String(r.value))).toEqual([topic])
      }
    })

    test("LogAppendTime: the broker's clock replaces the producer's", async () => {
      const topic = freshTopic("kafkajs-append-time")
      await createTopic(cluster, topic, 1, { "message.timestamp.type": "LogAppendTime" })
      const before = Date.now()
      const sent = await withProducer((producer) =>
        producer.send({ topic, messages: [{ value: "x", timestamp: "1000" }] }),
      )
      expect(Number(sent[0]?.logAppendTime)).toBeGreaterThanOrEqual(before - 5_000)
    })
  })
})
