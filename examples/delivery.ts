import { Database } from "bun:sqlite"
import { Consumer, Producer, type ConsumedRecord } from "../src/index.ts"
import { openClient, text } from "./client.ts"
import { commandLine, connect, ensureTopics } from "./connect.ts"
import { Tally } from "./tally.ts"

/**
 * What a consumer's crash does, depending on when its offset is kept:
 *
 * - metrics, at most once: committed before they are counted. A crash loses some, doubles none.
 * - shipments, at least once: committed after they are handled. A crash repeats some, loses none.
 * - transfers, exactly once: the offset lies in the database, in the transaction of the money.
 *
 *     bun examples/delivery.ts [bootstrap] [records of each kind]
 */
const { bootstrap, size } = commandLine(60)
const topics = ["metrics", "shipments", "transfers"].map((topic) => ({ topic, numPartitions: 1 }))
await ensureTopics(connect("delivery", bootstrap), ...topics)
const client = openClient("delivery", bootstrap)
const run = crypto.randomUUID()

/** Writes 1 to `size`; gives the offset of an end mark behind them. */
async function write(topic: string, acks: -1 | 0): Promise<number> {
  const producer = new Producer(client, topic, { acks, idempotent: acks !== 0 })
  const key = Buffer.from(run)
  const values = Array.from({ length: size }, (_, i) => Buffer.from(String(i + 1)))
  const sent = await Promise.all(values.map((value) => producer.send({ key, value })))
  await Promise.all(sent.map(({ receipt }) => receipt))
  const mark = await new Producer(client, topic).send({ key: null, value: null })
  return (await mark.receipt).offset
}

/** A member of the group named as the topic, as soon as it knows where to read on. */
async function join(topic: string, offsetReset: "earliest" | "latest"): Promise<Consumer> {
  const consumer = new Consumer(client, { offsetReset })
  consumer.subscribe({ topics: [topic] }, { groupId: topic, autoCommit: false })
  while (consumer.position({ topic, partition: 0 }) === undefined) await consumer.poll(10, 0)
  return consumer
}

/** What to do with a record, and when to commit. */
interface Work {
  readonly handle: (record: ConsumedRecord) => void
  readonly commit: "before" | "after" | "never"
}

/** Reads to the end; or crashes halfway, in the midst of what a poll has given. */
async function read(consumer: Consumer, end: number, work: Work, crashes: boolean) {
  let handled = 0
  for (let next = 0; next <= end;) {
    const records = await consumer.poll(500, 10)
    if (work.commit === "before") await consumer.commit()
    for (const record of records) {
      if (crashes && 2 * handled >= size && record !== records[0]) return consumer.close()
      next = record.offset + 1
      if (text(record.key) !== run) continue
      work.handle(record)
      handled += 1
    }
    if (work.commit === "after") await consumer.commit()
  }
  return consumer.close()
}

/** One member works until it crashes, another one goes on. */
async function group(topic: string, reset: "earliest" | "latest", acks: -1 | 0, work: Work) {
  const first = await join(topic, reset)
  const end = await write(topic, acks)
  await read(first, end, work, true)
  await read(await join(topic, reset), end, work, false)
}

const metrics = new Tally(size)
await group("metrics", "latest", 0, { commit: "before", handle: metrics.count })
metrics.tell("metrics, at most once")
const shipments = new Tally(size)
await group("shipments", "earliest", -1, { commit: "after", handle: shipments.count })
shipments.tell("shipments, at least once")

const bank = new Database(":memory:")
bank.run("create table account (cents int, next int)")
const end = await write("transfers", -1)
bank.query("insert into account values (0, ?)").run(end - size)
const book = bank.query("update account set cents = cents + ?, next = ?")
const account = bank.query<{ cents: number; next: number }, []>("select * from account")
const transfers = new Tally(size)
const handle = (record: ConsumedRecord) => {
  book.run(Number(text(record.value)), record.offset + 1)
  transfers.count(record)
}
for (const crashes of [true, false]) {
  const consumer = new Consumer(client, { offsetReset: "earliest" })
  consumer.assign([{ topic: "transfers", partition: 0, offset: account.get()?.next ?? 0 }])
  await read(consumer, end, { commit: "never", handle }, crashes)
}
transfers.tell(`transfers, exactly once: ${account.get()?.cents} cents moved`)
client.close()
