/**
 * A group member by kafkajs, which pushes: what it hands over waits here until it is asked for, and
 * the client waits with it.
 */
import { Kafka, logLevel } from "kafkajs"
import { memberArguments, serveMember } from "./member-loop.ts"
import type { MemberRecord, OffsetsToCommit } from "./member-loop.ts"

const { bootstrap, topics, group, sessionTimeoutMs } = memberArguments()

const kafka = new Kafka({
  clientId: group,
  brokers: bootstrap,
  logLevel: logLevel.NOTHING,
  connectionTimeout: 1000,
  requestTimeout: 10_000,
  retry: { retries: 100, initialRetryTime: 100, maxRetryTime: 1000 },
})
const consumer = kafka.consumer({
  groupId: group,
  sessionTimeout: sessionTimeoutMs,
  rebalanceTimeout: 2 * sessionTimeoutMs,
  heartbeatInterval: 500,
  maxWaitTimeInMs: 200,
  metadataMaxAge: 2000,
})

interface Waiting {
  readonly records: ReadonlyArray<MemberRecord>
  readonly taken: () => void
}

const waiting: Array<Waiting> = []
let wakeUp = () => {}
let member = ""
let partitions: ReadonlyArray<readonly [string, number]> = []
let failure: string | undefined
/** In whose name, by tag: a commit that was really answered. */
const committed = new Map<string, { readonly member: string; readonly generation: number }>()

consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  member = payload.memberId
  partitions = Object.entries(payload.memberAssignment).flatMap(([topic, own]) =>
    own.map((partition) => [topic, partition] as const),
  )
})
consumer.on(consumer.events.COMMIT_OFFSETS, ({ payload }) => {
  const as = { member: payload.memberId, generation: payload.groupGenerationId }
  for (const { partitions: own } of payload.topics) {
    for (const one of own) {
      if ("metadata" in one && typeof one.metadata === "string") committed.set(one.metadata, as)
    }
  }
})
consumer.on(consumer.events.REBALANCING, () => {
  partitions = []
  waiting.length = 0
})
consumer.on(consumer.events.CRASH, ({ payload }) => {
  // What it does not come back from by itself.
  if (!payload.restart) failure = String(payload.error)
})

await consumer.connect()
await consumer.subscribe({ topics, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: 3,
  eachBatch: async (payload) => {
    const { batch } = payload
    const { topic, partition } = batch
    const records = batch.messages.map(({ offset, value }) => ({
      topic,
      partition,
      offset: Number(offset),
      value,
    }))
    let isTaken = false
    const entry = { records, taken: () => (isTaken = true) }
    waiting.push(entry)
    wakeUp()
    try {
      while (waiting.includes(entry) && payload.isRunning() && !payload.isStale()) {
        await Bun.sleep(10)
        await payload.heartbeat()
      }
    } finally {
      const at = waiting.indexOf(entry)
      if (at >= 0) waiting.splice(at, 1)
    }
    // What nobody asked for comes again.
    if (isTaken) payload.resolveOffset(batch.lastOffset())
  },
})

await serveMember({
  poll: async (waitMs) => {
    if (failure !== undefined) {
      // Nothing more comes of it: whoever started it sees it end.
      console.error(failure)
      process.exit(1)
    }
    if (waiting.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      wakeUp = resolve
      const timer = setTimeout(resolve, waitMs)
      await promise
      clearTimeout(timer)
    }
    return waiting.splice(0).flatMap(({ records, taken }) => {
      taken()
      return records
    })
  },
  owned: () => ({ member, generation: -1, partitions }),
  commit: async (offsets: OffsetsToCommit) => {
    const asked = offsets.map(([topic, partition, offset, metadata]) => ({
      topic,
      partition,
      offset: String(offset),
      metadata,
    }))
    committed.clear()
    await consumer.commitOffsets(asked)
    // It resolves also where it has sent nothing, or was refused while it was stopping.
    const as = committed.get(asked[0]?.metadata ?? "")
    if (as === undefined) throw new Error("kafkajs has not committed")
    return as
  },
  leave: () => consumer.disconnect(),
})
