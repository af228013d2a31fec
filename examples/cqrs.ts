import { Database } from "bun:sqlite"
import { Consumer, Producer, readAll, type Receipt } from "../src/index.ts"
import { bytes, openClient, text } from "./client.ts"
import { commandLine, connect, ensureTopics } from "./connect.ts"

/**
 * CQRS: commands and queries go separate ways. The write side decides about a command and appends
 * what happened; the read side is a view in SQLite that follows the log and answers queries. The
 * view keeps the offsets that it has reached in the transaction of its rows, so every event counts
 * once, whenever it is stopped; and whoever wrote can wait until the view has seen that.
 *
 *     bun examples/cqrs.ts [bootstrap] [commands] [database file of the view]
 */
interface StockMoved {
  readonly item: string
  /** Below 0: shipped. */
  readonly count: number
}

const { bootstrap, size, more } = commandLine(60)
const topic = "stock-moved"
const partitions = [0, 1, 2]
await ensureTopics(connect("stock", bootstrap), { topic, numPartitions: partitions.length })
const client = openClient("stock", bootstrap)

// The write side: it knows no more than it needs to decide.
const available = new Map<string, number>()
const move = ({ item, count }: StockMoved) =>
  available.set(item, (available.get(item) ?? 0) + count)
for (const partition of partitions) {
  const records = await readAll(client, { topic, partition })
  for (const { value } of records) move(JSON.parse(text(value)))
}
const producer = new Producer(client, topic)

/** Undefined: refused, and nothing has happened. */
async function command(event: StockMoved): Promise<Receipt | undefined> {
  if ((available.get(event.item) ?? 0) + event.count < 0) return undefined
  move(event)
  const { receipt } = await producer.send({ key: Buffer.from(event.item), value: bytes(event) })
  return receipt
}

// The read side: made for its questions, and made again from the log whenever it is lost.
const view = new Database(more[0] ?? ":memory:")
view.run("create table if not exists stock (item text primary key, count int, moves int)")
view.run("create table if not exists positions (partition int primary key, next int)")
const reached = view.query<{ next: number }, [number]>(
  "select next from positions where partition = ?",
)
const reach = view.query("insert or replace into positions values (?, ?)")
const add = view.query(`insert into stock values (?, ?, 1)
  on conflict do update set count = count + excluded.count, moves = moves + 1`)
const position = (partition: number) => reached.get(partition)?.next ?? 0

const consumer = new Consumer(client, { offsetReset: "earliest" })
consumer.assign(partitions.map((partition) => ({ topic, partition, offset: position(partition) })))
const stopping = new AbortController()
async function follow(): Promise<void> {
  while (!stopping.signal.aborted) {
    const records = await consumer.poll(100)
    view.transaction(() => {
      for (const { partition, offset, value } of records) {
        const { item, count }: StockMoved = JSON.parse(text(value))
        add.run(item, count)
        reach.run(partition, offset + 1)
      }
    })()
  }
}
const done = follow()

const stock = view.query<{ count: number }, [string]>("select count from stock where item = ?")

/** Answers when the view has seen what the receipt is for. */
async function query(item: string, { partition, offset }: Receipt): Promise<number> {
  while (position(partition) <= offset) await Bun.sleep(5)
  return stock.get(item)?.count ?? 0
}

let refused = 0
let right = 0
for (let i = 1; i <= size; i++) {
  const item = ["bolt", "nut", "washer", "screw"][i % 4] ?? ""
  const receipt = await command({ item, count: i % 3 === 0 ? -40 : 10 + (i % 7) })
  if (receipt === undefined) refused += 1
  else if ((await query(item, receipt)) === available.get(item)) right += 1
}
stopping.abort()
await done
client.close()
console.log(`${size} commands, ${refused} refused; ${right} queries saw the write before them`)
for (const row of view.query("select * from stock order by item").all()) {
  console.log(JSON.stringify(row))
}
