/**
 * Disk use before and after compaction: updates over few keys, on a cluster of three.
 *     bun scripts/bench-compaction.ts [--updates 1000000] [--keys 1000] [--batch 100]
 *                                     [--compression none] [--segment-mb 8] [--json]
 * Within 30 s of the last update the log of every broker is to take at most 1.5 × its live bytes +
 * two segments, and every replica is to tell the last value of each key. Exit 1 when it does not.
 */
import { compressionNames } from "../src/protocol/compression.ts"
import { splitBatches } from "../src/protocol/batch-view.ts"
import { fetch } from "../src/protocol/messages/fetch.ts"
import { produce } from "../src/protocol/messages/produce.ts"
import { buildBatch, iterateRecords } from "../src/protocol/record.ts"
import { diskUse } from "./bench/disk-use.ts"
import { Cluster } from "./harness/cluster.ts"
import { createTopic, layoutOf } from "./harness/layout.ts"
import { parseAddress, RawConnection } from "./harness/raw.ts"
import { scriptFlags } from "./harness/script-flags.ts"

const MiB = 1024 * 1024
const args = scriptFlags({
  updates: { type: "string", default: "1000000" },
  keys: { type: "string", default: "1000" },
  batch: { type: "string", default: "100" },
  compression: { type: "string", default: "none" },
  "segment-mb": { type: "string", default: "8" },
  json: { type: "boolean", default: false },
})
const updates = Number(args.updates)
const keys = Number(args.keys)
const perBatch = Number(args.batch)
const compression = compressionNames.find((name) => name === args.compression) ?? "none"
const segmentBytes = Number(args["segment-mb"]) * MiB
const valueBytes = 100
const boundMs = 30_000
const inFlight = 8
const topic = "table"

/** A hundred bytes that name the update. */
const valueOf = (update: number): string => String(update).padEnd(valueBytes, "-")
const keyOf = (update: number): string => `key-${(update * 7919) % keys}`

function batchFrom(first: number): Uint8Array {
  const count = Math.min(perBatch, updates - first)
  const timestamp = Date.now()
  const records = Array.from({ length: count }, (_, n) => ({
    key: keyOf(first + n),
    value: valueOf(first + n),
    timestamp,
  }))
  return buildBatch({ records, compression })
}

/**
 * One after the other: the last update of a key is the one that is sent last. Answers the bytes.
 */
async function write(leader: RawConnection): Promise<number> {
  let bytes = 0
  const waiting: Array<Promise<void>> = []
  for (let first = 0; first < updates; first += perBatch) {
    const records = batchFrom(first)
    bytes += records.length
    const sent = leader.request(produce, 9, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records }] }],
    })
    waiting.push(
      sent.then((answer) => {
        const errorCode = answer.responses[0]?.partitionResponses[0]?.errorCode
        if (errorCode !== 0) throw new Error(`Produce: ${errorCode}`)
      }),
    )
    if (waiting.length >= inFlight) await waiting.shift()
  }
  await Promise.all(waiting)
  return bytes
}

/** What a consumer sees of the log on one broker, from the start. */
async function readAll(port: number) {
  const connection = await RawConnection.open(parseAddress(`127.0.0.1:${port}`))
  const table = new Map<string, string>()
  const text = new TextDecoder()
  let [offset, records, bytes] = [0, 0, 0]
  while (offset < updates) {
    const answer = await connection.request(fetch, 12, {
      maxWaitMs: 500,
      minBytes: 1,
      maxBytes: 8 * MiB,
      topics: [
        {
          topic,
          partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 4 * MiB }],
        },
      ],
    })
    const partition = answer.responses[0]?.partitions[0]
    if (partition?.errorCode !== 0) throw new Error(`Fetch: ${partition?.errorCode}`)
    for (const batch of splitBatches(partition.records ?? new Uint8Array(0))) {
      bytes += batch.length
      for (const record of iterateRecords(batch)) {
        if (record.offset < offset) throw new Error(`offset ${record.offset} behind ${offset}`)
        offset = record.offset + 1
        records += 1
        table.set(text.decode(record.key ?? undefined), text.decode(record.value ?? undefined))
      }
    }
  }
  connection.close()
  return { table, records, bytes }
}

function wrongKeys(table: ReadonlyMap<string, string>): number {
  const expected = new Map<string, string>()
  for (let update = Math.max(0, updates - keys); update < updates; update++) {
    expected.set(keyOf(update), valueOf(update))
  }
  const wrong = [...expected].filter(([key, value]) => table.get(key) !== value)
  return wrong.length + Math.abs(table.size - expected.size)
}

const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10

async function measure(cluster: Cluster) {
  const configs = {
    "cleanup.policy": "compact",
    "segment.bytes": String(MiB),
    "segment.ms": "5000",
  }
  await createTopic(cluster.bootstrapList, { topic, partitions: 1, configs })
  const [partition] = await layoutOf(cluster.bootstrapList, topic)
  const { port } = cluster.broker(partition?.leader ?? 0)
  const leader = await RawConnection.open(parseAddress(`127.0.0.1:${port}`))
  const began = performance.now()
  const written = await write(leader)
  const wrote = performance.now()
  leader.close()
  const before = Math.max(...diskUse(cluster))
  let most = before
  let within: number | null = null
  // Live is no more than that: what the keys' last values take, and the envelopes of all batches.
  const live = keys * (valueBytes + 40) + Math.ceil(updates / perBatch) * 96
  const bound = 1.5 * live + 2 * segmentBytes
  while (performance.now() < wrote + boundMs) {
    const now = Math.max(...diskUse(cluster))
    most = Math.max(most, now)
    if (now > bound) within = null
    else within ??= performance.now()
    if (within !== null && performance.now() > within + 5_000) break
    await Bun.sleep(100)
  }
  const after = Math.max(...diskUse(cluster))
  const replicas = await Promise.all(cluster.brokers.map(({ port: at }) => readAll(at)))
  return {
    updates,
    keys,
    recordsPerBatch: perBatch,
    compression,
    writeSeconds: Math.round((wrote - began) / 100) / 10,
    writtenMB: megabytes(written),
    beforeMB: megabytes(before),
    mostMB: megabytes(most),
    afterMB: megabytes(after),
    boundMB: megabytes(bound),
    secondsToBound: within === null ? null : Math.round((within - wrote) / 100) / 10,
    recordsLeft: replicas.map(({ records }) => records).join(" "),
    bytesLeftMB: replicas.map(({ bytes }) => megabytes(bytes)).join(" "),
    wrongKeys: replicas.reduce((sum, { table }) => sum + wrongKeys(table), 0),
  }
}

const cluster = await Cluster.start({
  settings: { "varve.segment.bytes": String(segmentBytes), "log.cleaner.backoff.ms": "5000" },
})
try {
  const row = await measure(cluster)
  if (args.json) console.log(JSON.stringify(row))
  else console.table(row)
  process.exitCode = row.wrongKeys === 0 && row.secondsToBound !== null ? 0 : 1
} finally {
  await cluster.dispose()
}
