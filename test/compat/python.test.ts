import { expect, test } from "bun:test"
import { consumeWith, produceWith } from "../../scripts/harness/driver.ts"
import { confluent, describeWith, pythonKafka } from "../../scripts/harness/foreign.ts"
import { readAll } from "../../scripts/harness/records.ts"
import { freshTopic, useCluster } from "../support/compat-cluster.ts"
import { librdkafkaSendsLz4 } from "../support/librdkafka.ts"
import { sorted } from "../support/sorted.ts"
import { createTopic } from "../support/topics.ts"

/**
 * Debian's python3-kafka 2.0.2 (own protocol code, ApiVersions v0) and python3-confluent-kafka
 * 1.7.0 (on librdkafka).
 */

const base64 = (text: string | Uint8Array) => Buffer.from(text).toString("base64")

const someRecords = (count: number) =>
  Array.from({ length: count }, (_, i) => ({
    partition: i % 3,
    timestamp: 1_700_000_000_000 + i,
    key: i % 5 === 0 ? null : base64(`key ${i}`),
    value: i % 15 === 7 ? null : base64(Uint8Array.from({ length: i * 20 }, (_item, j) => i * j)),
    headers:
      i % 2 === 0
        ? []
        : ([
            ["trace", base64(`é${i}`)],
            ["trace", base64("")],
          ] as const),
  }))

for (const { client, codecs, idempotent } of [
  { client: pythonKafka, codecs: ["gzip"], idempotent: false },
  { client: confluent, codecs: ["gzip", "snappy", "lz4", "zstd"], idempotent: true },
]) {
  describeWith([client], client.name, () => {
    const cluster = useCluster()

    test("writes and reads back by assignment: every byte, header, time and offset", async () => {
      const topic = freshTopic("python")
      await createTopic(cluster, topic, 3)
      const at = { bootstrap: cluster.bootstrap, topic }
      const sent = someRecords(90)
      const places = await produceWith(client, at, sent)
      expect(places.map((place) => place.partition)).toEqual(sent.map((record) => record.partition))
      expect(places.map((place) => place.offset)).toEqual(sent.map((_, i) => Math.floor(i / 3)))

      const got = await consumeWith(client, at)
      const byTime = got.toSorted((a, b) => a.timestamp - b.timestamp)
      expect(
        byTime.map(({ partition, timestamp, key, value, headers }) => ({
          partition,
          timestamp,
          key,
          value,
          headers,
        })),
      ).toEqual(
        sent.map(({ headers, ...record }) => ({ ...record, headers: headers.map((h) => [...h]) })),
      )
      for (const p of [0, 1, 2]) {
        const offsets = got.filter((r) => r.partition === p).map((r) => r.offset)
        expect(offsets).toEqual(offsets.map((_, i) => i))
      }
    })

    for (const compression of codecs) {
      test(compression, async () => {
        const topic = freshTopic(`python-${compression}`)
        await createTopic(cluster, topic, 3)
        const at = { bootstrap: cluster.bootstrap, topic, compression }
        const sent = Array.from({ length: 120 }, (_, i) => ({
          partition: i % 3,
          value: base64(`${i} ${"text ".repeat(100)}`),
        }))
        await produceWith(client, at, sent)
        const got = (await consumeWith(client, at)).map((record) => record.value)
        expect(sorted(got)).toEqual(sorted(sent.map((record) => record.value)))
        const compressed = (await readAll(cluster, topic)).map((r) => r.compression > 0)
        const sendsLz4 = client !== confluent || (await librdkafkaSendsLz4(cluster.bootstrap))
        expect(new Set(compressed)).toEqual(new Set([compression !== "lz4" || sendsLz4]))
      })
    }

    test(`its batches ${idempotent ? "carry" : "do not carry"} a producer id`, async () => {
      const topic = freshTopic("python-pid")
      await createTopic(cluster, topic, 1)
      await produceWith(client, { bootstrap: cluster.bootstrap, topic }, [{ value: base64("x") }])
      const ids = (await readAll(cluster, topic)).map((record) => record.producerId >= 0)
      expect(ids).toEqual([idempotent])
    })

    test("writing to an unknown topic creates it", async () => {
      const topic = freshTopic("python-auto")
      const at = { bootstrap: cluster.bootstrap, topic }
      await produceWith(client, at, [{ value: base64("first") }])
      expect((await consumeWith(client, at)).map((r) => r.value)).toEqual([base64("first")])
    })
  })
}
