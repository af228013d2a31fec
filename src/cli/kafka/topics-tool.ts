/** kafka-topics as a function of its arguments; `topics.ts` is the executable. */
import { Client, parseBootstrap } from "../../client/client.ts"
import { ConnectionLost, UnsupportedApi } from "../../client/client-error.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { createPartitions } from "../../protocol/messages/create-partitions.ts"
import { createTopics } from "../../protocol/messages/create-topics.ts"
import { deleteTopics } from "../../protocol/messages/delete-topics.ts"
import { metadata } from "../../protocol/messages/metadata.ts"
import { uuidFromBase64 } from "../../protocol/uuid.ts"
import { clientSettings } from "./command-config.ts"
import { partitionLine, topicLine, viewConfigs, viewOfMetadata, viewTopics } from "./describe.ts"
import type { PartitionView, TopicView } from "./describe.ts"
import { parseReplicaAssignment } from "./replica-assignment.ts"
import { ToolError, errorOf } from "./tool-error.ts"
import { OptionError, ToolUsageError } from "./tool-options.ts"
import type { ToolOptions } from "./tool-options.ts"
import { standardOutput, toolVersion } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"
import { checkTopicsOptions, help, parseTopicsOptions, reports } from "./topics-options.ts"
import type { TopicsAction } from "./topics-options.ts"

const requestTimeoutMs = 30_000
const partitionsPerPage = 2000

/** Gives the exit code. */
export async function runTopicsTool(
  argv: ReadonlyArray<string>,
  output: ToolOutput = standardOutput,
): Promise<number> {
  let options: ToolOptions
  let action: TopicsAction
  try {
    if (argv.length === 0) {
      throw new ToolUsageError("Create, delete, describe, or change a topic.")
    }
    options = parseTopicsOptions(argv)
    if (options.has("help")) {
      throw new ToolUsageError("This tool helps to create, delete, describe, or change a topic.")
    }
    if (options.has("version")) {
      output.out(`${toolVersion}\n`)
      return 0
    }
    action = checkTopicsOptions(options)
  } catch (error) {
    output.err(`${messageOf(error)}\n${error instanceof ToolUsageError ? help() : ""}`)
    return 1
  }
  try {
    await new TopicsTool(options, output).run(action)
    return 0
  } catch (error) {
    if (error instanceof OptionError) {
      output.err(`${error.message}\n`)
      return 1
    }
    const exception =
      error instanceof ToolError ? error.exception : "java.lang.IllegalArgumentException"
    output.out(`Error while executing topic command : ${messageOf(error)}\n`)
    output.err(`[${timestamp()}] ERROR ${exception}: ${messageOf(error)}\n`)
    output.err(" (org.apache.kafka.tools.TopicCommand)\n")
    return 1
  }
}

class TopicsTool {
  private readonly options: ToolOptions
  private readonly output: ToolOutput

  constructor(options: ToolOptions, output: ToolOutput) {
    this.options = options
    this.output = output
  }

  async run(action: TopicsAction): Promise<void> {
    const bootstrap = parseBootstrap(this.options.text("bootstrap-server") ?? "")
    if (bootstrap === undefined) throw new OptionError("Failed to create new KafkaAdminClient")
    const settings = clientSettings(this.options.text("command-config"))
    const client = new Client({
      bootstrap,
      requestTimeoutMs,
      clientId: "kafka-topics",
      ...settings,
    })
    try {
      await this[action](client)
    } catch (error) {
      throw asToolError(error, action)
    } finally {
      client.close()
    }
  }

  private async list(client: Client): Promise<void> {
    const names = await this.matching(client)
    this.output.out(`${names.join("\n")}\n`)
  }

  private async create(client: Client): Promise<void> {
    const name = this.options.text("topic") ?? ""
    if (/[._]/.test(name)) this.output.out(`${collisionWarning}\n`)
    const replicationFactor = this.options.integer("replication-factor")
    if (replicationFactor !== undefined && (replicationFactor < 1 || replicationFactor > 32_767)) {
      throw new Error("The replication factor must be between 1 and 32767 inclusive")
    }
    const partitions = this.options.integer("partitions")
    if (partitions !== undefined && partitions < 1) {
      throw new Error("The partitions must be greater than 0")
    }
    const placed = this.options.text("replica-assignment")
    const assignments = placed === undefined ? [] : parseReplicaAssignment(placed)
    const configs = this.options.list("config").map(parseConfig)
    const answer = await client.ask(createTopics, {
      topics: [
        {
          name,
          numPartitions: partitions ?? -1,
          replicationFactor: replicationFactor ?? -1,
          assignments: assignments.map((brokerIds, partitionIndex) => ({
            partitionIndex,
            brokerIds,
          })),
          configs,
        },
      ],
      timeoutMs: requestTimeoutMs,
    })
    const result = answer.topics[0]
    const code = result?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    if (code === ErrorCode.TOPIC_ALREADY_EXISTS && this.options.has("if-not-exists")) return
    if (code !== ErrorCode.NONE) throw errorOf(code, result?.errorMessage ?? null)
    this.output.out(`Created topic ${name}.\n`)
  }

  private async alter(client: Client): Promise<void> {
    const names = await this.existing(client)
    const count = this.options.integer("partitions") ?? 0
    const placed = this.options.text("replica-assignment")
    const assignments = placed === undefined ? null : parseReplicaAssignment(placed)
    if (names.length === 0) return
    const connection = await client.any()
    const before = await viewTopics(connection, names, partitionsPerPage)
    const answer = await client.ask(createPartitions, {
      topics: before.map((topic) => ({
        name: topic.name,
        count,
        // Only those of the new partitions are taken.
        assignments:
          assignments?.slice(topic.partitions.length).map((brokerIds) => ({ brokerIds })) ?? null,
      })),
      timeoutMs: requestTimeoutMs,
    })
    for (const { errorCode, errorMessage } of answer.results) {
      if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, errorMessage)
    }
  }

  private async delete(client: Client): Promise<void> {
    const names = await this.existing(client)
    if (names.length === 0) return
    const answer = await client.ask(deleteTopics, {
      topics: names.map((name) => ({ name })),
      topicNames: names,
      timeoutMs: requestTimeoutMs,
    })
    for (const { errorCode, errorMessage } of answer.responses) {
      if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, errorMessage)
    }
  }

  private async describe(client: Client): Promise<void> {
    const connection = await client.any()
    const limit = this.options.integer("partition-size-limit-per-response") ?? partitionsPerPage
    const topics = this.options.has("topic-id")
      ? await this.byId(client)
      : await viewTopics(connection, await this.existing(client), limit)
    if (topics.length === 0) return
    const cluster = await connection.request(metadata, { topics: [] })
    const liveBrokers = new Set(cluster.brokers.map((broker) => broker.nodeId))
    const configs = await viewConfigs(
      connection,
      topics.map((topic) => topic.name),
    )
    const overridesOnly = this.options.has("topics-with-overrides")
    const filtered = reports.some((report) => this.options.has(report))
    for (const topic of topics) {
      const own = configs?.own.get(topic.name) ?? new Map<string, string>()
      if (!filtered && (!overridesOnly || own.size > 0))
        this.output.out(`${topicLine(topic, own)}\n`)
      if (overridesOnly) continue
      const minimum = configs?.all.get(topic.name)?.get("min.insync.replicas")
      for (const partition of topic.partitions) {
        if (filtered && !this.isReported(partition, liveBrokers, minimum)) continue
        this.output.out(`${partitionLine(topic.name, partition)}\n`)
      }
    }
  }

  private isReported(
    partition: PartitionView,
    liveBrokers: ReadonlySet<number>,
    minInsyncReplicas: string | undefined,
  ): boolean {
    const { options } = this
    const inSync = partition.isr.length
    const minimum = Number(minInsyncReplicas)
    const asksMinimum =
      options.has("under-min-isr-partitions") || options.has("at-min-isr-partitions")
    if (asksMinimum && minInsyncReplicas === undefined) {
      const exception = "org.apache.kafka.common.errors.UnsupportedVersionException"
      throw new ToolError(exception, "The node does not support DESCRIBE_CONFIGS")
    }
    return (
      (options.has("under-replicated-partitions") && inSync < partition.replicas.length) ||
      (options.has("unavailable-partitions") &&
        (partition.leader < 0 || !liveBrokers.has(partition.leader))) ||
      (options.has("under-min-isr-partitions") && inSync < minimum) ||
      (options.has("at-min-isr-partitions") && inSync === minimum)
    )
  }

  private async byId(client: Client): Promise<ReadonlyArray<TopicView>> {
    const text = this.options.text("topic-id") ?? ""
    const topicId = uuidFromBase64(text)
    if (topicId === undefined) {
      const { length } = Buffer.from(text, "base64url")
      throw new Error(
        `Input string \`${text}\` decoded as ${length} bytes, ` +
          "which is not equal to the expected 16 bytes of a base64-encoded UUID",
      )
    }
    const answer = await client.ask(metadata, { topics: null })
    const found = answer.topics.filter((topic) => topic.topicId === topicId)
    if (found.length === 0 && !this.options.has("if-exists")) {
      throw new Error(`TopicId '${text}' does not exist as expected`)
    }
    return found.map(viewOfMetadata)
  }

  /** Names that --topic matches; an error when it matches none, unless --if-exists. */
  private async existing(client: Client): Promise<ReadonlyArray<string>> {
    const names = await this.matching(client)
    const topic = this.options.text("topic")
    if (names.length === 0 && topic !== undefined && !this.options.has("if-exists")) {
      throw new Error(`Topic '${topic}' does not exist as expected`)
    }
    return names
  }

  private async matching(client: Client): Promise<ReadonlyArray<string>> {
    const answer = await client.ask(metadata, { topics: null })
    const pattern = topicPattern(this.options.text("topic"))
    const names: string[] = []
    for (const topic of answer.topics) {
      if (topic.name === null || !pattern.test(topic.name)) continue
      if (topic.isInternal && this.options.has("exclude-internal")) continue
      names.push(topic.name)
    }
    return names.sort()
  }
}

const collisionWarning =
  "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') could collide. " +
  "To avoid issues it is best to use either, but not both."

/** Kafka's list of patterns: commas stand for alternatives, quotes around it are dropped. */
function topicPattern(text: string | undefined): RegExp {
  if (text === undefined) return /^/
  const source = text
    .trim()
    .replaceAll(",", "|")
    .replaceAll(" ", "")
    .replaceAll(/^["']+|["']+$/g, "")
  try {
    return new RegExp(`^(?:${source})$`)
  } catch {
    throw new Error(`${source} is an invalid regex.`)
  }
}

function parseConfig(text: string): { readonly name: string; readonly value: string } {
  const at = text.indexOf("=")
  if (at < 0) {
    throw new Error(
      'requirement failed: Invalid topic config: all configs to be added must be in the format "key=val".',
    )
  }
  return { name: text.slice(0, at).trim(), value: text.slice(at + 1).trim() }
}

const calls: Readonly<Record<TopicsAction, string>> = {
  list: "listTopics",
  describe: "listTopics",
  create: "createTopics",
  alter: "listTopics",
  delete: "listTopics",
}

function asToolError(error: unknown, action: TopicsAction): unknown {
  if (error instanceof ConnectionLost) {
    const why = `Timed out waiting for a node assignment. Call: ${calls[action]} (${error.message})`
    return new ToolError("org.apache.kafka.common.errors.TimeoutException", why)
  }
  if (error instanceof UnsupportedApi) {
    return new ToolError(
      "org.apache.kafka.common.errors.UnsupportedVersionException",
      error.message,
    )
  }
  return error
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** As log4j prints it. */
function timestamp(): string {
  return new Date().toISOString().replace("T", " ").replace(".", ",").replace("Z", "")
}
