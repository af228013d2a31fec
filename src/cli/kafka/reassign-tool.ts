/** kafka-reassign-partitions as a function of its arguments. Throttles do not exist here. */
import { Client, parseBootstrap } from "../../client/client.ts"
import { ConnectionLost, UnsupportedApi } from "../../client/client-error.ts"
import { placeReplicas } from "../../cluster/placement.ts"
import { ErrorCode, errorName } from "../../protocol/error-codes.ts"
import {
  alterPartitionReassignments,
  listPartitionReassignments,
} from "../../protocol/reassignments.ts"
import { clientSettings } from "./command-config.ts"
import { checkReassignOptions, help, parseReassignOptions } from "./reassign-options.ts"
import type { ReassignAction } from "./reassign-options.ts"
import { formatTargets, nameOf, readBrokers, readTargets, readTopics } from "./reassignment-file.ts"
import type { PartitionTarget } from "./reassignment-file.ts"
import { ToolError, errorOf } from "./tool-error.ts"
import { OptionError, ToolUsageError } from "./tool-options.ts"
import type { ToolOptions } from "./tool-options.ts"
import { standardOutput, toolVersion } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"

const requestTimeoutMs = 30_000
const about = "This tool helps to move topic partitions between replicas."

/** Said as it is, without "Error:". */
class Refusal extends Error {
  override readonly name = "Refusal"
}

interface Ongoing extends PartitionTarget {
  readonly adding: ReadonlyArray<number>
  readonly removing: ReadonlyArray<number>
}

/** Gives the exit code. */
export async function runReassignTool(
  argv: ReadonlyArray<string>,
  output: ToolOutput = standardOutput,
): Promise<number> {
  let options: ToolOptions
  let action: ReassignAction
  try {
    if (argv.length === 0) throw new ToolUsageError(about)
    options = parseReassignOptions(argv)
    if (options.has("help")) throw new ToolUsageError(about)
    if (options.has("version")) {
      output.out(`${toolVersion}\n`)
      return 0
    }
    action = checkReassignOptions(options)
  } catch (error) {
    output.err(`${messageOf(error)}\n${error instanceof ToolUsageError ? help() : ""}`)
    return 1
  }
  try {
    await new ReassignTool(options, output).run(action)
    return 0
  } catch (error) {
    if (error instanceof OptionError) output.err(`${error.message}\n`)
    else if (error instanceof Refusal) output.out(`${error.message}\n`)
    else {
      output.out(`Error: ${describe(error)}\n`)
    }
    return 1
  }
}

class ReassignTool {
  readonly #options: ToolOptions
  readonly #output: ToolOutput

  constructor(options: ToolOptions, output: ToolOutput) {
    this.#options = options
    this.#output = output
  }

  async run(action: ReassignAction): Promise<void> {
    const bootstrap = parseBootstrap(this.#options.text("bootstrap-server") ?? "")
    if (bootstrap === undefined) throw new OptionError("Failed to create new KafkaAdminClient")
    const settings = clientSettings(this.#options.text("command-config"))
    const clientId = "kafka-reassign-partitions"
    const client = new Client({ bootstrap, requestTimeoutMs, clientId, ...settings })
    try {
      await this[action](client)
    } finally {
      client.close()
    }
  }

  #print(line: string): void {
    this.#output.out(`${line}\n`)
  }

  #targets(): ReadonlyArray<PartitionTarget> {
    return readTargets(this.#options.text("reassignment-json-file") ?? "")
  }

  private async list(client: Client): Promise<void> {
    const ongoing = await listOngoing(client)
    if (ongoing.length === 0) return this.#print("No partition reassignments found.")
    this.#print("Current partition reassignments:")
    for (const one of ongoing) {
      const changes = `${listed("adding", one.adding)}${listed("removing", one.removing)}`
      this.#print(`${nameOf(one)}: replicas: ${one.replicas.join(",")}.${changes}`)
    }
  }

  private async verify(client: Client): Promise<void> {
    const targets = this.#targets()
    const ongoing = new Set((await listOngoing(client)).map(nameOf))
    const current = await replicasOf(client, topicsOf(targets))
    this.#print("Status of partition reassignment:")
    for (const target of targets) {
      const name = nameOf(target)
      const replicas = (current.get(name) ?? []).join(",")
      const wanted = target.replicas.join(",")
      if (ongoing.has(name)) this.#print(`Reassignment of partition ${name} is still in progress.`)
      else if (replicas === wanted) this.#print(`Reassignment of partition ${name} is completed.`)
      else {
        this.#print(
          `There is no active reassignment of partition ${name}, but replica set is ` +
            `${replicas} rather than ${wanted}.`,
        )
      }
    }
    this.#print("")
  }

  private async execute(client: Client): Promise<void> {
    const targets = this.#targets()
    if (!this.#options.has("additional") && (await listOngoing(client)).length > 0) {
      throw new Refusal(
        "Cannot execute because there is an existing partition assignment.  Use --additional to " +
          "override this and create a new partition assignment in addition to the existing one. " +
          "The --additional flag can also be used to change the throttle by resubmitting the " +
          "current reassignment.",
      )
    }
    const { brokers } = await client.metadata([])
    const unknown = targets
      .flatMap(({ replicas }) => replicas)
      .find((id) => !brokers.some(({ nodeId }) => nodeId === id))
    if (unknown !== undefined) throw new Error(`Unknown broker id ${unknown}`)
    const current = await replicasOf(client, topicsOf(targets))
    const before = targets.map((target) => ({ ...target, replicas: presentOf(current, target) }))
    this.#print(`Current partition replica assignment\n\n${formatTargets(before)}\n`)
    this.#print("Save this to use as the --reassignment-json-file option during rollback")
    const allow = !this.#options.has("disallow-replication-factor-change")
    const errors = await alter(client, targets, allow)
    if (errors.length > 0) {
      throw new Refusal(`Error reassigning partition(s):\n${errors.join("\n")}`)
    }
    this.#print(
      `Successfully started partition reassignment${plural(targets)} for ${names(targets)}`,
    )
  }

  private async cancel(client: Client): Promise<void> {
    const ongoing = new Set((await listOngoing(client)).map(nameOf))
    const active = this.#targets().filter((target) => ongoing.has(nameOf(target)))
    if (active.length === 0) {
      this.#print("None of the specified partition reassignments are active.")
    } else {
      const errors = await alter(
        client,
        active.map((target) => ({ ...target, replicas: null })),
        true,
      )
      if (errors.length > 0) {
        const what = `Error cancelling partition reassignment${plural(active)} for:`
        throw new Refusal(`${what}\n${errors.join("\n")}`)
      }
      this.#print(
        `Successfully cancelled partition reassignment${plural(active)} for: ${names(active)}`,
      )
    }
    this.#print("None of the specified partition moves are active.")
  }

  private async generate(client: Client): Promise<void> {
    const wanted = readBrokers(this.#options.text("broker-list") ?? "")
    const topics = readTopics(this.#options.text("topics-to-move-json-file") ?? "")
    const { brokers } = await client.metadata([])
    const unknown = wanted.find((id) => !brokers.some(({ nodeId }) => nodeId === id))
    if (unknown !== undefined) throw new Error(`Unknown broker id ${unknown}`)
    const current = await targetsOf(client, topics)
    const racks = this.#options.has("disable-rack-aware")
    const chosen = brokers
      .filter(({ nodeId }) => wanted.includes(nodeId))
      .map(({ nodeId, rack }) => ({ id: nodeId, rack: racks ? null : rack, fenced: false }))
    let start = 0
    const proposed = topics.flatMap((topic) => {
      const own = current.filter((target) => target.topic === topic)
      const factor = own[0]?.replicas.length ?? 1
      if (factor > chosen.length) {
        throw new ToolError(
          "org.apache.kafka.common.errors.InvalidReplicationFactorException",
          `Replication factor: ${factor} larger than available brokers: ${chosen.length}`,
        )
      }
      const placed = placeReplicas(chosen, own.length, factor, start)
      start += own.length
      return own.map((target, i) => ({ ...target, replicas: placed[i] ?? [] }))
    })
    this.#print(`Current partition replica assignment\n${formatTargets(current)}\n`)
    this.#print(`Proposed partition reassignment configuration\n${formatTargets(proposed)}`)
  }
}

const listed = (name: string, ids: ReadonlyArray<number>): string =>
  ids.length === 0 ? "" : ` ${name}: ${ids.join(",")}.`

const plural = (list: ReadonlyArray<unknown>): string => (list.length === 1 ? "" : "s")

const names = (targets: ReadonlyArray<PartitionTarget>): string => targets.map(nameOf).join(",")

const topicsOf = (targets: ReadonlyArray<PartitionTarget>): ReadonlyArray<string> => [
  ...new Set(targets.map(({ topic }) => topic)),
]

const byPlace = (a: PartitionTarget, b: PartitionTarget): number =>
  a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1

async function listOngoing(client: Client): Promise<ReadonlyArray<Ongoing>> {
  const timeoutMs = requestTimeoutMs
  const answer = await client.ask(listPartitionReassignments, { topics: null, timeoutMs })
  if (answer.errorCode !== ErrorCode.NONE) throw errorOf(answer.errorCode, answer.errorMessage)
  return answer.topics
    .flatMap(({ name, partitions }) =>
      partitions.map((one) => ({
        topic: name,
        partition: one.partitionIndex,
        replicas: one.replicas,
        adding: one.addingReplicas,
        removing: one.removingReplicas,
      })),
    )
    .toSorted(byPlace)
}

/** Unknown topics are left out. */
async function targetsOf(
  client: Client,
  topics: ReadonlyArray<string>,
): Promise<ReadonlyArray<PartitionTarget>> {
  const answer = await client.metadata(topics)
  return answer.topics
    .flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, replicaNodes }) => ({
        topic: name ?? "",
        partition: partitionIndex,
        replicas: replicaNodes,
      })),
    )
    .toSorted(byPlace)
}

async function replicasOf(
  client: Client,
  topics: ReadonlyArray<string>,
): Promise<ReadonlyMap<string, ReadonlyArray<number>>> {
  const targets = await targetsOf(client, topics)
  return new Map(targets.map((target) => [nameOf(target), target.replicas]))
}

function presentOf(
  current: ReadonlyMap<string, ReadonlyArray<number>>,
  target: PartitionTarget,
): ReadonlyArray<number> {
  const replicas = current.get(nameOf(target))
  if (replicas !== undefined) return replicas
  const known = [...current.keys()].some((name) => name.startsWith(`${target.topic}-`))
  const message = known
    ? `Unable to find partition: ${nameOf(target)}`
    : `Topic ${target.topic} not found.`
  throw errorOf(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, message)
}

/** Null cancels. What was refused, one line per partition. */
async function alter(
  client: Client,
  targets: ReadonlyArray<{
    readonly topic: string
    readonly partition: number
    readonly replicas: ReadonlyArray<number> | null
  }>,
  allowReplicationFactorChange: boolean,
): Promise<ReadonlyArray<string>> {
  const topics = [...new Set(targets.map(({ topic }) => topic))].map((name) => ({
    name,
    partitions: targets
      .filter(({ topic }) => topic === name)
      .map(({ partition, replicas }) => ({ partitionIndex: partition, replicas })),
  }))
  const request = { timeoutMs: requestTimeoutMs, topics, allowReplicationFactorChange }
  const answer = await client.ask(alterPartitionReassignments, request)
  if (answer.errorCode !== ErrorCode.NONE) throw errorOf(answer.errorCode, answer.errorMessage)
  return answer.responses.flatMap(({ name, partitions }) =>
    partitions.flatMap(({ partitionIndex, errorCode, errorMessage }) =>
      errorCode === ErrorCode.NONE
        ? []
        : [`${name}-${partitionIndex}: ${errorMessage ?? errorName(errorCode)}`],
    ),
  )
}

function describe(error: unknown): string {
  if (error instanceof ToolError) {
    const { exception, message } = error
    return exception.startsWith("org.apache.kafka.common") ? `${exception}: ${message}` : message
  }
  if (error instanceof ConnectionLost) {
    return `org.apache.kafka.common.errors.TimeoutException: Timed out waiting for a node assignment. (${error.message})`
  }
  if (error instanceof UnsupportedApi) {
    return `org.apache.kafka.common.errors.UnsupportedVersionException: ${error.message}`
  }
  return messageOf(error)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
