/**
 * A group member by @platformatic/kafka, of either protocol; prints and ends as group_member.py
 * says.
 */
import { parseArgs } from "node:util"
import { Consumer, MessagesStreamFallbackModes, MessagesStreamModes } from "@platformatic/kafka"

const { values: args } = parseArgs({
  options: {
    bootstrap: { type: "string", default: "127.0.0.1:9092" },
    topic: { type: "string", default: "t" },
    pattern: { type: "string", default: "" },
    group: { type: "string", default: "g" },
    session: { type: "string", default: "6000" },
    strategy: { type: "string", default: "classic" },
  },
})

const print = (line: string) => process.stdout.write(`${line}\n`)

const ofGroup =
  args.strategy === "consumer"
    ? { groupProtocol: "consumer" as const, groupRemoteAssignor: "uniform" }
    : { sessionTimeout: Number(args.session), heartbeatInterval: 300 }
const consumer = new Consumer({
  clientId: "platformatic-group",
  bootstrapBrokers: args.bootstrap.split(","),
  groupId: args.group,
  maxWaitTime: 100,
  autocommit: 200,
  metadataMaxAge: 1_000,
  ...ofGroup,
})
let owned = ""
const tellOwned = () => {
  const partitions = consumer.assignments?.flatMap((one) => one.partitions) ?? []
  const now = partitions.toSorted((a, b) => a - b).join(",")
  if (now !== owned) print(`own ${Date.now()} ${now}`)
  owned = now
}
setInterval(tellOwned, 20)

const stream = await consumer.consume({
  topics: [args.topic],
  mode: MessagesStreamModes.COMMITTED,
  fallbackMode: MessagesStreamFallbackModes.EARLIEST,
})
process.stdin.on("end", () => void consumer.close(true).finally(() => process.exit(0)))
process.stdin.resume()
for await (const { partition, offset } of stream) print(`read ${partition} ${offset}`)
