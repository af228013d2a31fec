/**
 * A member of a consumer group as a process: kafkajs reads, and commits behind every record. Lines
 * out: `join GENERATION MEMBER p,p,…`, `read PARTITION OFFSET VALUE`, `commit PARTITION OFFSET`.
 * Ends, leaving its group, with its standard input.
 */
import { parseArgs } from "node:util"
import { Kafka, logLevel } from "kafkajs"

const { values: args } = parseArgs({
  options: {
    bootstrap: { type: "string", default: "127.0.0.1:9092" },
    topic: { type: "string", default: "t" },
    group: { type: "string", default: "g" },
    session: { type: "string", default: "6000" },
  },
})

const print = (line: string) => process.stdout.write(`${line}\n`)

const kafka = new Kafka({
  clientId: "group",
  brokers: args.bootstrap.split(","),
  logLevel: logLevel.NOTHING,
  connectionTimeout: 1_000,
  requestTimeout: 10_000,
  retry: { retries: 60, initialRetryTime: 50, maxRetryTime: 300 },
})

const consumer = kafka.consumer({
  groupId: args.group,
  sessionTimeout: Number(args.session),
  rebalanceTimeout: 10_000,
  heartbeatInterval: 300,
  maxWaitTimeInMs: 100,
})
let generation = 0
consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
  generation++
  const { memberAssignment, memberId } = payload
  const partitions = memberAssignment[args.topic] ?? []
  print(`join ${generation} ${memberId} ${partitions.join(",")}`)
})
await consumer.connect()
await consumer.subscribe({ topic: args.topic, fromBeginning: true })
await consumer.run({
  autoCommit: false,
  eachMessage: async ({ topic, partition, message }) => {
    print(`read ${partition} ${message.offset} ${String(message.value)}`)
    const offset = String(Number(message.offset) + 1)
    try {
      await consumer.commitOffsets([{ topic, partition, offset }])
      print(`commit ${partition} ${offset}`)
    } catch (error) {
      print(`refused ${partition} ${offset} ${String(error).replaceAll("\n", " ")}`)
      throw error
    }
  },
})
process.stdin.on("end", () => void consumer.disconnect().finally(() => process.exit(0)))
process.stdin.resume()
