import { scriptFlags } from "../scripts/harness/script-flags.ts"
import { join } from "node:path"
import { Kafka, logLevel, type Producer } from "kafkajs"
import { openReader, readTopic } from "../scripts/harness/records.ts"
import { Progress } from "./progress.ts"

/**
 * A real data set through a running cluster and back, with stock clients: the flights of the npm
 * package vega-datasets are written with kafkajs, keyed over several partitions, read with
 * @platformatic/kafka, and every record is compared byte for byte, in the order of its key.
 *
 *     bun examples/flights.ts                        231,083 flights; the key is the distance flown
 *     bun examples/flights.ts --data flights-20k 20,000 flights; the key is the airport of
 *     departure
 */
const args = scriptFlags({
  bootstrap: { type: "string", default: "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094" },
  data: { type: "string", default: "flights-200k" },
  topic: { type: "string", default: `flights-${Date.now().toString(36)}` },
  partitions: { type: "string", default: "6" },
  /** Records in one request to the producer. */
  batch: { type: "string", default: "2000" },
})

interface Flight {
  readonly key: string
  /** As it stands in the file, to the byte. */
  readonly value: Buffer
}

const datasets = join(import.meta.dir, "..", "node_modules", "vega-datasets", "data")

const openBrace = 0x7b
const closeBrace = 0x7d

/** The objects of a JSON array of flat objects, one by one, as the file is read. */
async function* flights(path: string): AsyncGenerator<Flight> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of Bun.file(path).stream()) {
    const bytes = Buffer.concat([rest, chunk])
    let from = bytes.indexOf(openBrace)
    for (let to = bytes.indexOf(closeBrace); to >= 0; to = bytes.indexOf(closeBrace, from)) {
      const value = bytes.subarray(from, to + 1)
      const { origin, distance }: { origin?: string; distance?: number } = JSON.parse(String(value))
      yield { key: String(origin ?? distance), value }
      from = bytes.indexOf(openBrace, to)
      if (from < 0) break
    }
    rest = from < 0 ? Buffer.alloc(0) : bytes.subarray(from)
  }
}

/** What was sent, by key: a key lies in one partition, so its records come back in this order. */
type Sent = Map<string, Array<Buffer>>

async function write(producer: Producer, path: string): Promise<Sent> {
  const sent: Sent = new Map()
  const progress = new Progress("written", Bun.file(path).size)
  let batch: Array<Flight> = []
  const send = async () => {
    await producer.send({ topic: args.topic, acks: -1, messages: batch })
    progress.add(batch.length, bytesIn(batch))
    batch = []
  }
  for await (const flight of flights(path)) {
    const earlier = sent.get(flight.key)
    if (earlier === undefined) sent.set(flight.key, [flight.value])
    else earlier.push(flight.value)
    batch.push(flight)
    if (batch.length === Number(args.batch)) await send()
  }
  if (batch.length > 0) await send()
  progress.finish()
  return sent
}

const bytesIn = (batch: ReadonlyArray<Flight>) =>
  batch.reduce((bytes, flight) => bytes + flight.value.length, 0)

/**
 * Reads the topic to its end and holds every record against what was sent. Gives the number of
 * records.
 */
async function compare(bootstrap: Array<string>, sent: Sent, bytes: number): Promise<number> {
  const reader = openReader(bootstrap)
  const progress = new Progress("read and compared", bytes)
  const seen = new Map<string, number>()
  let count = 0
  for await (const record of readTopic(reader, args.topic)) {
    const key = String(record.key)
    const at = seen.get(key) ?? 0
    const expected = sent.get(key)?.[at]
    if (expected === undefined || record.value === null || !expected.equals(record.value)) {
      const place = `partition ${record.partition}, offset ${record.offset}, key ${key}`
      throw new Error(`${place}: expected ${String(expected)}, read ${String(record.value)}`)
    }
    seen.set(key, at + 1)
    count += 1
    progress.add(1, record.value.length)
  }
  await reader.close()
  progress.finish()
  for (const [key, values] of sent) {
    const read = seen.get(key) ?? 0
    if (read !== values.length) throw new Error(`key ${key}: ${values.length} sent, ${read} read`)
  }
  return count
}

async function main(): Promise<void> {
  process.env["KAFKAJS_NO_PARTITIONER_WARNING"] = "1"
  const bootstrap = args.bootstrap.split(",")
  const retry = { retries: 10, initialRetryTime: 50 }
  const options = { clientId: "flights", brokers: bootstrap, logLevel: logLevel.ERROR, retry }
  const kafka = new Kafka(options)
  const path = join(datasets, `${args.data}.json`)

  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({
    topics: [{ topic: args.topic, numPartitions: Number(args.partitions) }],
  })
  await admin.disconnect()

  const producer = kafka.producer({ idempotent: true })
  await producer.connect()
  const sent = await write(producer, path)
  await producer.disconnect()

  const values = [...sent.values()].flat()
  const bytes = values.reduce((sum, value) => sum + value.length, 0)
  const count = await compare(bootstrap, sent, bytes)
  const layout = `${sent.size} keys, ${args.partitions} partitions, ${bytes} bytes`
  console.log(`${count} flights, ${layout}: every one as it was sent`)
}

await main()
