import { Kafka, logLevel, Partitioners, type Producer } from "kafkajs"
import { parseArgs } from "node:util"

/**
 * kafkajs under load, as a process: the `load` command of driver.py, with the same lines in and
 * out.
 */

const { values: args } = parseArgs({
  args: process.argv.slice(3),
  options: {
    bootstrap: { type: "string", default: "127.0.0.1:9092" },
    topic: { type: "string", default: "load" },
    partitions: { type: "string", default: "1" },
    producer: { type: "string", default: "kafkajs" },
    rate: { type: "string", default: "100" },
    idempotent: { type: "boolean", default: false },
  },
})

const kafka = new Kafka({
  clientId: args.producer,
  brokers: args.bootstrap.split(","),
  logLevel: logLevel.NOTHING,
  connectionTimeout: 1_000,
  requestTimeout: 10_000,
  retry: { retries: 60, initialRetryTime: 50, maxRetryTime: 500 },
})

const print = (line: string) => process.stdout.write(`${line}\n`)

async function open(): Promise<Producer> {
  const producer = kafka.producer({
    idempotent: args.idempotent,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
    metadataMaxAge: 2_000,
  })
  await producer.connect()
  return producer
}

const closing = new AbortController()
process.stdin.on("end", () => closing.abort())
process.stdin.on("error", () => closing.abort())
process.stdin.resume()

interface Outgoing {
  readonly partition: number
  readonly seq: number
}

/**
 * Every record due by now goes out as one request for each partition, and the next ones wait for
 * it: kafkajs keeps no order among sends that overlap.
 */
async function sendAll(
  producer: Producer,
  who: string,
  due: ReadonlyArray<Outgoing>,
): Promise<boolean> {
  const byPartition = Map.groupBy(due, (record) => record.partition)
  const outcomes = await Promise.all(
    Array.from(byPartition, async ([partition, records]) => {
      try {
        const [metadata] = await producer.send({
          topic: args.topic,
          acks: -1,
          messages: records.map(({ seq }) => ({ partition, value: `${who}:${seq}` })),
        })
        // It resolves with nothing where its metadata did not hold the partition: it sent nothing.
        if (metadata?.baseOffset === undefined) throw new Error("resolved without a place")
        const base = Number(metadata.baseOffset)
        records.forEach(({ seq }, i) => {
          print(`ack ${who} ${partition} ${seq} ${base < 0 ? -1 : base + i} ${Date.now()}`)
        })
        return true
      } catch (error) {
        const reason = String(error).replaceAll("\n", " ")
        for (const { seq } of records) print(`err ${who} ${partition} ${seq} ${reason}`)
        return false
      }
    }),
  )
  return outcomes.every(Boolean)
}

async function load(): Promise<void> {
  const partitions = Number(args.partitions)
  const started = performance.now()
  let producer = await open()
  let generation = 0
  let seq = 0
  while (!closing.signal.aborted) {
    const count = Math.floor(((performance.now() - started) / 1_000) * Number(args.rate)) - seq
    if (count < 1) {
      await Bun.sleep(3)
      continue
    }
    const due = Array.from({ length: Math.min(count, 500) }, (_, i) => ({
      partition: (seq + i) % partitions,
      seq: seq + i,
    }))
    seq += due.length
    if (!(await sendAll(producer, `${args.producer}.${generation}`, due))) {
      await producer.disconnect().catch(() => {})
      producer = await open()
      generation += 1
    }
  }
  await producer.disconnect()
  print(`sent ${seq}`)
}

await load()
