import { compressionNames } from "../../../src/protocol/index.ts"
import { buildBatch } from "../../../src/protocol/index.ts"
import { fetch } from "../../../src/protocol/messages/fetch.ts"
import { initProducerId } from "../../../src/protocol/messages/init-producer-id.ts"
import { produce } from "../../../src/protocol/messages/produce.ts"
import { fieldOf } from "../values.ts"
import type { Asker } from "../asker.ts"
import { batch, record } from "./batches.ts"
import { nobodyId, topicLedBy0 } from "./topics-of-our-own.ts"

type Part = readonly [topic: string, partition: number, records: Uint8Array | null]

const body = (ids: ReadonlyMap<string, string>, parts: ReadonlyArray<Part>, acks = -1) => ({
  acks,
  timeoutMs: 8_000,
  topicData: parts.map(([name, index, records]) => ({
    name,
    topicId: ids.get(name) ?? nobodyId,
    partitionData: [{ index, records }],
  })),
})

export async function askProduce(asker: Asker): Promise<void> {
  const ids = new Map<string, string>()
  const make = async (name: string, configs: Readonly<Record<string, string>> = {}) => {
    ids.set(name, await topicLedBy0(asker, name, configs))
  }
  await make("p-plain")
  await make("p-compact", { "cleanup.policy": "compact" })
  await make("p-small", { "max.message.bytes": "200" })
  await make("p-late", { "message.timestamp.before.max.ms": "1000" })
  await make("p-append", { "message.timestamp.type": "LogAppendTime" })
  const plain = (records: Uint8Array | null) => body(ids, [["p-plain", 0, records]])
  for (const compression of compressionNames) {
    for (const version of [3, 7, 9, 13]) {
      const note = `compressed by ${compression}`
      await asker.call(produce, version, plain(batch(3, { compression })), note)
    }
  }
  await asker.every(
    produce,
    (version) => (version < 3 ? undefined : body(ids, [["p-compact", 0, batch()]])),
    "with a key, to a compacted topic",
  )
  const keyless = buildBatch({ records: [record("k", "v"), record(null, "v")] })
  const old = buildBatch({ records: [record("k", "v", -864_000_000)] })
  const large = buildBatch({ records: [record("k", "v".repeat(400))] })
  for (const version of [3, 5, 8, 10, 13]) {
    const ask = (parts: ReadonlyArray<Part>, note: string, acks = -1) =>
      asker.call(produce, version, body(ids, parts, acks), note)
    await ask([["p-compact", 0, keyless]], "one of two without a key, to a compacted topic")
    await ask([["p-small", 0, large]], "too large for the topic")
    await ask([["p-late", 0, old]], "older than the topic takes")
    await ask([["p-append", 0, batch(2)]], "LogAppendTime, two records")
    await ask([], "no topics")
    await ask(
      [
        ["p-plain", 0, batch()],
        ["p-small", 0, large],
        ["p-plain", 7, batch()],
      ],
      "one good, one too large, one unknown",
    )
    await ask([["p-plain", -1, batch()]], "partition -1")
  }
  await askIdempotence(asker, ids)
  for (const version of [4, 10, 12, 18]) {
    const topics = [{ topic: "p-append", topicId: ids.get("p-append"), partitions: [{}] }]
    const known =
      version > 12 ? topics.map(({ topicId, partitions }) => ({ topicId, partitions })) : topics
    await asker.call(
      fetch,
      version,
      { topics: known, maxWaitMs: 100, maxBytes: 1 << 20, sessionEpoch: -1 },
      "no room at all: PartitionMaxBytes 0",
    )
  }
}

async function askIdempotence(asker: Asker, ids: ReadonlyMap<string, string>): Promise<void> {
  const answer = await asker.settled(
    initProducerId,
    5,
    { transactionalId: null, transactionTimeoutMs: 60_000 },
    "for the sequences of our own",
  )
  const producerId = Number(fieldOf(answer, "producerId"))
  const put = (note: string, baseSequence: number, count = 1, producerEpoch = 0) =>
    asker.call(
      produce,
      12,
      body(ids, [["p-plain", 1, batch(count, { producerId, producerEpoch, baseSequence })]]),
      `idempotent: ${note}`,
    )
  for (let i = 0; i < 7; i++) await put(`batch ${i}`, 2 * i, 2)
  await put("the newest again", 12, 2)
  await put("the fifth newest again", 4, 2)
  await put("the sixth newest again: forgotten", 2, 2)
  await put("an overlap", 11, 2)
  await put("half of the newest", 13)
  await put("a gap", 20)
  await put("sequence -1", -1)
  await put("epoch 1 not from 0", 3, 1, 1)
  await put("epoch 1 from 0", 0, 1, 1)
  await put("epoch 0 again", 14, 2)
  await put("epoch -1", 0, 1, -1)
}
