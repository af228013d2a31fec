import { Database } from "bun:sqlite"
import { Consumer, type ConsumedRecord } from "../src/index.ts"
import { openClient, text } from "./client.ts"
import { commandLine, connect, ensureTopics, openProducer } from "./connect.ts"
import { untilCaughtUp } from "./lag.ts"
import { countByWindow, filter, map } from "./stream.ts"

/**
 * What visitors do on a site, thousands of events a second, read by two groups of two members each:
 * `analytics` counts clicks by page and minute as they come, `notifications` greets who signed up.
 * A stream goes through operators (filter, map, count by window) into SQLite, and SQL answers the
 * questions. With varve's own client.
 *
 *     bun examples/click-analytics.ts [bootstrap] [events]
 */
interface UserEvent {
  readonly kind: "click" | "signup"
  readonly user: string
  readonly page: string
  /** When it happened, ms. */
  readonly atMs: number
}

const { bootstrap, size } = commandLine(5_000)
const topic = "user-events"
const kafka = connect("site", bootstrap)
await ensureTopics(kafka, { topic, numPartitions: 2 })
const client = openClient("site", bootstrap)

const toEvent = ({ value }: ConsumedRecord): UserEvent => JSON.parse(text(value))

/** A member's records until it is told to stop; what `poll` gave is committed by a later one. */
async function* records(consumer: Consumer, stop: AbortSignal): AsyncGenerator<ConsumedRecord> {
  while (!stop.aborted) yield* await consumer.poll(100)
}

/** Two members, each of which does `work` with its share of the events. */
async function group(groupId: string, work: (events: AsyncIterable<UserEvent>) => Promise<void>) {
  const stopping = new AbortController()
  const members = [1, 2].map(() => new Consumer(client, { offsetReset: "earliest" }))
  const working = members.map(async (consumer) => {
    consumer.subscribe({ topics: [topic] }, { groupId, autoCommitIntervalMs: 50 })
    await work(map(records(consumer, stopping.signal), toEvent))
    await consumer.close()
  })
  while (members.some(({ assignment }) => assignment.length === 0)) await Bun.sleep(20)
  return async function stop() {
    const tell = (lag: number) => console.log(`${groupId}: ${lag} events behind`)
    const caughtUp = untilCaughtUp(kafka, groupId, topic, tell)
    await Promise.race([caughtUp, Promise.all(working)])
    const shares = members.map(({ assignment }) => assignment.map((one) => one.partition).join())
    console.log(`${groupId}: members had partitions ${shares.join(" | ")}`)
    stopping.abort()
    await Promise.all(working)
  }
}

const database = new Database(":memory:")
database.run("create table clicks (minute int, page text, count int, primary key (minute, page))")
const add = database.query(
  "insert into clicks values (?, ?, ?) on conflict do update set count = count + excluded.count",
)
const analytics = group("analytics", async (events) => {
  const clicks = filter(events, ({ kind }) => kind === "click")
  const pages = map(clicks, ({ page, atMs }) => ({ key: page, timestamp: atMs }))
  for await (const { startMs, counts } of countByWindow(pages, 60_000)) {
    database.transaction(() => counts.forEach((n, page) => add.run(startMs / 60_000, page, n)))()
  }
})
let greeted = 0
const notifications = group("notifications", async (events) => {
  for await (const { user } of filter(events, ({ kind }) => kind === "signup")) {
    if (user !== "") greeted += 1
  }
})

const stops = await Promise.all([analytics, notifications])

// Three minutes of the site's life, as fast as they can be written; a user's events share a key.
const producer = await openProducer(kafka)
const beganMs = Math.ceil(Date.now() / 60_000) * 60_000
const events = Array.from({ length: size }, (_, i): UserEvent => {
  const page = ["/", "/shop", "/blog", "/help"][Math.floor(Math.sqrt(i % 16))] ?? "/"
  const kind = i % 100 === 0 ? "signup" : "click"
  return { kind, user: `user-${i % 97}`, page, atMs: beganMs + Math.floor((i * 180_000) / size) }
})
for (let i = 0; i < size; i += 500) {
  const messages = events
    .slice(i, i + 500)
    .map((event) => ({ key: event.user, value: JSON.stringify(event) }))
  await producer.send({ topic, messages })
}
await producer.disconnect()
await Promise.all(stops.map((stop) => stop()))
client.close()

const question =
  "select page, sum(count) as clicks, count(*) as minutes from clicks group by page order by clicks desc"
for (const row of database.query(question).all()) console.log(JSON.stringify(row))
console.log(`notifications: ${greeted} greeted`)
