import { Database } from "bun:sqlite"
import {
  commandLine,
  connect,
  ensureTopics,
  joinGroup,
  openProducer,
  untilShared,
  type Member,
} from "./connect.ts"
import { untilCaughtUp } from "./lag.ts"

/**
 * A shop. Two order services say `order_placed`; the email service and the warehouse both hear of
 * every order, each as a group of its own and at its own pace. The warehouse is two members that
 * share the partitions and write to a database: an offset is committed after the rows that it
 * stands for, so a crash between the two repeats orders, and the primary key makes that harmless.
 *
 *     bun examples/order-processing.ts [bootstrap] [orders] [database file]
 */
interface OrderPlaced {
  readonly id: string
  readonly customer: string
  readonly cents: number
}

const { bootstrap, size, more } = commandLine(60)
const topic = "orders-placed"
const kafka = connect("shop", bootstrap)
await ensureTopics(kafka, { topic, numPartitions: 3 })

// The warehouse: rows first, then the offset.
const database = new Database(more[0] ?? ":memory:")
database.run("create table if not exists orders (id text primary key, customer text, cents int)")
const insert = database.query("insert or ignore into orders values (?, ?, ?)")
const warehouse = await Promise.all([1, 2].map(() => joinGroup(kafka, "warehouse", topic)))
const keep = ({ consumer }: Member) =>
  consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      database.transaction(() => {
        for (const { value } of batch.messages) {
          const order: OrderPlaced = JSON.parse(String(value))
          insert.run(order.id, order.customer, order.cents)
        }
      })()
      const offset = String(BigInt(batch.lastOffset()) + 1n)
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset }])
    },
  })

// The email service: what `eachMessage` is through with, kafkajs commits by itself.
let mails = 0
const email = await joinGroup(kafka, "email", topic)
const mail = ({ consumer }: Member) =>
  consumer.run({
    eachMessage: async ({ message }) => {
      const order: OrderPlaced = JSON.parse(String(message.value))
      if (order.customer !== "") mails += 1
    },
  })

await Promise.all([...warehouse.map(keep), mail(email)])
await untilShared(warehouse, 3)
for (const [i, member] of warehouse.entries()) {
  console.log(`warehouse ${i + 1} has partitions ${member.partitions().join(" and ")}`)
}

// Two order services, at the same time. A customer's orders share a key, and so keep their order.
async function orderService(name: string, count: number): Promise<void> {
  const producer = await openProducer(kafka)
  for (let i = 1; i <= count; i++) {
    const customer = `customer-${i % 7}`
    const order: OrderPlaced = { id: `${name}-${crypto.randomUUID()}`, customer, cents: 100 * i }
    await producer.send({ topic, messages: [{ key: customer, value: JSON.stringify(order) }] })
  }
  await producer.disconnect()
}
await Promise.all([
  orderService("web", Math.ceil(size / 2)),
  orderService("phone", Math.floor(size / 2)),
])
console.log(`${size} orders placed`)

for (const group of ["warehouse", "email"]) await untilCaughtUp(kafka, group, topic)
const stored = database.query("select count(*) as orders, sum(cents) as cents from orders").get()
console.log(`warehouse: ${JSON.stringify(stored)}; email: ${mails} mails`)
await Promise.all([...warehouse, email].map(({ consumer }) => consumer.disconnect()))
