import { mergeByTime, Producer, readAll } from "../src/index.ts"
import { bytes, openClient, text } from "./client.ts"
import { commandLine, connect, ensureTopics } from "./connect.ts"

/**
 * The logs of three services in one topic, read as one log in the order of time. Each service keeps
 * its order, as its name is the key; between services only their clocks say what came first, so the
 * partitions are merged by timestamp. With varve's own client.
 *
 *     bun examples/log-aggregation.ts [bootstrap] [lines of each service]
 */
interface Line {
  readonly level: "info" | "error"
  readonly text: string
}

const { bootstrap, size } = commandLine(40)
const topic = "application-logs"
const partitions = 3
await ensureTopics(connect("logs", bootstrap), { topic, numPartitions: partitions })
const client = openClient("logs", bootstrap)

/** One service of many: it writes and goes on; what it wrote is waited for at its end. */
async function service(name: string, failsEvery: number): Promise<void> {
  const producer = new Producer(client, topic, { lingerMs: 5, compression: "gzip" })
  const receipts: Array<Promise<unknown>> = []
  for (let i = 1; i <= size; i++) {
    const line: Line =
      i % failsEvery === 0
        ? { level: "error", text: `request ${i} failed` }
        : { level: "info", text: `request ${i} took ${i % 50} ms` }
    const record = { key: Buffer.from(name), value: bytes(line) }
    receipts.push((await producer.send(record)).receipt)
    await Bun.sleep(1)
  }
  await Promise.all(receipts)
}
await Promise.all([service("web", 9), service("billing", 7), service("search", 20)])

const logs = await Promise.all(
  Array.from({ length: partitions }, (_, partition) => readAll(client, { topic, partition })),
)
const errors = new Map<string, number>()
const tail: Array<string> = []
let count = 0
let backwards = 0
let latest = 0
for await (const { key, value, timestamp } of mergeByTime(logs)) {
  const line: Line = JSON.parse(text(value))
  const from = text(key)
  if (line.level === "error") errors.set(from, (errors.get(from) ?? 0) + 1)
  if (timestamp < latest) backwards += 1
  latest = timestamp
  count += 1
  tail.push(`${new Date(timestamp).toISOString()} ${line.level.padEnd(5)} ${from}: ${line.text}`)
  if (tail.length > 5) tail.shift()
}
client.close()

for (const line of tail) console.log(line)
const summary = [...errors].map(([name, n]) => `${name} ${n}`).toSorted()
console.log(`${count} lines, ${backwards} against the order of time; errors: ${summary.join(", ")}`)
