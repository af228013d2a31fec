/** kafka-leader-election as a function of its arguments. */
import { electLeadersOf } from "../../client/cluster.ts"
import { partitionName } from "../../client/topic-partition.ts"
import type { TopicPartition } from "../../client/topic-partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { integerIn, parseObject, partitionsIn, readText, stringIn } from "./json-file.ts"
import { ToolError, asToolError, errorOf } from "./tool-error.ts"
import { bootstrapSpec, commandConfigSpec, runTool, withToolClient } from "./tool-frame.ts"
import type { Tool } from "./tool-frame.ts"
import { OptionArgumentError, refuseTogether } from "./tool-options.ts"
import type { ToolOptions } from "./tool-options.ts"
import type { ToolOutput } from "./tool-output.ts"

const commandFailed = (message: string): ToolError =>
  new ToolError("org.apache.kafka.tools.AdminCommandFailedException", message)

const scopes = ["topic", "all-topic-partitions", "path-to-json-file"]

const tool: Tool = {
  about:
    "This tool attempts to elect a new leader for a set of topic partitions. The type of elections " +
    "supported are preferred replicas and unclean replicas.",
  specs: [
    {
      name: "admin.config",
      argument: "config file",
      about: "DEPRECATED: use --command-config.",
    },
    { name: "all-topic-partitions", about: "Wherever an election of that type is needed." },
    bootstrapSpec,
    commandConfigSpec,
    {
      name: "election-type",
      argument: "election type",
      about: 'REQUIRED: "preferred", where the leader is not the first replica, or "unclean".',
    },
    { name: "partition", argument: "partition id", integer: true, about: "With --topic." },
    {
      name: "path-to-json-file",
      argument: "Path to JSON file",
      about: '{"partitions":[{"topic":"foo","partition":1}]}',
    },
    { name: "topic", argument: "topic name", about: "The topic of the one partition." },
  ],
  check,
  run: elect,
}

export const runLeaderElectionTool = (
  argv: ReadonlyArray<string>,
  output?: ToolOutput,
): Promise<number> => runTool(tool, argv, output)

function check(options: ToolOptions): void {
  const missing = ["bootstrap-server", "election-type"].filter((name) => !options.has(name))
  if (missing.length > 0) throw commandFailed(`Missing required option(s): ${missing.join(", ")}`)
  refuseTogether(options, "admin.config", ["command-config"])
  if (scopes.filter((name) => options.has(name)).length !== 1) {
    const all = scopes.join(", ")
    throw commandFailed(`One and only one of the following options is required: ${all}`)
  }
  if (options.has("topic") && !options.has("partition")) {
    throw commandFailed("Missing required option(s): partition")
  }
  if (!options.has("topic") && options.has("partition")) {
    throw commandFailed("Option partition is only allowed if topic is used")
  }
}

function electionType(options: ToolOptions): "PREFERRED" | "UNCLEAN" {
  const text = options.text("election-type") ?? ""
  const type = text.toUpperCase()
  if (type === "PREFERRED" || type === "UNCLEAN") return type
  throw new OptionArgumentError(`Cannot parse argument '${text}' of option election-type`)
}

/** Throws with the sentences of Kafka's tool. */
export function parseElection(text: string): ReadonlyArray<TopicPartition> {
  const json = parseObject(text, "Replica election data is empty")
  const missing = 'Replica election data is missing "partitions" field'
  const partitions = partitionsIn(json, missing).map((entry) => ({
    topic: stringIn(entry, "topic"),
    partition: integerIn(entry, "partition", "Integer"),
  }))
  const all = partitions.map(partitionName)
  const twice = [...new Set(all.filter((name, i) => all.indexOf(name) !== i))]
  if (twice.length === 0) return partitions
  throw new ToolError(
    "org.apache.kafka.tools.AdminOperationException",
    `Replica election data contains duplicate partitions: [${twice.join(", ")}]`,
  )
}

function partitionsOf(options: ToolOptions): ReadonlyArray<TopicPartition> | undefined {
  const path = options.text("path-to-json-file")
  if (path !== undefined) return parseElection(readText(path))
  const topic = options.text("topic")
  const partition = options.integer("partition")
  return topic === undefined || partition === undefined ? undefined : [{ topic, partition }]
}

const names = (partitions: ReadonlyArray<TopicPartition>): string =>
  partitions.map(partitionName).join(", ")

async function elect(options: ToolOptions, output: ToolOutput): Promise<void> {
  const type = electionType(options)
  const partitions = partitionsOf(options)
  const config = options.text("admin.config")
  if (config !== undefined) {
    output.out(
      "Option --admin.config has been deprecated and will be removed in a future version. " +
        "Use --command-config instead.\n",
    )
  }
  const connecting = {
    clientId: "kafka-leader-election",
    ...(config === undefined ? {} : { config }),
  }
  await withToolClient(options, connecting, async (client) => {
    const unclean = type === "UNCLEAN"
    const results = await electLeadersOf(client, unclean, partitions).catch((error: unknown) => {
      throw electionFailure(error, output)
    })
    const having = (codes: ReadonlyArray<number>) =>
      results.filter(({ errorCode }) => codes.includes(errorCode))
    const succeeded = having([ErrorCode.NONE])
    if (succeeded.length > 0) {
      const what = `Successfully completed leader election (${type}) for partitions`
      output.out(`${what} ${names(succeeded)}\n`)
    }
    const noop = having([ErrorCode.ELECTION_NOT_NEEDED])
    if (noop.length > 0) {
      output.out(`Valid replica already elected for partitions ${names(noop)}\n`)
    }
    const failed = results.filter((one) => !succeeded.includes(one) && !noop.includes(one))
    for (const one of failed) {
      const error = errorOf(one.errorCode, one.errorMessage).toString()
      const what = `Error completing leader election (${type}) for partition`
      output.out(`${what}: ${partitionName(one)}: ${error}\n`)
    }
    if (failed.length > 0) throw commandFailed(`${failed.length} replica(s) could not be elected`)
  })
}

function electionFailure(error: unknown, output: ToolOutput): ToolError {
  const known = asToolError(error, "electLeaders")
  if (!known.exception.endsWith(".TimeoutException")) return known
  const message = "Timeout waiting for election results"
  output.out(`${message}\n`)
  return commandFailed(message)
}
