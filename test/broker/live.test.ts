import { afterAll, beforeAll, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { until } from "../../scripts/harness/until.ts"
import {
  Client,
  ClientConnection,
  fetchOnce,
  produceRecords,
  readAll,
} from "../../src/client/index.ts"
import { encodeRequestFrame } from "../../src/protocol/header.ts"
import { createTopics } from "../../src/protocol/messages/create-topics.ts"
import { fetch } from "../../src/protocol/messages/fetch.ts"
import { incrementalAlterConfigs } from "../../src/protocol/messages/incremental-alter-configs.ts"
import { metadata } from "../../src/protocol/messages/metadata.ts"
import { produce } from "../../src/protocol/messages/produce.ts"
import { buildBatch } from "../../src/protocol/record.ts"
import { correlationIds, RawSocket } from "../support/raw-socket.ts"

let cluster: Cluster
let port: number
let client: Client

const requestBytesMax = 8 * 1024 * 1024

beforeAll(async () => {
  cluster = await Cluster.start({
    nodes: 1,
    settings: {
      "socket.request.max.bytes": String(requestBytesMax),
      "message.max.bytes": String(4 * 1024 * 1024),
      "num.partitions": "3",
    },
  })
  port = cluster.broker(0).port
  client = new Client({ bootstrap: [{ host: "127.0.0.1", port }] })
})

afterAll(async () => {
  client.close()
  await cluster.dispose()
})

const log = () => readFileSync(join(cluster.broker(0).dir, "broker.log"), "utf8")
const residentBytes = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${cluster.pidOf(0)}/status`, "utf8"))?.[1]) *
  1024

/** The broker still answers a newcomer. */
async function serves(): Promise<void> {
  const connection = await ClientConnection.connect({ host: "127.0.0.1", port, timeoutMs: 5000 })
  expect((await connection.request(metadata, { topics: [] })).brokers.length).toBe(1)
  connection.close()
}

async function newTopic(name: string, partitions = 1): Promise<void> {
  const topics = [{ name, numPartitions: partitions, replicationFactor: 1 }]
  const answer = await client.ask(createTopics, { topics })
  expect(answer.topics[0]?.errorCode).toBe(0)
}

test("what is not Kafka's protocol: the connection closes, one line in the log, the others go on", async () => {
  const bystander = await ClientConnection.connect({ host: "127.0.0.1", port })
  const tls = Buffer.from("16030100c8010000c40303" + "ab".repeat(190), "hex")
  const random = Buffer.alloc(4096)
  for (let i = 0; i < random.length; i++) random[i] = (i * 193 + 71) & 0xff
  random[0] = 0x80
  const oversized = Buffer.alloc(64)
  oversized.writeInt32BE(requestBytesMax + 1)
  const unknownApi = Buffer.from([0, 0, 0, 10, 0x03, 0xe7, 0, 0, 0, 0, 0, 1, 0xff, 0xff])
  const halfMagic = Buffer.from("VARVEPR2")
  for (const [what, bytes, line] of [
    ["TLS", tls, "a TLS hello on a plaintext listener"],
    ["HTTP", Buffer.from("GET /topics HTTP/1.1\r\nHost: x\r\n\r\n"), "an HTTP request"],
    ["random", random, "a frame of"],
    ["oversized", oversized, `a frame of ${requestBytesMax + 1} bytes; at most ${requestBytesMax}`],
    ["unknown API", unknownApi, "unknown API 999"],
    ["not quite a peer", halfMagic, "a frame of 1447121494 bytes"],
  ] as const) {
    const raw = await RawSocket.connect(port)
    const before = log().length
    raw.write(bytes)
    await until(`${what} to be closed`, () => raw.closed)
    const [said, ...more] = log().slice(before).trim().split("\n")
    expect([what, said?.includes(line), more.length]).toEqual([what, true, 0])
    expect(raw.received.length).toBe(0)
  }
  expect((await bystander.request(metadata, { topics: [] })).brokers.length).toBe(1)
  bystander.close()
  await serves()
})

test("a truncated request: the connection ends with a line, and nothing is done", async () => {
  const raw = await RawSocket.connect(port)
  const ask = Buffer.concat(
    encodeRequestFrame(
      metadata,
      { apiVersion: 4, correlationId: 1, clientId: "t" },
      {
        topics: [{ name: "never-made" }],
        allowAutoTopicCreation: true,
      },
    ),
  )
  raw.write(ask.subarray(0, ask.length - 1))
  raw.finish()
  await until("the end", () => raw.closed)
  expect(log()).toContain("ended in the middle of a request")
  const all = await client.metadata(null)
  expect(all.topics.map((topic) => topic.name)).not.toContain("never-made")
})

test("a flood of bad connections costs few lines and no memory", async () => {
  const before = residentBytes()
  const linesBefore = log().split("\n").length
  for (let round = 0; round < 20; round++) {
    const sockets = await Promise.all(Array.from({ length: 25 }, () => RawSocket.connect(port)))
    const claim = Buffer.alloc(5)
    claim.writeInt32BE(requestBytesMax)
    for (const [i, socket] of sockets.entries())
      socket.write(i % 2 === 0 ? "GET / HTTP/1.1\r\n" : claim)
    for (const socket of sockets) socket.destroy()
  }
  await serves()
  expect(log().split("\n").length - linesBefore).toBeLessThan(100)
  expect(residentBytes() - before).toBeLessThan(100 * 1024 * 1024)
})

test("pipelined requests of all kinds are answered in order", async () => {
  await newTopic("ordered")
  const raw = await RawSocket.connect(port)
  const parts: Uint8Array[] = []
  for (let id = 1; id <= 300; id++) {
    const header = { correlationId: id, clientId: "t" }
    const records = buildBatch({ records: [{ value: `v${id}` }] })
    const topics = [{ name: "ordered", partitionData: [{ index: 0, records }] }]
    if (id % 3 === 0)
      parts.push(...encodeRequestFrame(metadata, { ...header, apiVersion: 9 }, { topics: [] }))
    else if (id % 3 === 1) {
      parts.push(
        ...encodeRequestFrame(
          produce,
          { ...header, apiVersion: 9 },
          { acks: -1, timeoutMs: 5000, topicData: topics },
        ),
      )
    } else {
      const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }]
      parts.push(
        ...encodeRequestFrame(
          fetch,
          { ...header, apiVersion: 11 },
          { maxWaitMs: 10, minBytes: 1, topics: [{ topic: "ordered", partitions }] },
        ),
      )
    }
  }
  await raw.writeAll(Buffer.concat(parts))
  await until("300 answers", () => raw.frames.length === 300)
  expect(correlationIds(raw)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1))
  raw.destroy()
  const values = (await readAll(client, { topic: "ordered", partition: 0 })).map((r) =>
    String(r.value),
  )
  expect(values).toEqual(Array.from({ length: 100 }, (_, i) => `v${3 * i + 1}`))
})

test("acks=0: no answer, and the records are there", async () => {
  await newTopic("unanswered")
  const raw = await RawSocket.connect(port)
  const records = buildBatch({ records: [{ value: "a" }, { value: "b" }] })
  const topicData = [{ name: "unanswered", partitionData: [{ index: 0, records }] }]
  const header = { correlationId: 1, clientId: "t" }
  raw.write(
    Buffer.concat([
      ...encodeRequestFrame(
        produce,
        { ...header, apiVersion: 9 },
        { acks: 0, timeoutMs: 5000, topicData },
      ),
      ...encodeRequestFrame(
        metadata,
        { ...header, correlationId: 2, apiVersion: 9 },
        { topics: [] },
      ),
    ]),
  )
  await until("the second answer", () => raw.frames.length > 0)
  expect(correlationIds(raw)).toEqual([2])
  await until(
    "both records",
    async () => (await readAll(client, { topic: "unanswered", partition: 0 })).length === 2,
  )
  raw.destroy()
})

test("large frames in and out, in pieces", async () => {
  await newTopic("large")
  const value = Buffer.alloc(3 * 1024 * 1024)
  for (let i = 0; i < value.length; i += 4096) value.writeUInt32BE(i, i)
  for (let i = 0; i < 3; i++)
    await produceRecords(client, [{ value }], { topic: "large", partition: 0 })
  const records = await readAll(client, { topic: "large", partition: 0 })
  expect(records.length).toBe(3)
  for (const record of records)
    expect(Buffer.compare(record.value ?? Buffer.alloc(0), value)).toBe(0)
})

test("a reader that does not read holds up itself alone, within bounded memory", async () => {
  await newTopic("slow")
  const value = Buffer.alloc(1024 * 1024, 7)
  for (let i = 0; i < 16; i++)
    await produceRecords(client, [{ value }], { topic: "slow", partition: 0 })
  const before = residentBytes()
  const maxBytes = 16 * 1024 * 1024
  const ask = (correlationId: number) =>
    encodeRequestFrame(
      fetch,
      { apiVersion: 11, correlationId, clientId: "slow" },
      {
        maxWaitMs: 0,
        minBytes: 1,
        maxBytes,
        topics: [
          {
            topic: "slow",
            partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: maxBytes }],
          },
        ],
      },
    )
  const slow = await Promise.all(Array.from({ length: 6 }, () => RawSocket.connect(port)))
  const askedBytes = Buffer.concat(Array.from({ length: 200 }, (_, i) => ask(i)).flat()).length
  for (const raw of slow) {
    raw.pause()
    raw.write(Buffer.concat(Array.from({ length: 200 }, (_, i) => ask(i)).flat()))
  }
  await serves()
  await fetchOnce(client, { topic: "slow", partition: 0, offset: 0 })
  // 6 × 200 answers of 16 MB were asked for: 19 GB. One or two each may wait here.
  expect(residentBytes() - before).toBeLessThan(400 * 1024 * 1024)
  expect(askedBytes).toBeGreaterThan(10_000)
  slow[0]?.resume()
  await until(
    "the reader that reads again to get answers",
    () => (slow[0]?.frames.length ?? 0) >= 3,
  )
  for (const raw of slow) raw.destroy()
}, 60_000)

test("a peer of another cluster is refused with a line", async () => {
  const { PEER_MAGIC, encodePeerFrame, peerVersion } = await import("../../src/peer/codec.ts")
  const raw = await RawSocket.connect(port)
  const hello = encodePeerFrame({
    _tag: "Hello",
    version: peerVersion,
    clusterId: "somebody-elses",
    nodeId: 1,
    diskUuid: "0".repeat(32),
    incarnation: "1".repeat(32),
    appliedMetadataIndex: 0,
    heights: [],
    witnessedDisk: "",
    witnessed: [],
  })
  raw.write(Buffer.concat([PEER_MAGIC, ...hello]))
  await until("the end of the link", () => raw.closed)
  expect(raw.received.length).toBe(0)
  expect(log()).toMatch(/peer link from .* refused: .*somebody-elses/)
})

const alter = (configOperation: number, value: string | null) => {
  const configs = [{ name: "max.connections.per.ip", configOperation, value }]
  return client.ask(incrementalAlterConfigs, {
    resources: [{ resourceType: 4, resourceName: "0", configs }],
  })
}

test("max.connections.per.ip may be altered while the broker runs", async () => {
  const before = await RawSocket.connect(port)
  expect((await alter(0, "1")).responses[0]?.errorCode).toBe(0)
  const refused = await RawSocket.connect(port)
  await until("the end of one connection too many", () => refused.closed)
  expect(before.closed).toBe(false)
  expect((await alter(1, null)).responses[0]?.errorCode).toBe(0)
  await serves()
  before.destroy()
})

test("health and metrics say what is", async () => {
  const http = port + 1
  const health = await globalThis.fetch(`http://127.0.0.1:${http}/health`)
  expect(health.status).toBe(200)
  expect(await health.json()).toMatchObject({ nodeId: 0, ready: true, metadata: { leader: 0 } })
  const metrics = await (await globalThis.fetch(`http://127.0.0.1:${http}/metrics`)).text()
  expect(metrics).toContain("# TYPE varve_requests_total counter")
  expect(metrics).toMatch(/^varve_ready 1$/m)
  expect((await globalThis.fetch(`http://127.0.0.1:${http}/nothing`)).status).toBe(404)
})
