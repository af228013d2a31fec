import { expect, test } from "bun:test"
import { consumeWith, produceWith } from "../../scripts/harness/driver.ts"
import { confluent, describeWith, pythonKafka } from "../../scripts/harness/foreign.ts"
import { readAll } from "../../scripts/harness/records.ts"
import { freshTopic, useCluster } from "../support/compat-cluster.ts"
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
  { client: pythonKafka, codecs: [["gzip", 1]], idempotent: false },
  {
    client: confluent,
    codecs: [
      ["gzip", 1],
      ["snappy", 2],
      ["lz4", 3],
      ["zstd", 4],
    ],
    idempotent: true,
  },
] as const) {
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

    for (const [compression, codec] of codecs) {
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
        const stored = (await readAll(cluster, topic)).map((record) => record.compression)
        expect(new Set(stored)).toEqual(new Set([codec]))
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
