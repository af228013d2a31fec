import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Admin, Producer, ProduceAcks, stringSerializers } from "@platformatic/kafka"
import { kcat } from "../../scripts/harness/foreign.ts"
import { openReader, readAll, type Reader } from "../../scripts/harness/records.ts"
import { runOrThrow } from "../../scripts/harness/run.ts"
import { until } from "../../scripts/harness/until.ts"
import { freshTopic, useCluster } from "../support/compat-cluster.ts"
import { sorted } from "../support/sorted.ts"

/**
 * @platformatic/kafka 2.12.1: producer, admin, and fetching by partition. Its consumer stream needs
 * groups.
 */

describe("@platformatic/kafka", () => {
  const cluster = useCluster()
  let admin: Admin
  let reader: Reader
  let producer: Producer<string, string, string, string>

  beforeAll(() => {
    const options = { clientId: "test", bootstrapBrokers: cluster.bootstrapList, retries: 10 }
    admin = new Admin(options)
    reader = openReader(cluster.bootstrapList)
    producer = new Producer({ ...options, serializers: stringSerializers, autocreateTopics: false })
  }, 120_000)
  afterAll(async () => {
    await Promise.all([admin?.close(), reader?.close(), producer?.close()])
  })

  const create = async (topic: string, partitions: number) => {
    await admin.createTopics({ topics: [topic], partitions, replicas: 3 })
    await until(`leaders for ${topic}`, async () => {
      const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
      const led = metadata.topics.get(topic)?.partitions.filter((p) => p.leader >= 0)
      return led?.length === partitions
    })
  }

  test("metadata: brokers, a controller, a cluster id", async () => {
    const { brokers, controllerId, id } = await admin.metadata({})
    const addresses = Array.from(brokers, ([, broker]) => `${broker.host}:${broker.port}`)
    expect(sorted(addresses)).toEqual(sorted(cluster.bootstrapList))
    expect([...brokers.keys()]).toContain(controllerId)
    expect(id.length).toBeGreaterThan(0)
  })

  test("creates a topic with an id, lists it, deletes it", async () => {
    const topic = freshTopic("platformatic-admin")
    const [created] = await admin.createTopics({ topics: [topic], partitions: 3, replicas: 3 })
    expect(created).toMatchObject({ name: topic, partitions: 3, replicas: 3 })
    expect(await admin.listTopics()).toContain(topic)
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true })
    expect(metadata.topics.get(topic)?.id).toBe(created?.id ?? "")
    await admin.deleteTopics({ topics: [topic] })
    await until("the topic to be gone", async () => !(await admin.listTopics()).includes(topic))
  })

  test("writes with acks=all and says where each record lies", async () => {
    const topic = freshTopic("platformatic-acks")
    await create(topic, 2)
    const { offsets } = await producer.send({
      acks: ProduceAcks.ALL,
      messages: [0, 1, 0, 1, 0].map((partition, i) => ({ topic, partition, value: `value ${i}` })),
    })
    const places = (offsets ?? []).map(({ partition, offset }) => `${partition}@${offset}`)
    expect(sorted(places)).toEqual(["0@0", "1@0"])
    const got = await readAll(cluster, topic)
    expect(got.map((r) => `${r.partition}@${r.offset} ${String(r.value)}`)).toEqual([
      "0@0 value 0",
      "0@1 value 2",
      "0@2 value 4",
      "1@0 value 1",
      "1@1 value 3",
    ])
  })

  test("keys and headers come back as they were", async () => {
    const topic = freshTopic("platformatic-records")
    await create(topic, 1)
    const messages = Array.from({ length: 30 }, (_, i) => ({
      topic,
      key: `key ${i}`,
      value: "v".repeat(i * 100),
      headers: { number: String(i) },
      timestamp: BigInt(1_700_000_000_000 + i),
    }))
    await producer.send({ acks: ProduceAcks.ALL, messages })
    const got = await readAll(cluster, topic)
    expect(got.map((r) => [String(r.key), String(r.value), r.headers, r.timestamp])).toEqual(
      messages.map((m) => [m.key, m.value, [["number", m.headers.number]], Number(m.timestamp)]),
    )
  })

  for (const [compression, id] of [
    ["gzip", 1],
    ["snappy", 2],
    ["lz4", 3],
    ["zstd", 4],
  ] as const) {
    test(`${compression}, both ways`, async () => {
      const topic = freshTopic(`platformatic-${compression}`)
      await create(topic, 1)
      const values = Array.from({ length: 200 }, (_, i) => `${i} ${"abc".repeat(i)}`)
      const messages = values.map((value) => ({ topic, partition: 0, value }))
      await producer.send({ acks: ProduceAcks.ALL, compression, messages })
      const got = await readAll(cluster, topic)
      expect(got.map((r) => String(r.value))).toEqual(values)
      expect(got.every((r) => r.compression === id)).toBe(true)
      if (!kcat.available) return
      const words = ["-C", "-t", topic, "-o", "beginning", "-e", "-q"]
      const { stdout } = await runOrThrow(["kcat", "-b", cluster.bootstrap, ...words])
      expect(stdout.trimEnd().split("\n")).toEqual(values)
    })
  }

  test("an idempotent producer's records are there once and in order", async () => {
    const topic = freshTopic("platformatic-idempotent")
    await create(topic, 1)
    const idempotent = new Producer({
      clientId: "idempotent",
      bootstrapBrokers: cluster.bootstrapList,
      serializers: stringSerializers,
      idempotent: true,
    })
    const values = Array.from({ length: 30 }, (_, i) => String(i))
    for (const value of values)
      await idempotent.send({ messages: [{ topic, partition: 0, value }] })
    await idempotent.close()
    const got = await readAll(cluster, topic)
    expect(got.map((r) => String(r.value))).toEqual(values)
    expect(got.every((r) => r.producerId >= 0)).toBe(true)
  })

  test("offsets at the ends and by time", async () => {
    const topic = freshTopic("platformatic-offsets")
    await create(topic, 1)
    const stamps = [1_700_000_000_000n, 1_700_000_001_000n, 1_700_000_002_000n]
    for (const timestamp of stamps) {
      const messages = [{ topic, partition: 0, value: "x", timestamp }]
      await producer.send({ acks: ProduceAcks.ALL, messages })
    }
    const at = async (timestamp: bigint) =>
      (await reader.listOffsets({ topics: [topic], timestamp })).get(topic)
    reader.topics.track(topic)
    expect(await at(-2n)).toEqual([0n])
    expect(await at(-1n)).toEqual([3n])
    expect(await at(1_700_000_000_500n)).toEqual([1n])
  })

  test("a fetch that waits is answered as soon as a record comes", async () => {
    const topic = freshTopic("platformatic-wait")
    await create(topic, 1)
    reader.topics.track(topic)
    const metadata = await reader.metadata({ topics: [topic], forceUpdate: true })
    const { id = "", partitions = [] } = metadata.topics.get(topic) ?? {}
    const fetchNew = (maxWaitTime: number) =>
      reader.fetch({
        node: partitions[0]?.leader ?? 0,
        maxWaitTime,
        minBytes: 1,
        topics: [
          {
            topicId: id,
            partitions: [
              {
                partition: 0,
                currentLeaderEpoch: -1,
                fetchOffset: 0n,
                lastFetchedEpoch: -1,
                partitionMaxBytes: 1 << 20,
              },
            ],
          },
        ],
      })
    const idle = performance.now()
    const empty = await fetchNew(300)
    expect(empty.responses[0]?.partitions[0]?.records ?? []).toEqual([])
    expect(performance.now() - idle).toBeGreaterThan(280)

    const started = performance.now()
    const waiting = fetchNew(8_000)
    await producer.send({ acks: ProduceAcks.ALL, messages: [{ topic, partition: 0, value: "x" }] })
    const [batch] = (await waiting).responses[0]?.partitions[0]?.records ?? []
    expect(String(batch?.records[0]?.value)).toBe("x")
    expect(performance.now() - started).toBeLessThan(4_000)
  })
})
