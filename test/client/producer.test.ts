import { afterAll, beforeAll, expect, test } from "bun:test"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { until } from "../../scripts/harness/until.ts"
import {
  Client,
  IdempotentProducer,
  Producer,
  parseBootstrap,
  readAll,
} from "../../src/client/index.ts"
import { partitionOfKey } from "../../src/client/partitioner.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"

let cluster: Cluster
let client: Client
beforeAll(async () => {
  cluster = await Cluster.start({ nodes: 1 })
  client = new Client({ bootstrap: parseBootstrap(cluster.bootstrap) ?? [] })
})
afterAll(async () => {
  client.close()
  await cluster.dispose()
})

async function makeTopic(
  name: string,
  numPartitions: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }))
  const topics = [{ name, numPartitions, replicationFactor: 1, configs }]
  const answer = await client.ask(createTopics, { topics, timeoutMs: 10_000 })
  expect(answer.topics[0]?.errorCode).toBe(0)
}

const read = async (topic: string, partition: number) =>
  (await readAll(client, { topic, partition })).map(({ value }) =>
    Buffer.from(value ?? []).toString(),
  )

test("records of a key keep their order in the partition that every client puts them in", async () => {
  await makeTopic("keyed", 3)
  const producer = new Producer(client, "keyed", { lingerMs: 5, batchBytes: 500 })
  const keys = ["a", "b", "c", "d", "e"].map((key) => Buffer.from(key))
  for (let i = 0; i < 300; i++) {
    const key = keys[i % keys.length] ?? Buffer.alloc(0)
    await producer.send({ key, value: Buffer.from(`${key.toString()}${i}`) })
  }
  await producer.flush()
  for (const partition of [0, 1, 2]) {
    const values = await read("keyed", partition)
    for (const key of keys) {
      const own = values.filter((value) => value.startsWith(key.toString()))
      expect(own.length).toBe(partitionOfKey(key, 3) === partition ? 60 : 0)
      expect(own).toEqual(own.toSorted((a, b) => Number(a.slice(1)) - Number(b.slice(1))))
    }
  }
})

test("receipts tell where each record is; batches of every kind are read back", async () => {
  await makeTopic("receipts", 1)
  for (const [i, compression] of (["none", "gzip", "snappy", "lz4", "zstd"] as const).entries()) {
    const producer = new Producer(client, "receipts", { lingerMs: 1000, compression })
    const sent = await Promise.all(
      [0, 1].map((n) => producer.send({ key: null, value: Buffer.from(`${compression}${n}`) })),
    )
    await producer.flush()
    const receipts = await Promise.all(sent.map(({ receipt }) => receipt))
    expect(receipts).toEqual([0, 1].map((n) => ({ partition: 0, offset: 2 * i + n })))
  }
  expect((await read("receipts", 0)).slice(-2)).toEqual(["zstd0", "zstd1"])
})

test("more than may be unacknowledged waits and is all written", async () => {
  await makeTopic("many", 2)
  const producer = new Producer(client, "many", { lingerMs: 50, batchBytes: 1 << 20 })
  const value = Buffer.from("x")
  for (let i = 0; i < 120_000; i++) await producer.send({ key: null, value })
  await producer.flush()
  const counts = [(await read("many", 0)).length, (await read("many", 1)).length]
  expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(120_000)
}, 60_000)

test("a batch that the topic does not take goes in halves", async () => {
  await makeTopic("small", 1, { "max.message.bytes": "2000" })
  const producer = new Producer(client, "small", { lingerMs: 1000, batchBytes: 1 << 20 })
  const value = Buffer.alloc(100, "y")
  const sent = []
  for (let i = 0; i < 60; i++) sent.push(await producer.send({ key: null, value }))
  await producer.flush()
  const receipts = await Promise.all(sent.map(({ receipt }) => receipt))
  expect(receipts.map(({ offset }) => offset)).toEqual(Array.from({ length: 60 }, (_, i) => i))
  const large = await producer.send({ key: null, value: Buffer.alloc(3000) })
  const failure = large.receipt.catch(String)
  await producer.flush()
  expect(await failure).toContain("small-0")
  expect((await read("small", 0)).length).toBe(60)
})

test("after a batch of unknown fate the next one is written, not taken for its repetition", async () => {
  await makeTopic("repeated", 1)
  const producer = await IdempotentProducer.create(client)
  const place = { topic: "repeated", partition: 0 }
  await producer.produce([{ value: "a" }], place)
  await cluster.signal(0, "SIGSTOP")
  const failed = producer.produce([{ value: "b" }], { ...place, timeoutMs: 100 }).catch(String)
  expect(await failed).toContain("did not answer Produce in time")
  await cluster.signal(0, "SIGCONT")
  // It was in the socket: the broker writes it after all.
  await until("the record", async () => (await read("repeated", 0)).length === 2)
  await producer.produce([{ value: "c" }], place)
  await producer.produce([{ value: "d" }], place)
  expect(await read("repeated", 0)).toEqual(["a", "b", "c", "d"])
}, 30_000)

test("what is not delivered in time has failed, also while there is no producer id; the next is", async () => {
  await makeTopic("late", 1)
  const own = new Client({ bootstrap: parseBootstrap(cluster.bootstrap) ?? [] })
  const producer = new Producer(own, "late", { lingerMs: 300, deliveryTimeoutMs: 1000 })
  const first = await producer.send({ key: null, value: Buffer.from("a") })
  await cluster.signal(0, "SIGSTOP")
  const startedMs = performance.now()
  try {
    expect(await first.receipt.catch(String)).toContain("no producer id within")
    expect(performance.now() - startedMs).toBeLessThan(10_000)
  } finally {
    await cluster.signal(0, "SIGCONT")
  }
  const next = await producer.send({ key: null, value: Buffer.from("b") })
  expect(await next.receipt).toEqual({ partition: 0, offset: 0 })
  own.close()
  expect(await read("late", 0)).toEqual(["b"])
}, 60_000)

test("what cannot be written is refused, and says why", async () => {
  await makeTopic("refused", 1)
  const small = new Producer(client, "refused", { requestBytesMax: 100 })
  const tooLarge = small.send({ key: null, value: Buffer.alloc(200) })
  expect(await tooLarge.catch(String)).toContain("larger than 100")
  const invalid = new Producer(client, "not a name", { maxBlockMs: 1000 })
  expect(await invalid.send({ key: null, value: null }).catch(String)).toContain(
    "Invalid topics: [not a name]",
  )
  const nowhere = new Producer(client, "refused", { deliveryTimeoutMs: 300 })
  const { receipt } = await nowhere.send({ key: null, value: null, partition: 7 })
  const failure = receipt.catch(String)
  await nowhere.flush()
  expect(await failure).toContain("no partition 7")
})
