/** kafka-get-offsets as a function of its arguments. */
import type { Client } from "../../client/client.ts"
import { UnsupportedApi } from "../../client/client-error.ts"
import { listLogOffsets, offsetNames } from "../../client/offsets.ts"
import { partitionName } from "../../client/topic-partition.ts"
import type { TopicPartition } from "../../client/topic-partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { filterOf, filterOfRules } from "./partition-filter.ts"
import type { PartitionFilter } from "./partition-filter.ts"
import { asToolError, errorOf } from "./tool-error.ts"
import {
  bootstrapSpec,
  checkBootstrap,
  commandConfigSpec,
  isTerse,
  runTool,
  terseError,
  withToolClient,
} from "./tool-frame.ts"
import type { Tool } from "./tool-frame.ts"
import { requireOption } from "./tool-options.ts"
import type { ToolOptions } from "./tool-options.ts"
import type { ToolOutput } from "./tool-output.ts"

const times: ReadonlyMap<string, number> = new Map([
  ["latest", offsetNames.latest],
  ["earliest", offsetNames.earliest],
  ["max-timestamp", offsetNames.maxTimestamp],
  ["earliest-local", offsetNames.earliestLocal],
  ["latest-tiered", offsetNames.latestTiered],
  ["earliest-pending-upload", offsetNames.earliestPendingUpload],
])

const timeNames = [...times].map(([name, number]) => `${number} or ${name}`).join(" / ")

const tool: Tool = {
  about: "An interactive shell for getting topic-partition offsets.",
  specs: [
    bootstrapSpec,
    commandConfigSpec,
    { name: "exclude-internal-topics", about: "Leave internal topics out." },
    {
      name: "partitions",
      argument: "partition ids",
      about: "These partitions alone, as 0,1,2. Not with --topic-partitions.",
    },
    {
      name: "time",
      argument: `<timestamp> / ${timeNames}`,
      about: "The first offset at or after that time, or a name (latest).",
    },
    {
      name: "topic",
      argument: "topic",
      about: "The topic; a regular expression. All if left out.",
    },
    {
      name: "topic-partitions",
      argument: "topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3",
      about: "Patterns of topics with a partition or a range of them (its end is excluded).",
    },
  ],
  unreadable: ({ message }) => `Error occurred: ${message}\n`,
  check: (options) => {
    requireOption(options, "bootstrap-server")
    checkBootstrap(options)
    const rules = options.has("topic-partitions")
    if (rules && (options.has("topic") || options.has("partitions"))) {
      throw terseError("--topic-partitions cannot be used with --topic or --partitions")
    }
  },
  run: getOffsets,
  failed: (error, output) => {
    output.err(`Error occurred: ${error.message}\n`)
    if (!isTerse(error)) output.err(`${error.toString()}\n\n`)
    return 1
  },
}

export const runGetOffsetsTool = (
  argv: ReadonlyArray<string>,
  output?: ToolOutput,
): Promise<number> => runTool(tool, argv, output)

async function getOffsets(options: ToolOptions, output: ToolOutput): Promise<void> {
  const timestamp = parseTime(options.text("time") ?? "latest")
  const rules = options.text("topic-partitions")
  const filter =
    rules === undefined
      ? filterOf(options.text("topic"), options.text("partitions"))
      : filterOfRules(rules)
  await withToolClient(options, { clientId: "GetOffsetShell" }, async (client) => {
    const internal = !options.has("exclude-internal-topics")
    const partitions = await matching(client, filter, internal)
    if (partitions.length === 0) {
      throw terseError("Could not match any topic-partitions with the specified filters")
    }
    for (const one of await offsets(client, partitions, timestamp)) {
      if (one.error !== undefined) output.err(skipped(one.partition, one.error))
      else if (one.offset >= 0) {
        output.out(`${one.partition.topic}:${one.partition.partition}:${one.offset}\n`)
      }
    }
  })
}

function parseTime(text: string): number {
  const named = times.get(text)
  if (named !== undefined) return named
  if (/^[+-]?\d{1,18}$/.test(text)) return Number(text)
  throw terseError(
    `Malformed time argument ${text}. Please use ${timeNames}, or a specified long format timestamp`,
  )
}

async function matching(
  client: Client,
  filter: PartitionFilter,
  internal: boolean,
): Promise<ReadonlyArray<TopicPartition>> {
  const { topics } = await client.metadata(null)
  return topics
    .filter(({ isInternal }) => internal || !isInternal)
    .flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex }) => ({ topic: name ?? "", partition: partitionIndex })),
    )
    .filter(filter)
    .toSorted((a, b) => (partitionName(a) < partitionName(b) ? -1 : 1))
}

interface Found {
  readonly partition: TopicPartition
  readonly offset: number
  readonly error: string | undefined
}

async function offsets(
  client: Client,
  partitions: ReadonlyArray<TopicPartition>,
  timestamp: number,
): Promise<ReadonlyArray<Found>> {
  try {
    const answers = await listLogOffsets(client, partitions, timestamp)
    return answers.map(({ topic, partition, errorCode, offset }) => {
      const bad = errorCode !== ErrorCode.NONE
      const error = bad ? errorOf(errorCode, null).toString() : undefined
      return { partition: { topic, partition }, offset, error }
    })
  } catch (error) {
    if (!(error instanceof UnsupportedApi)) throw error
    const why = asToolError(error).toString()
    return partitions.map((partition) => ({ partition, offset: -1, error: why }))
  }
}

const skipped = (partition: TopicPartition, error: string): string =>
  `Skip getting offsets for topic-partition ${partitionName(partition)} due to error: ${error}\n`
