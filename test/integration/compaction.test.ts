import { afterAll, beforeAll, expect, test } from "bun:test"
import { CompressionTypes } from "kafkajs"
import { Cluster } from "../../scripts/harness/cluster.ts"
import { createTopic, kafkaFor, layoutOf, untilInSync } from "../../scripts/harness/layout.ts"
import { withRaw } from "../../scripts/harness/raw.ts"
import { run } from "../../scripts/harness/run.ts"
import { until } from "../../scripts/harness/until.ts"
import { describeLogDirs } from "../../src/protocol/messages/describe-log-dirs.ts"

/** A table in a topic: every broker keeps the last value of each key, through kills. */

const minute = 60_000
const topic = "table"
const keys = 20
const updates = 4_000
let cluster: Cluster

beforeAll(async () => {
  const settings = { "log.cleaner.backoff.ms": "500", "varve.segment.bytes": String(1 << 20) }
  cluster = await Cluster.start({ settings })
  await createTopic(cluster.bootstrapList, {
    topic,
    partitions: 1,
    configs: {
      "cleanup.policy": "compact",
      "segment.ms": "1000",
      "delete.retention.ms": "1000",
      "min.cleanable.dirty.ratio": "0.1",
    },
  })
}, minute)

afterAll(async () => {
  await cluster?.dispose()
}, minute)

async function write(from: number, to: number, value: (n: number) => string | null) {
  const producer = kafkaFor(cluster.bootstrapList).producer()
  await producer.connect()
  for (let first = from; first < to; first += 100) {
    const messages = Array.from({ length: Math.min(100, to - first) }, (_, n) => ({
      key: `k${(first + n) % keys}`,
      value: value(first + n),
    }))
    await producer.send({ topic, messages, compression: CompressionTypes.GZIP })
  }
  await producer.disconnect()
}

/** What a consumer reads from the start, as kcat prints it. */
async function read(): Promise<ReadonlyArray<readonly [offset: number, text: string]>> {
  const flags = ["-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q", "-Z"]
  const format = ["-f", "%o %k=%s\\n"]
  const { stdout } = await run(["kcat", "-b", cluster.bootstrap, ...flags, ...format])
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const at = line.indexOf(" ")
      return [Number(line.slice(0, at)), line.slice(at + 1)] as const
    })
}

/** What that broker keeps of it. */
async function bytesAt(id: number): Promise<number> {
  const answer = await withRaw(`127.0.0.1:${cluster.broker(id).port}`, (connection) =>
    connection.request(describeLogDirs, 2, { topics: [{ topic, partitions: [0] }] }),
  )
  return answer.results[0]?.topics[0]?.partitions[0]?.partitionSize ?? Infinity
}

/** The last value of each key that anybody can read; and as few records as there may be. */
async function untilCompacted(expected: ReadonlyArray<string>, recordsMax: number): Promise<void> {
  await until("the compaction", async () => (await read()).length <= recordsMax, {
    timeoutMs: 30_000,
  })
  const records = await read()
  const offsets = records.map(([offset]) => offset)
  expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
  const latest = new Map(records.map(([, text]) => [text.slice(0, text.indexOf("=")), text]))
  const kept = [...latest.values()].filter((text) => !text.endsWith("NULL"))
  expect(kept.toSorted()).toEqual(expected.toSorted())
}

const lastValues = (to: number, from = to - keys) =>
  Array.from({ length: to - from }, (_, n) => `k${(from + n) % keys}=${value(from + n)}`)

const value = (n: number) => `${n}`.padEnd(300, ".")

test(
  "its disks shrink to it; a broker that was killed, and the next leader, tell the same",
  async () => {
    await write(0, updates, value)
    const [partition] = await layoutOf(cluster.bootstrapList, topic)
    const leader = partition?.leader ?? 0
    const away = (leader + 1) % 3
    await cluster.kill(away)
    await write(updates, updates + 500, value)
    await untilCompacted(lastValues(updates + 500), 2 * keys + 100)
    await cluster.startBroker(away)
    await untilInSync(cluster.bootstrapList, topic)
    // Whatever a key is now is in the last batch; the rest goes.
    await write(updates + 500, updates + 500 + 100, value)
    for (const { id } of cluster.brokers) {
      await until(`broker ${id}`, async () => (await bytesAt(id)) < 20_000, { timeoutMs: 30_000 })
    }
    await cluster.kill(leader)
    await untilCompacted(lastValues(updates + 600), 2 * keys + 100)
    await cluster.startBroker(leader)
    await untilInSync(cluster.bootstrapList, topic)
    await write(0, keys / 2, () => null)
    const left = lastValues(updates + 600).filter((_, n) => (updates + 580 + n) % keys >= keys / 2)
    await untilCompacted(left, 2 * keys)
  },
  3 * minute,
)
