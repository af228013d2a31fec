import { afterEach, expect, test } from "bun:test"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { until } from "../../scripts/harness/until.ts"
import {
  Client,
  ClientConnection,
  ConnectionLost,
  IdempotentProducer,
  KafkaError,
  UnsupportedApi,
  offsetOf,
  parseBootstrap,
  produceRecords,
  readAll,
} from "../../src/client/index.ts"
import { encodeResponseFrame } from "../../src/protocol/header.ts"
import { FrameSplitter } from "../../src/protocol/frame.ts"
import { apiVersions } from "../../src/protocol/messages/api-versions.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { describeCluster } from "../../src/protocol/messages/describe-cluster.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"

const ends: Array<() => unknown> = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/**
 * A broker of a few lines: `answer` gives the bytes for each request, in hand as (api key, version,
 * id).
 */
function fakeBroker(
  answer: (key: number, version: number, id: number) => ReadonlyArray<Uint8Array>,
): number {
  const server = Bun.listen<FrameSplitter>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (socket) => {
        socket.data = new FrameSplitter(1 << 20)
      },
      data: (socket, chunk) => {
        for (const frame of socket.data.push(chunk)) {
          const view = Buffer.from(frame)
          const parts = answer(view.readInt16BE(0), view.readInt16BE(2), view.readInt32BE(4))
          for (const part of parts) socket.write(part)
        }
      },
    },
  })
  ends.push(() => server.stop(true))
  return server.port
}

const offers = (versions: Readonly<Record<number, readonly [number, number]>>) => ({
  apiKeys: Object.entries(versions).map(([apiKey, [minVersion, maxVersion]]) => ({
    apiKey: Number(apiKey),
    minVersion,
    maxVersion,
  })),
})

test("the newest version that both know; none is UnsupportedApi, said before anything is sent", async () => {
  const port = fakeBroker((_, version, id) =>
    encodeResponseFrame(apiVersions, version, id, offers({ 3: [0, 5], 18: [0, 4], 19: [90, 99] })),
  )
  const connection = await ClientConnection.connect({ host: "127.0.0.1", port })
  ends.push(() => connection.close())
  expect(connection.versionOf(metadata)).toBe(5)
  expect(connection.versionOf(createTopics)).toBeUndefined()
  expect(connection.request(describeCluster, {})).rejects.toThrow(UnsupportedApi)
})

test("an old broker that answers ApiVersions in version 0 with error 35 is asked again in version 0", async () => {
  const asked: number[] = []
  const port = fakeBroker((_, version, id) => {
    asked.push(version)
    const answer = version === 0 ? offers({ 3: [0, 1] }) : { errorCode: 35, apiKeys: [] }
    return encodeResponseFrame(apiVersions, 0, id, answer)
  })
  const connection = await ClientConnection.connect({ host: "127.0.0.1", port })
  ends.push(() => connection.close())
  expect(asked).toEqual([4, 0])
  expect(connection.versionOf(metadata)).toBe(1)
})

test("an answer out of order, or in no form, ends the connection and fails what waits", async () => {
  for (const spoil of [
    (id: number) => encodeResponseFrame(metadata, 1, id + 1, {}),
    () => [Buffer.from([0, 0, 0, 2, 1, 1])],
    () => [Buffer.from([0xff, 0, 0, 0])],
  ]) {
    const port = fakeBroker((key, version, id) =>
      key === metadata.key
        ? spoil(id)
        : encodeResponseFrame(apiVersions, version, id, offers({ 3: [0, 1] })),
    )
    const connection = await ClientConnection.connect({ host: "127.0.0.1", port })
    const both = [connection.request(metadata, {}), connection.request(metadata, {})]
    const results = await Promise.allSettled(both)
    expect(results.map((r) => r.status)).toEqual(["rejected", "rejected"])
    expect(connection.closed).toBe(true)
    expect(connection.request(metadata, {})).rejects.toThrow(ConnectionLost)
  }
})

test("a broker that does not answer is given up in time", async () => {
  const port = fakeBroker((key, version, id) =>
    key === metadata.key
      ? []
      : encodeResponseFrame(apiVersions, version, id, offers({ 3: [0, 1] })),
  )
  const connection = await ClientConnection.connect({ host: "127.0.0.1", port })
  const asked = connection.request(metadata, {}, { timeoutMs: 150 })
  expect(asked).rejects.toThrow("did not answer Metadata in time")
  await asked.catch(() => undefined)
})

test("bootstrap lists", () => {
  expect(parseBootstrap("a:1, [::1]:2")).toEqual([
    { host: "a", port: 1 },
    { host: "::1", port: 2 },
  ])
  for (const bad of ["", "a", "a:b", "a:1,,b:2", "a:99999"])
    expect(parseBootstrap(bad)).toBeUndefined()
})

test("produce and read through the death of a leader: an idempotent producer doubles nothing", async () => {
  const cluster = await Cluster.start({ nodes: 3 })
  ends.push(() => cluster.dispose())
  const bootstrap = cluster.brokers.map(({ port }) => ({ host: "127.0.0.1", port }))
  const client = new Client({ bootstrap, requestTimeoutMs: 10_000 })
  ends.push(() => client.close())
  const topics = [{ name: "t", numPartitions: 1, replicationFactor: 3 }]
  expect((await client.ask(createTopics, { topics })).topics[0]?.errorCode).toBe(0)
  const producer = await IdempotentProducer.create(client)
  const offsets: number[] = []
  for (let i = 0; i < 60; i++) {
    if (i === 20) await cluster.kill((await client.leader("t", 0)).nodeId)
    const { baseOffset } = await producer.produce([{ value: `v${i}` }], {
      topic: "t",
      partition: 0,
    })
    offsets.push(baseOffset)
  }
  expect(offsets).toEqual(Array.from({ length: 60 }, (_, i) => i))
  const values = (await readAll(client, { topic: "t", partition: 0 })).map((r) => String(r.value))
  expect(values).toEqual(Array.from({ length: 60 }, (_, i) => `v${i}`))
  await until(
    "the end of the log to be told",
    async () => (await offsetOf(client, "t", 0, -1)) === 60,
  )
  const missing = produceRecords(client, [{ value: "x" }], {
    topic: "t",
    partition: 7,
    timeoutMs: 300,
  })
  expect(missing).rejects.toThrow(KafkaError)
  await missing.catch(() => undefined)
}, 40_000)
