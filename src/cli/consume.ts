/** `varve consume`: shows the records of a topic, to its end or as they come. */
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/client.ts"
import { Consumer } from "../client/consumer.ts"
import type { ConsumedRecord } from "../client/fetched-records.ts"
import { check } from "../client/groups.ts"
import { logOffsets, offsetNames } from "../client/offsets.ts"
import { partitionName } from "../client/topic-partition.ts"
import type { TopicPartition } from "../client/topic-partition.ts"
import { ErrorCode } from "../protocol/error-codes.ts"
import { WrongUsage, connectionFlags, given, withClient } from "./client-effect.ts"
import { writeStandard } from "./kafka/tool-output.ts"
import { startingPoint } from "./reset-target.ts"
import type { StartingPoint } from "./reset-target.ts"
import { ProgressBar, isColoured, toned } from "./terminal.ts"

const flags = {
  ...connectionFlags,
  topic: Argument.String("topic").pipe(Argument.withDescription("name of the topic")),
  from: Flag.String("from").pipe(
    Flag.withDescription(
      "beginning, end, an offset, a time (2026-11-21T08:00) or an age (90s, 15m, 2h, 7d); " +
        "beginning, or with --follow end, if left out",
    ),
    Flag.optional,
  ),
  follow: Flag.Boolean("follow").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("go on with what comes, until Ctrl-C"),
    Flag.withDefault(false),
  ),
  max: Flag.Int("max").pipe(
    Flag.withAlias("n"),
    Flag.withDescription("end after so many"),
    Flag.optional,
  ),
  partition: Flag.Int("partition").pipe(
    Flag.withDescription("that partition alone"),
    Flag.optional,
  ),
  group: Flag.String("group").pipe(
    Flag.withAlias("g"),
    Flag.withDescription("as a member of that group: from where it is, and committing"),
    Flag.optional,
  ),
  values: Flag.Boolean("values").pipe(
    Flag.withDescription("only the values, one per line"),
    Flag.withDefault(false),
  ),
  committed: Flag.Boolean("read-committed").pipe(
    Flag.withDescription("without what open or aborted transactions wrote"),
    Flag.withDefault(false),
  ),
}

interface Reading {
  readonly topic: string
  readonly start: StartingPoint
  readonly follow: boolean
  readonly max: number
  readonly partition: number | undefined
  readonly group: string | undefined
  readonly readCommitted: boolean
  readonly format: (record: ConsumedRecord) => Uint8Array
}

const text = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString()

/** One line, without colour unless asked. */
export function formatRecord(record: ConsumedRecord, coloured: boolean): string {
  const { timestamp, partition, offset, key, value, headers } = record
  const time = timestamp < 0 ? "-" : new Date(timestamp).toISOString()
  const names = headers.map((header) => `${header.key}=${text(header.value) ?? "null"}`)
  return [
    toned(`${time}  ${partition}:${offset}`, "dim", coloured),
    ...(names.length === 0 ? [] : [toned(`{${names.join(", ")}}`, "dim", coloured)]),
    ...(key === null ? [] : [toned(text(key) ?? "", "good", coloured)]),
    text(value) ?? toned("(deleted)", "warning", coloured),
  ].join("  ")
}

const jsonOf = ({ topic, partition, offset, timestamp, key, value, headers }: ConsumedRecord) =>
  JSON.stringify({
    topic,
    partition,
    offset,
    timestamp,
    key: text(key),
    value: text(value),
    headers: headers.map((header) => ({ key: header.key, value: text(header.value) })),
  })

function formatter(json: boolean, values: boolean): (record: ConsumedRecord) => Uint8Array {
  const end = Buffer.from("\n")
  if (values) return ({ value }) => Buffer.concat([value ?? Buffer.alloc(0), end])
  if (json) return (record) => Buffer.from(`${jsonOf(record)}\n`)
  const coloured = isColoured(process.stdout)
  return (record) => Buffer.from(`${formatRecord(record, coloured)}\n`)
}

async function partitionsOf(
  client: Client,
  topic: string,
  partition: number | undefined,
): Promise<ReadonlyArray<TopicPartition>> {
  const { topics } = await client.metadata([topic])
  check(topics[0]?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, topic)
  const all = (topics[0]?.partitions ?? []).map((one) => ({ topic, partition: one.partitionIndex }))
  if (partition === undefined) return all
  if (!all.some((one) => one.partition === partition)) {
    throw new WrongUsage(
      `--partition ${partition}: ${topic} has the partitions 0 to ${all.length - 1}`,
    )
  }
  return [{ topic, partition }]
}

async function starts(
  client: Client,
  partitions: ReadonlyArray<TopicPartition>,
  start: StartingPoint,
): Promise<ReadonlyArray<TopicPartition & { readonly offset: number }>> {
  if (start._tag === "time") {
    const found = await logOffsets(client, partitions, start.ms)
    return partitions.map((one) => {
      const offset = found.get(partitionName(one)) ?? -1
      return { ...one, offset: offset < 0 ? offsetNames.latest : offset }
    })
  }
  const offset =
    start._tag === "offset"
      ? start.offset
      : start._tag === "beginning"
        ? offsetNames.earliest
        : offsetNames.latest
  return partitions.map((one) => ({ ...one, offset }))
}

/** Gives how many were shown. */
async function read(client: Client, reading: Reading): Promise<number> {
  const { topic, group, follow, start, readCommitted } = reading
  const partitions = await partitionsOf(client, topic, reading.partition)
  const options = { readCommitted }
  const ends = await logOffsets(client, partitions, offsetNames.latest, options)
  const beginning = start._tag === "beginning"
  const offsetReset = beginning ? "earliest" : "latest"
  const consumer = new Consumer(client, { offsetReset, readCommitted })
  if (group === undefined) consumer.assign(await starts(client, partitions, start))
  else consumer.subscribe({ topics: [topic] }, { groupId: group })
  const stop = new AbortController()
  const interrupted = () => {
    stop.abort()
    consumer.wakeUp()
  }
  process.once("SIGINT", interrupted)
  const total = [...ends.values()].reduce((sum, end) => sum + end, 0)
  const bar = process.stdout.isTTY ? undefined : new ProgressBar("records", total)
  let shown = 0
  try {
    while (!stop.signal.aborted && shown < reading.max) {
      const records = await consumer.poll(1000, Math.min(500, reading.max - shown))
      shown += records.length
      bar?.update(shown)
      const bytes = Buffer.concat(records.map(reading.format))
      if (bytes.length > 0 && !writeStandard(1, bytes)) break
      if (!follow && isAtEnd(consumer, ends)) break
    }
  } finally {
    bar?.end()
    process.off("SIGINT", interrupted)
    await consumer.close()
  }
  return shown
}

/** Nothing is left of what was there when the command began. */
function isAtEnd(consumer: Consumer, ends: ReadonlyMap<string, number>): boolean {
  const { assignment } = consumer
  return (
    assignment.length > 0 &&
    assignment.every((one) => (consumer.position(one) ?? -1) >= (ends.get(partitionName(one)) ?? 0))
  )
}

export const consumeCommand = Command.make(
  "consume",
  flags,
  Effect.fn("consume")(function* ({ bootstrap, json, topic, follow, ...options }) {
    const from = given(options.from) ?? (follow ? "end" : "beginning")
    yield* withClient(bootstrap, (client) => {
      const start = startingPoint(from, Date.now())
      if (start === undefined) {
        throw new WrongUsage(
          `--from ${from}: expected beginning, end, an offset, a time or an age such as 2h`,
        )
      }
      return read(client, {
        topic,
        start,
        follow,
        max: given(options.max) ?? Infinity,
        partition: given(options.partition),
        group: given(options.group),
        readCommitted: options.committed,
        format: formatter(json, options.values),
      })
    })
  }),
).pipe(
  Command.withDescription("Show the records of a topic, to its end or as they come"),
  Command.withExamples([
    { command: "varve consume orders", description: "everything in it" },
    { command: "varve consume orders --follow", description: "what comes from now on" },
    { command: "varve consume orders --from 15m --json", description: "a JSON object per line" },
    {
      command: "varve consume orders --group billing --follow",
      description: "share the work with the other members of the group",
    },
  ]),
)
