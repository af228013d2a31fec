/** @platformatic/kafka as a process: see `lines.ts`. Its consumer is the only one of its group. */
import {
  Consumer,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  ProduceAcks,
  Producer,
} from "@platformatic/kafka"
import { Inbox } from "./inbox.ts"
import { answer, commands, errorText, taskOf } from "./lines.ts"
import { Outbox } from "./outbox.ts"
import type { Sender } from "./outbox.ts"

const task = taskOf(process.argv.slice(2))

const options = {
  clientId: task.clientId,
  bootstrapBrokers: [...task.bootstrap],
  connectTimeout: 2000,
  timeout: 10_000,
  retries: 1_000_000,
  retryDelay: 200,
  metadataMaxAge: 2000,
  autocreateTopics: false,
}

function openProducer(): Promise<Sender> {
  const producer = new Producer({ ...options, idempotent: task.idempotent })
  return Promise.resolve({
    send: async (topic, partition, records) => {
      const messages = records.map(({ key, value, timestamp }) => ({
        topic,
        partition,
        ...(key === null ? {} : { key: Buffer.from(key) }),
        value: Buffer.from(value, "base64"),
        timestamp: BigInt(timestamp),
      }))
      const { offsets } = await producer.send({ messages, acks: ProduceAcks.ALL })
      const place = offsets?.find((one) => one.partition === partition)
      if (place === undefined || place.offset < 0n) throw new Error("resolved without a place")
      return Number(place.offset)
    },
    close: () => producer.close(),
  })
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

/** A stream that failed is begun anew, from the first record. */
async function readOn(inbox: Inbox): Promise<never> {
  for (;;) {
    const consumer = new Consumer({
      ...options,
      groupId: task.group,
      sessionTimeout: 10_000,
      heartbeatInterval: 1000,
      maxWaitTime: 200,
      autocommit: false,
    })
    try {
      const stream = await consumer.consume({
        topics: [...task.topics],
        mode: MessagesStreamModes.EARLIEST,
        fallbackMode: MessagesStreamFallbackModes.EARLIEST,
      })
      for await (const { topic, partition, offset, value } of stream) {
        const records = [[Number(offset), value.toString("base64")] as const]
        await inbox.give({ topic, partition, from: -1, highWatermark: -1, records })
      }
    } catch (error) {
      answer({ is: "trouble", error: errorText(error) })
    }
    await consumer.close(true).catch(() => undefined)
    await Bun.sleep(500)
  }
}

async function consume(): Promise<void> {
  // Its stream gives single records, and now and then two readers of a partition in turns.
  const inbox = new Inbox(false)
  void readOn(inbox)
  await commands((command) => {
    if (command.do === "poll") void inbox.poll()
  })
}

await (task.role === "producer" ? produce() : consume())
process.exit(0)
