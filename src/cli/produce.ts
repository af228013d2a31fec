/** `varve produce`: records from the command line, a file or standard input. */
import { statSync } from "node:fs"
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/client.ts"
import { Producer } from "../client/producer.ts"
import type { ProducedRecord, Receipt } from "../client/producer.ts"
import {
  WrongUsage,
  connectionFlags,
  given,
  print,
  printJson,
  withClient,
} from "./client-effect.ts"
import { readLines } from "./kafka/line-reader.ts"
import { ProgressBar } from "./terminal.ts"

const compressions = ["none", "gzip", "snappy", "lz4", "zstd"] as const
const acknowledgements = { all: -1, "1": 1, "0": 0 } as const

const flags = {
  ...connectionFlags,
  topic: Argument.String("topic").pipe(Argument.withDescription("name of the topic")),
  values: Argument.String("value").pipe(
    Argument.withDescription("records; lines of standard input if left out"),
    Argument.variadic(),
  ),
  key: Flag.String("key").pipe(
    Flag.withAlias("k"),
    Flag.withDescription("key of every record"),
    Flag.optional,
  ),
  separator: Flag.String("key-separator").pipe(
    Flag.withDescription("each line is a key, this, and a value"),
    Flag.optional,
  ),
  header: Flag.KeyValuePair("header").pipe(
    Flag.withAlias("H"),
    Flag.withDescription("a header of every record, name=value"),
    Flag.optional,
  ),
  file: Flag.String("file").pipe(
    Flag.withAlias("f"),
    Flag.withDescription("lines of that file instead"),
    Flag.optional,
  ),
  partition: Flag.Int("partition").pipe(
    Flag.withDescription("to that partition; by key if left out"),
    Flag.optional,
  ),
  acks: Flag.Literals("acks", ["all", "1", "0"]).pipe(
    Flag.withDescription("how durable a record must be before it counts as written"),
    Flag.withDefault("all" as const),
  ),
  compression: Flag.Literals("compression", compressions).pipe(
    Flag.withDescription("of batches"),
    Flag.withDefault("none" as const),
  ),
}

interface Written {
  readonly records: number
  /** By partition: how many, and the first offset; −1 where it is not told. */
  readonly partitions: ReadonlyMap<number, { readonly records: number; readonly first: number }>
}

interface Source {
  readonly lines: AsyncIterable<string>
  /** Bytes in all, where they are known. */
  readonly bytes: number | undefined
}

async function* listed(values: ReadonlyArray<string>): AsyncGenerator<string> {
  yield* values
}

function sourceOf(values: ReadonlyArray<string>, file: string | undefined): Source {
  if (values.length > 0) return { lines: listed(values), bytes: undefined }
  if (file === undefined) return { lines: readLines(Bun.stdin.stream()), bytes: undefined }
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat === undefined) throw new WrongUsage(`--file ${file}: there is no such file`)
  return { lines: readLines(Bun.file(file).stream()), bytes: stat.size }
}

interface Shape {
  readonly key: string | undefined
  readonly separator: string | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly partition: number | undefined
}

/** Throws for a line without the separator. */
export function recordOf(line: string, shape: Shape): ProducedRecord {
  const at = shape.separator === undefined ? -1 : line.indexOf(shape.separator)
  if (shape.separator !== undefined && at < 0) {
    throw new Error(`a line without the key separator "${shape.separator}": ${line}`)
  }
  const key = at < 0 ? shape.key : line.slice(0, at)
  const value = at < 0 ? line : line.slice(at + (shape.separator?.length ?? 0))
  return {
    key: key === undefined ? null : Buffer.from(key),
    value: Buffer.from(value),
    headers: Object.entries(shape.headers).map(([name, text]) => ({
      key: name,
      value: Buffer.from(text),
    })),
    ...(shape.partition === undefined ? {} : { partition: shape.partition }),
  }
}

async function write(producer: Producer, source: Source, shape: Shape): Promise<Written> {
  const partitions = new Map<number, { records: number; first: number }>()
  const bar = source.bytes === undefined ? undefined : new ProgressBar("bytes", source.bytes)
  let records = 0
  let bytes = 0
  let failure: unknown
  const count = ({ partition, offset }: Receipt) => {
    const known = partitions.get(partition)
    if (known === undefined) partitions.set(partition, { records: 1, first: offset })
    else {
      known.records++
      known.first = Math.min(known.first, offset)
    }
  }
  for await (const line of source.lines) {
    if (failure !== undefined) break
    const { receipt } = await producer.send(recordOf(line, shape))
    receipt.then(count, (error: unknown) => {
      failure ??= error
    })
    records++
    bytes += Buffer.byteLength(line) + 1
    bar?.update(bytes)
  }
  await producer.flush()
  bar?.end()
  if (failure !== undefined) throw failure
  return { records, partitions }
}

function formatWritten(topic: string, { records, partitions }: Written): string {
  const places = [...partitions]
    .toSorted(([a], [b]) => a - b)
    .map(([partition, { records: own, first }]) => {
      const where = first < 0 ? "" : ` from offset ${first}`
      return `${own} in partition ${partition}${where}`
    })
  const what = `${records} ${records === 1 ? "record" : "records"}`
  return `produced ${what} to ${topic}${places.length === 0 ? "" : `: ${places.join(", ")}`}\n`
}

export const produceCommand = Command.make(
  "produce",
  flags,
  Effect.fn("produce")(function* ({ bootstrap, json, topic, values, ...options }) {
    const shape = {
      key: given(options.key),
      separator: given(options.separator),
      headers: given(options.header) ?? {},
      partition: given(options.partition),
    }
    const written = yield* withClient(bootstrap, (client: Client) => {
      const { acks, compression } = options
      const settings = { acks: acknowledgements[acks], compression, lingerMs: 20, maxBlockMs: 5000 }
      const producer = new Producer(client, topic, { ...settings, batchBytes: 256 * 1024 })
      return write(producer, sourceOf(values, given(options.file)), shape)
    })
    const partitions = [...written.partitions].map(([partition, one]) => ({ partition, ...one }))
    yield* json
      ? printJson({ topic, records: written.records, partitions })
      : print(formatWritten(topic, written))
  }),
).pipe(
  Command.withDescription("Write records to a topic"),
  Command.withExamples([
    { command: 'varve produce orders "one" "two"', description: "two records" },
    {
      command: "varve produce orders --key-separator : < orders.txt",
      description: "a record per line, key:value",
    },
    {
      command: "varve produce events --file events.jsonl --compression zstd",
      description: "a file, with a progress bar",
    },
  ]),
)
