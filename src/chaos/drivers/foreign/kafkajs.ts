/** kafkajs as a process: see `lines.ts`. It has consumers in groups only. */
import { Kafka, logLevel, Partitioners } from "kafkajs"
import { Inbox } from "./inbox.ts"
import { commands, taskOf } from "./lines.ts"
import { Outbox } from "./outbox.ts"
import type { Sender } from "./outbox.ts"

const task = taskOf(process.argv.slice(2))

const kafka = new Kafka({
  clientId: task.clientId,
  brokers: [...task.bootstrap],
  logLevel: logLevel.NOTHING,
  connectionTimeout: 2000,
  requestTimeout: 10_000,
  retry: { retries: 1_000_000, initialRetryTime: 50, maxRetryTime: 500 },
})

async function openProducer(): Promise<Sender> {
  const producer = kafka.producer({
    idempotent: task.idempotent,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
    metadataMaxAge: 2000,
  })
  await producer.connect()
  return {
    send: async (topic, partition, records) => {
      const messages = records.map(({ key, value, timestamp }) => ({
        partition,
        key,
        value: Buffer.from(value, "base64"),
        timestamp: String(timestamp),
      }))
      const [metadata] = await producer.send({ topic, acks: -1, messages })
      const base = Number(metadata?.baseOffset ?? -1)
      // Nothing came back where its metadata did not hold the partition.
      if (base < 0) throw new Error("resolved without a place")
      return base
    },
    close: () => producer.disconnect(),
  }
}

async function produce(): Promise<void> {
  const outbox = new Outbox(openProducer)
  const ended = outbox.run()
  await commands((command) => {
    if (command.do === "send") outbox.push(command)
    else if (command.do === "end") outbox.end()
  })
  outbox.end()
  await ended
}

async function consume(): Promise<void> {
  const inbox = new Inbox()
  const consumer = kafka.consumer({
    groupId: task.group,
    sessionTimeout: 10_000,
    heartbeatInterval: 1000,
    maxWaitTimeInMs: 200,
    metadataMaxAge: 2000,
    retry: { retries: 1_000_000, restartOnFailure: () => Promise.resolve(true) },
  })
  const running = (async () => {
    await consumer.connect()
    await consumer.subscribe({ topics: [...task.topics], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: true,
      eachBatch: async (payload) => {
        const { batch } = payload
        await inbox.give({
          topic: batch.topic,
          partition: batch.partition,
          from: -1,
          highWatermark: Number(batch.highWatermark),
          records: batch.messages.map(({ offset, value }) => [
            Number(offset),
            value?.toString("base64") ?? null,
          ]),
        })
        await payload.heartbeat()
      },
    })
  })()
  running.catch(() => process.exit(1))
  await commands((command) => {
    if (command.do === "poll") void inbox.poll()
  })
}

await (task.role === "producer" ? produce() : consume())
process.exit(0)
