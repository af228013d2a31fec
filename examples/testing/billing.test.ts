import { Database } from "bun:sqlite"
import { afterEach, test } from "bun:test"
import { Consumer, Producer, type ConsumedRecord } from "../../src/index.ts"
import { expectValid, TestCluster, TestHistory } from "../../src/testing/index.ts"
import { billing, naiveBilling, type Orders } from "./billing.ts"

/**
 * Every order is billed, and none twice, though a broker is killed and billing crashes.
 *
 *     bun test ./examples/testing                    # passes
 *     BILLING=naive bun test ./examples/testing      # fails, and says what was lost
 */
const run = process.env["BILLING"] === "naive" ? naiveBilling : billing

// A test that times out never comes to the end of its block.
afterEach(() => TestCluster.disposeAll())

test("every order is billed once", async () => {
  await using cluster = await TestCluster.start({ nodes: 3 })
  await cluster.createTopic("orders")
  const client = cluster.client()
  const history = new TestHistory()

  const producer = new Producer(client, "orders")
  let end = 0
  for (let n = 1; n <= 30; n++) {
    if (n === 15) await cluster.killLeader("orders")
    const order = { topic: "orders", value: `order ${n}` }
    const send = async () =>
      (await producer.send({ key: null, value: Buffer.from(order.value) })).receipt
    const { offset } = await history.sent("shop", order, send, { idempotent: true })
    end = offset + 1
  }
  await cluster.heal()

  const bank = new Database(":memory:")
  bank.run("create table charges (order_id text primary key)")
  const insert = bank.query("insert or ignore into charges values (?)")

  /** A member's life, up to the crash after so many charges, or to the end of the orders. */
  async function life(name: string, crashAfter = Infinity): Promise<void> {
    const partition = { topic: "orders", partition: 0 }
    const consumer = new Consumer(client, { offsetReset: "earliest" })
    consumer.subscribe({ topics: ["orders"] }, { groupId: "billing", autoCommit: false })
    const position = () => consumer.position(partition) ?? 0
    const recorded: Orders = {
      poll: (timeoutMs, max) => consumer.poll(timeoutMs, max),
      commit: () => {
        const commit = { group: "billing", ...partition, offset: position() }
        return history.committed(name, commit, () => consumer.commit())
      },
    }
    let charges = 0
    const charge = async (order: ConsumedRecord) => {
      const isNew = insert.run(String(order.value)).changes === 1
      // Where the effect is, and nowhere else.
      if (isNew) history.processed(name, order, { group: "billing" })
      if (++charges === crashAfter) throw new Error("crash")
    }
    try {
      await run(recorded, charge, () => position() >= end)
    } finally {
      await consumer.close()
    }
  }
  await life("billing-1", 12).catch(() => undefined)
  await life("billing-2")

  await history.drain(cluster)
  expectValid(history.check({ atLeastOnce: true, exactlyOnceEffect: true }))
}, 60_000)
