/** kafka-log-dirs as a function of its arguments. */
import { logDirsOf } from "../../client/cluster.ts"
import type { LogDirs } from "../../client/cluster.ts"
import { partitionName } from "../../client/topic-partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { ToolError, errorOf } from "./tool-error.ts"
import {
  bootstrapSpec,
  commandConfigSpec,
  runTool,
  terseError,
  withToolClient,
} from "./tool-frame.ts"
import type { Tool } from "./tool-frame.ts"
import { requireOption } from "./tool-options.ts"
import type { ToolOptions } from "./tool-options.ts"
import type { ToolOutput } from "./tool-output.ts"

const tool: Tool = {
  about: "This tool helps to query log directory usage on the specified brokers.",
  specs: [
    bootstrapSpec,
    {
      name: "broker-list",
      argument: "Broker list",
      about: "The brokers to ask, as 0,1,2. All if left out.",
    },
    commandConfigSpec,
    { name: "describe", about: "REQUIRED: describe the log directories." },
    {
      name: "topic-list",
      argument: "Topic list",
      about: "The topics to show, as topic1,topic2. All if left out.",
    },
  ],
  check: (options) => {
    requireOption(options, "bootstrap-server")
    requireOption(options, "describe")
  },
  run: describe,
}

export const runLogDirsTool = (argv: ReadonlyArray<string>, output?: ToolOutput): Promise<number> =>
  runTool(tool, argv, output)

async function describe(options: ToolOptions, output: ToolOutput): Promise<void> {
  const topics = new Set(listIn(options.text("topic-list")))
  const asked = listIn(options.text("broker-list")).map(brokerId)
  await withToolClient(options, { clientId: "log-dirs-tool" }, async (client) => {
    const { brokers } = await client.metadata([])
    const live = brokers.map(({ nodeId }) => nodeId).toSorted((a, b) => a - b)
    const unknown = [...new Set(asked)].filter((id) => !live.includes(id))
    if (unknown.length > 0) {
      throw terseError(
        `ERROR: The given brokers do not exist from --broker-list: ${unknown.join(",")}. ` +
          `Current existent brokers: ${live.join(",")}`,
      )
    }
    const wanted = asked.length === 0 ? live : live.filter((id) => asked.includes(id))
    output.out("Querying brokers for log directories information\n")
    const dirs = await Promise.all(wanted.map((id) => logDirsOf(client, id)))
    output.out(`Received log directory information from brokers ${wanted.join(",")}\n`)
    const shown = wanted.map((broker, i) => ({ broker, logDirs: dirsShown(dirs[i] ?? [], topics) }))
    output.out(`${JSON.stringify({ brokers: shown, version: 1 })}\n`)
  })
}

const listIn = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").split(",").filter((word) => word !== "")

function brokerId(word: string): number {
  if (/^[+-]?\d{1,9}$/.test(word)) return Number(word)
  throw new ToolError("java.lang.NumberFormatException", `For input string: "${word}"`)
}

/** With the fields in the order in which Kafka's tool happens to write them. */
function dirsShown(dirs: LogDirs, topics: ReadonlySet<string>) {
  return dirs.map(({ errorCode, logDir, topics: own }) => ({
    partitions: own
      .filter(({ name }) => topics.size === 0 || topics.has(name))
      .flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, partitionSize, offsetLag, isFutureKey }) => ({
          partition: partitionName({ topic: name, partition: partitionIndex }),
          size: partitionSize,
          offsetLag,
          isFuture: isFutureKey,
        })),
      ),
    error: errorCode === ErrorCode.NONE ? null : errorOf(errorCode, null).exception,
    logDir,
  }))
}
