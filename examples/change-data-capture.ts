import { Database } from "bun:sqlite"
import { commandLine, connect, ensureTopics, joinGroup, openProducer } from "./connect.ts"
import { untilCaughtUp } from "./lag.ts"

/**
 * Change data capture: what happens to a table in SQLite becomes records, and a copy of the table
 * elsewhere follows them. Triggers write every change down in the transaction that makes it; it is
 * taken off that list after the record is safe, so a crash repeats changes and loses none. The key
 * is the primary key: changes of a row stay in order, and a compacted topic keeps the last one of
 * each; a deleted row is a record without a value.
 *
 *     bun examples/change-data-capture.ts [bootstrap] [changes]
 */
const { bootstrap, size } = commandLine(120)
const topic = "customers-changes"
const kafka = connect("customers", bootstrap)
const configEntries = [{ name: "cleanup.policy", value: "compact" }]
await ensureTopics(kafka, { topic, numPartitions: 3, configEntries })

const table = "create table customers (id int primary key, name text, cents int)"
const source = new Database(":memory:")
source.run(table)
source.run("create table changes (number integer primary key, id int, row text)")
for (const event of ["insert", "update"]) {
  source.run(`create trigger ${event}ed after ${event} on customers begin
    insert into changes (id, row)
    values (new.id, json_object('name', new.name, 'cents', new.cents));
  end`)
}
source.run(`create trigger deleted after delete on customers begin
  insert into changes (id, row) values (old.id, null);
end`)

/** What an application does to its table, knowing nothing of Kafka. */
const upsert = source.query(`insert into customers values (?1, ?2, ?3)
  on conflict do update set cents = cents + excluded.cents`)
const remove = source.query("delete from customers where id = ?")
function application(n: number): void {
  const id = (n * 7) % 19
  if (n % 10 === 9) remove.run(id)
  else upsert.run(id, `customer ${id}`, n)
}

interface Change {
  readonly number: number
  readonly id: number
  readonly row: string | null
}

/** Publishes what has changed since the last time, in its order. */
const unpublished = source.query<Change, []>("select * from changes order by number limit 100")
const published = source.query("delete from changes where number <= ?")
const producer = await openProducer(kafka)
async function capture(): Promise<number> {
  const changes = unpublished.all()
  const last = changes.at(-1)
  if (last === undefined) return 0
  const messages = changes.map(({ id, row }) => ({ key: String(id), value: row }))
  await producer.send({ topic, messages })
  published.run(last.number)
  return changes.length
}

// The copy: applying a change twice is the same as once.
const copy = new Database(":memory:")
copy.run(table)
const put = copy.query("insert or replace into customers values (?, ?, ?)")
const drop = copy.query("delete from customers where id = ?")
interface Row {
  readonly name: string
  readonly cents: number
}
const { consumer } = await joinGroup(kafka, "customers-copy", topic)
await consumer.run({
  eachMessage: async ({ message: { key, value } }) => {
    const id = Number(String(key))
    const row: Row | null = JSON.parse(String(value))
    if (row === null) drop.run(id)
    else put.run(id, row.name, row.cents)
  },
})

let captured = 0
for (let n = 1; n <= size; n++) {
  application(n)
  if (n % 15 === 0) captured += await capture()
}
for (let more = await capture(); more > 0; more = await capture()) captured += more
await producer.disconnect()
await untilCaughtUp(kafka, "customers-copy", topic)
await consumer.disconnect()

const rows = (database: Database) =>
  JSON.stringify(database.query("select * from customers order by id").all())
console.log(`${captured} changes captured, ${JSON.parse(rows(copy)).length} rows in the copy`)
console.log(rows(copy) === rows(source) ? "the copy is equal" : "the copy DIFFERS")
