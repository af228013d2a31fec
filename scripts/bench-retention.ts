/**
 * Disk use before and after what is due goes: retention.ms, retention.bytes, DeleteRecords, topic
 * deletion, one after the other on one cluster, beside a topic that stays.
 *     bun scripts/bench-retention.ts [--mb 48] [--segment-mb 8] [--json]
 * After each, on every broker the log is to take at most 1.5 × the live bytes + two segments within
 * 30 s of the due time, though nothing is written any more. Exit 1 when it does not.
 */
import { deleteRecords } from "../src/protocol/messages/delete-records.ts"
import { deleteTopics } from "../src/protocol/messages/delete-topics.ts"
import { produce } from "../src/protocol/messages/produce.ts"
import { batchOf } from "./bench/produce-load.ts"
import { diskUse } from "./bench/disk-use.ts"
import { Cluster } from "./harness/cluster.ts"
import { createTopic, layoutOf } from "./harness/layout.ts"
import { parseAddress, RawConnection } from "./harness/raw.ts"
import { scriptFlags } from "./harness/script-flags.ts"

const MiB = 1024 * 1024
const args = scriptFlags({
  mb: { type: "string", default: "48" },
  "segment-mb": { type: "string", default: "8" },
  json: { type: "boolean", default: false },
})
const topicBytes = Number(args.mb) * MiB
const segmentBytes = Number(args["segment-mb"]) * MiB
const boundMs = 30_000
const inFlight = 8
const batch = batchOf(16 * 1024, 128 * 1024).bytes

interface Case {
  readonly name: string
  readonly configs: Readonly<Record<string, string>>
  /** Makes it due; the time from when on it is. */
  readonly act: (topic: string, leader: RawConnection) => Promise<number>
  readonly keptBytes: number
}

const retentionMs = 3_000
const keptBytes = topicBytes / 4

const cases: ReadonlyArray<Case> = [
  {
    name: "retention.ms",
    configs: { "retention.ms": String(retentionMs) },
    act: () => Promise.resolve(performance.now() + retentionMs),
    keptBytes: 0,
  },
  {
    name: "retention.bytes",
    configs: { "retention.bytes": String(keptBytes) },
    act: () => Promise.resolve(performance.now()),
    keptBytes,
  },
  { name: "DeleteRecords", configs: {}, act: remove, keptBytes },
  { name: "topic deletion", configs: {}, act: drop, keptBytes: 0 },
]

async function remove(topic: string, leader: RawConnection): Promise<number> {
  const offset = recordsIn(topicBytes - keptBytes)
  const partitions = [{ partitionIndex: 0, offset }]
  const answer = await leader.request(deleteRecords, 2, {
    topics: [{ name: topic, partitions }],
    timeoutMs: 10_000,
  })
  const errorCode = answer.topics[0]?.partitions[0]?.errorCode
  if (errorCode !== 0) throw new Error(`DeleteRecords: ${errorCode}`)
  return performance.now()
}

async function drop(topic: string, leader: RawConnection): Promise<number> {
  const answer = await leader.request(deleteTopics, 6, {
    topics: [{ name: topic }],
    timeoutMs: 10_000,
  })
  if (answer.responses[0]?.errorCode !== 0) throw new Error("DeleteTopics failed")
  return performance.now()
}

/** Of a batch: 8 records of 16 KiB. */
const recordsIn = (bytes: number): number => Math.floor(bytes / batch.length) * 8

async function leaderOf(cluster: Cluster, topic: string): Promise<RawConnection> {
  const [partition] = await layoutOf(cluster.bootstrapList, topic)
  const { port } = cluster.broker(partition?.leader ?? 0)
  return RawConnection.open(parseAddress(`127.0.0.1:${port}`))
}

async function fill(topic: string, leader: RawConnection, bytes: number): Promise<void> {
  let left = Math.floor(bytes / batch.length)
  const slot = async (): Promise<void> => {
    while (left-- > 0) {
      const answer = await leader.request(produce, 9, {
        acks: -1,
        timeoutMs: 30_000,
        topicData: [{ name: topic, partitionData: [{ index: 0, records: batch }] }],
      })
      const errorCode = answer.responses[0]?.partitionResponses[0]?.errorCode
      if (errorCode !== 0) throw new Error(`Produce: ${errorCode}`)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, slot))
}

interface Row {
  readonly what: string
  readonly beforeMB: number
  readonly afterMB: number
  readonly liveMB: number
  readonly boundMB: number
  /** From the due time until every broker was within the bound; null: not within 30 s. */
  readonly seconds: number | null
}

const megabytes = (bytes: number) => Math.round(bytes / 1e5) / 10

async function measure(
  cluster: Cluster,
  { name, configs, act, keptBytes: kept }: Case,
  otherBytes: number,
): Promise<Row> {
  const topic = name.replaceAll(/[. ]/g, "-")
  await createTopic(cluster.bootstrapList, { topic, partitions: 1, configs })
  const leader = await leaderOf(cluster, topic)
  const live = otherBytes + kept
  const bound = 1.5 * live + 2 * segmentBytes
  await fill(topic, leader, topicBytes)
  const before = Math.max(...diskUse(cluster))
  const dueMs = await act(topic, leader)
  let within: number | null = null
  while (performance.now() < dueMs + boundMs) {
    const isWithin = Math.max(...diskUse(cluster)) <= bound
    if (isWithin) within ??= performance.now()
    else within = null
    // Long enough to see that it stays, and that a copy under way is counted.
    if (within !== null && performance.now() > Math.max(within, dueMs) + 3_000) break
    await Bun.sleep(100)
  }
  const after = Math.max(...diskUse(cluster))
  leader.close()
  return {
    what: name,
    beforeMB: megabytes(before),
    afterMB: megabytes(after),
    liveMB: megabytes(live),
    boundMB: megabytes(bound),
    seconds: within === null ? null : Math.round(Math.max(0, within - dueMs) / 100) / 10,
  }
}

async function run(): Promise<ReadonlyArray<Row>> {
  const cluster = await Cluster.start({ settings: { "varve.segment.bytes": String(segmentBytes) } })
  try {
    await createTopic(cluster.bootstrapList, { topic: "stays", partitions: 1 })
    const leader = await leaderOf(cluster, "stays")
    await fill("stays", leader, keptBytes)
    leader.close()
    let otherBytes = keptBytes
    const rows: Array<Row> = []
    for (const one of cases) {
      rows.push(await measure(cluster, one, otherBytes))
      otherBytes += one.keptBytes
    }
    return rows
  } finally {
    await cluster.dispose()
  }
}

const rows = await run()
if (args.json) console.log(JSON.stringify(rows))
else {
  console.log(`log of the fullest of three brokers, MB; segments of ${args["segment-mb"]} MiB`)
  console.table(rows)
}
process.exit(rows.every(({ seconds }) => seconds !== null) ? 0 : 1)
