/** kafka-consumer-groups as a function of its arguments. */
import type { Client } from "../../client/client.ts"
import { KafkaError } from "../../client/client-error.ts"
import { deleteGroup, deleteOffsets, describeGroup, listAllGroups } from "../../client/groups.ts"
import type { GroupDescription, GroupListing } from "../../client/groups.ts"
import { partitionName } from "../../client/topic-partition.ts"
import type { TopicPartition } from "../../client/topic-partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { checkGroupsOptions, specs } from "./consumer-groups-options.ts"
import type { GroupsAction } from "./consumer-groups-options.ts"
import { offsetRows } from "./group-offsets.ts"
import {
  formatDeletedOffsets,
  formatListing,
  formatMembers,
  formatNewOffsets,
  formatOffsets,
  formatState,
} from "./groups-tables.ts"
import type { DeletedOffset } from "./groups-tables.ts"
import { OffsetResetter } from "./reset-offsets.ts"
import { formatResetPlan } from "./reset-plan.ts"
import { asToolError, errorOf } from "./tool-error.ts"
import type { ToolError } from "./tool-error.ts"
import { runTool, withToolClient } from "./tool-frame.ts"
import { ToolUsageError } from "./tool-options.ts"
import type { ToolOptions } from "./tool-options.ts"
import { standardOutput } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"

const about =
  "This tool helps to list all consumer groups, describe a consumer group, delete consumer group " +
  "info, or reset consumer group offsets."

const defaultTimeoutMs = 5000

/** Gives the exit code, which is 0 for operations that failed, as with Kafka's tool. */
export function runConsumerGroupsTool(
  argv: ReadonlyArray<string>,
  output: ToolOutput = standardOutput,
): Promise<number> {
  let action: GroupsAction
  const tool = {
    about,
    specs,
    check: (options: ToolOptions) => {
      action = checkGroupsOptions(options, output.err)
    },
    run: (options: ToolOptions) => new GroupsTool(options, output).run(action),
    failed: (error: ToolError) => failed(error, output),
  }
  return runTool(tool, argv, output)
}

function failed(error: ToolError, output: ToolOutput): number {
  const { message } = error
  output.out(`\nError: Executing consumer group command failed due to ${message}\n`)
  output.err(`${error.toString()}\n`)
  return 0
}

class GroupsTool {
  readonly #options: ToolOptions
  readonly #output: ToolOutput

  constructor(options: ToolOptions, output: ToolOutput) {
    this.#options = options
    this.#output = output
  }

  async run(action: GroupsAction): Promise<void> {
    if (action === "validate-regex") return this.#validate(this.#options.text(action) ?? "")
    const clientId = "kafka-consumer-groups"
    await withToolClient(this.#options, { clientId }, async (client) => {
      switch (action) {
        case "list":
          return this.#list(client)
        case "describe":
          return this.#describe(client)
        case "delete":
          return this.#delete(client)
        case "reset-offsets":
          return this.#reset(client)
        default:
          return this.#deleteOffsets(client)
      }
    })
  }

  get #timeoutMs(): number {
    return this.#options.long("timeout") ?? defaultTimeoutMs
  }

  async #validate(regex: string): Promise<void> {
    const { RE2JS, RE2JSSyntaxException } = await import("re2js")
    const what = `The regular expression \`${regex}\` is`
    try {
      RE2JS.compile(regex)
      this.#output.out(`${what} valid.\n`)
    } catch (error) {
      if (!(error instanceof RE2JSSyntaxException)) throw error
      this.#output.out(`${what} invalid: ${error.getDescription()}.\n`)
    }
  }

  async #list(client: Client): Promise<void> {
    const show = { type: this.#options.has("type"), state: this.#options.has("state") }
    const states = statesOf(this.#options.text("state"))
    const types = typesOf(this.#options.text("type"))
    const groups = (await listAllGroups(client, { states, types })).filter(isConsumerGroup)
    if (show.type || show.state) return this.#output.out(formatListing(groups, show))
    for (const { groupId } of groups) this.#output.out(`${groupId}\n`)
  }

  async #groups(client: Client): Promise<ReadonlyArray<string>> {
    if (!this.#options.has("all-groups")) return [...new Set(this.#options.list("group"))]
    return (await listAllGroups(client)).filter(isConsumerGroup).map(({ groupId }) => groupId)
  }

  async #describe(client: Client): Promise<void> {
    const groups: GroupDescription[] = []
    for (const group of await this.#groups(client)) {
      groups.push(await describeGroup(client, group, this.#timeoutMs).catch(throwExecution))
    }
    const verbose = this.#options.has("verbose")
    for (const group of groups.toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1))) {
      if (this.#options.has("members")) {
        this.#warnOfState(group)
        this.#output.out(formatMembers(group, verbose))
      } else if (this.#options.has("state")) {
        if (this.#warnOfState(group)) this.#output.out(formatState(group, verbose))
      } else {
        const rows = await offsetRows(client, group, this.#timeoutMs)
        if (this.#warnOfState(group) && rows.length > 0) {
          this.#output.out(formatOffsets(rows, verbose))
        }
      }
    }
  }

  /** False for a group of which there is nothing to show. */
  #warnOfState({ groupId, state }: GroupDescription): boolean {
    switch (state) {
      case "Dead":
        this.#output.out(`\nError: Consumer group '${groupId}' does not exist.\n`)
        return false
      case "Empty":
        this.#output.err(`\nConsumer group '${groupId}' has no active members.\n`)
        return true
      case "Stable":
        return true
      default:
        this.#output.err(`\nWarning: Consumer group '${groupId}' is rebalancing.\n`)
        return true
    }
  }

  async #delete(client: Client): Promise<void> {
    const done: string[] = []
    const failures: string[] = []
    for (const group of await this.#groups(client)) {
      try {
        await deleteGroup(client, group, this.#timeoutMs)
        done.push(`'${group}'`)
      } catch (error) {
        const why = asToolError(error, "deleteConsumerGroups").toString()
        failures.push(`* Group '${group}' could not be deleted due to: ${why}`)
      }
    }
    if (failures.length === 0) {
      const groups = done.join(", ")
      this.#output.out(`Deletion of requested consumer groups (${groups}) was successful.\n`)
      return
    }
    this.#output.out("\nError: Deletion of some consumer groups failed:\n")
    for (const line of failures) this.#output.out(`${line}\n`)
    if (done.length > 0) {
      const groups = done.join(", ")
      this.#output.out(`\nThese consumer groups were deleted successfully: ${groups}\n`)
    }
  }

  async #reset(client: Client): Promise<void> {
    const groups = await this.#groups(client)
    const resetter = new OffsetResetter(client, this.#options, this.#output, this.#timeoutMs)
    const offsets = await resetter.reset(groups)
    const several = this.#options.list("group").length !== 1
    const text = this.#options.has("export")
      ? formatResetPlan(offsets, several)
      : formatNewOffsets(groups, offsets)
    this.#output.out(text)
  }

  async #deleteOffsets(client: Client): Promise<void> {
    const group = this.#options.text("group") ?? ""
    const { partitions, unknown } = await this.#deletionScope(client)
    let results: ReadonlyArray<DeletedOffset>
    let top: number = ErrorCode.NONE
    try {
      const answers = await deleteOffsets(client, group, partitions, this.#timeoutMs)
      top = answers.find(({ errorCode }) => errorCode !== ErrorCode.NONE)?.errorCode ?? top
      results = answers.map(({ topic, partition, errorCode }) => ({
        topic,
        partition,
        error: errorCode === ErrorCode.NONE ? undefined : errorOf(errorCode, null).toString(),
      }))
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      top = error.code
      results = partitions.map((one) => ({ ...one, error: asToolError(error).toString() }))
    }
    this.#output.out(deletionHeadline(top, group))
    this.#output.out(formatDeletedOffsets([...unknown, ...results]))
  }

  async #deletionScope(client: Client): Promise<{
    readonly partitions: ReadonlyArray<TopicPartition>
    readonly unknown: ReadonlyArray<DeletedOffset>
  }> {
    const resetter = new OffsetResetter(client, this.#options, this.#output, this.#timeoutMs)
    const partitions: TopicPartition[] = []
    const unknown: DeletedOffset[] = []
    for (const word of this.#options.list("topic")) {
      try {
        partitions.push(...(await resetter.partitionsOf([word])))
      } catch (error) {
        if (error instanceof ToolUsageError) throw error
        unknown.push({ topic: word, partition: -1, error: asToolError(error).toString() })
      }
    }
    const seen = new Map(partitions.map((one) => [partitionName(one), one]))
    return { partitions: [...seen.values()], unknown }
  }
}

/** An error of a future, whose message names the exception. */
function throwExecution(error: unknown): never {
  const known = asToolError(error, "describeGroups")
  const text = known.toString()
  throw Object.assign(known, {
    message: text,
    exception: "java.util.concurrent.ExecutionException",
  })
}

const isConsumerGroup = ({ protocolType }: GroupListing): boolean =>
  protocolType === "consumer" || protocolType === ""

function deletionHeadline(code: number, group: string): string {
  const partitionLevel: ReadonlyArray<number> = [
    ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
    ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ]
  if (code === ErrorCode.NONE)
    return `Request succeeded for deleting offsets from group ${group}.\n`
  if (partitionLevel.includes(code)) {
    return "\nError: Encountered some partition-level error, see the follow-up details.\n"
  }
  return `\nError: ${errorOf(code, null).message}\n`
}

const stateNames = [
  "Reconciling",
  "Empty",
  "CompletingRebalance",
  "Assigning",
  "PreparingRebalance",
  "Stable",
  "Dead",
]

const typeNames = ["Consumer", "Classic"]

const statesOf = (text: string | undefined) =>
  namesOf(text, stateNames, `Invalid state list '${text}'. Valid states are`)

const typesOf = (text: string | undefined) =>
  namesOf(text, typeNames, `Invalid types list '${text}'. Valid types are`)

const flat = (word: string): string => word.toLowerCase().replaceAll("_", "")

/** Kafka's spelling of a comma list, whatever the case. */
function namesOf(
  text: string | undefined,
  known: ReadonlyArray<string>,
  wrong: string,
): ReadonlyArray<string> {
  if (text === undefined || text === "") return []
  return text.split(",").map((word) => {
    const name = known.find((one) => flat(one) === flat(word.trim()))
    if (name === undefined) throw new ToolUsageError(`${wrong}: ${known.join(", ")}`)
    return name
  })
}
