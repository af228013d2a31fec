/** `kafka-consumer-groups --reset-offsets`: which offsets, by each of the strategies. */
import type { Client } from "../../client/client.ts"
import { KafkaError } from "../../client/client-error.ts"
import { commitOffsets, committedOffsets, logOffsets, offsetNames } from "../../client/offsets.ts"
import { describeGroup } from "../../client/groups.ts"
import { byTopicAndPartition, partitionName } from "../../client/topic-partition.ts"
import type { TopicPartition } from "../../client/topic-partition.ts"
import { ErrorCode } from "../../protocol/error-codes.ts"
import { scenarios } from "./consumer-groups-options.ts"
import type { NewOffset } from "./groups-tables.ts"
import { readText } from "./json-file.ts"
import { parseDatetime, parseDuration, parseResetPlan, parseTopicScope } from "./reset-plan.ts"
import type { PlannedOffset } from "./reset-plan.ts"
import { ToolError, errorOf } from "./tool-error.ts"
import { ToolUsageError } from "./tool-options.ts"
import type { ToolOptions } from "./tool-options.ts"
import { logLine } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"

const logger = "org.apache.kafka.tools.OffsetsUtils"

const listed = (partitions: ReadonlyArray<TopicPartition>): string =>
  partitions.map(partitionName).join(",")

export class OffsetResetter {
  readonly #client: Client
  readonly #options: ToolOptions
  readonly #output: ToolOutput
  readonly #timeoutMs: number

  constructor(client: Client, options: ToolOptions, output: ToolOutput, timeoutMs: number) {
    this.#client = client
    this.#options = options
    this.#output = output
    this.#timeoutMs = timeoutMs
  }

  /** The new offsets of each group; a group with members is named and has none. */
  async reset(groups: ReadonlyArray<string>): Promise<ReadonlyArray<NewOffset>> {
    const all: NewOffset[] = []
    for (const group of groups) {
      const state = await this.#stateOf(group)
      if (state !== "Empty" && state !== "Dead") {
        this.#output.out(
          `\nError: Assignments can only be reset if the group '${group}' is inactive, ` +
            `but the current state is ${state}.\n`,
        )
        continue
      }
      const offsets = (await this.#plan(group)).toSorted(byTopicAndPartition)
      if (this.#options.has("execute") && offsets.length > 0) {
        await commitOffsets(this.#client, group, offsets, undefined, this.#timeoutMs)
      }
      all.push(...offsets.map((one) => ({ ...one, group })))
    }
    return all
  }

  async #stateOf(group: string): Promise<string> {
    try {
      return (await describeGroup(this.#client, group, this.#timeoutMs)).state
    } catch (error) {
      if (error instanceof KafkaError && error.code === ErrorCode.GROUP_ID_NOT_FOUND) return "Dead"
      throw error
    }
  }

  async #plan(group: string): Promise<ReadonlyArray<NewOffset>> {
    const partitions = await this.#scope(group)
    await this.#checkPartitions(partitions)
    const scenario = scenarios.find((name) => this.#options.has(name))
    if (scenario === undefined) {
      const all = scenarios.map((name) => `[${name}]`).join(", ")
      throw new ToolUsageError(
        `Option '[reset-offsets]' requires one of the following scenarios: [${all}]`,
      )
    }
    const offsets = await this.#scenario(scenario, group, partitions)
    return offsets.map(({ topic, partition, offset }) => ({ group, topic, partition, offset }))
  }

  async #scope(group: string): Promise<ReadonlyArray<TopicPartition>> {
    if (this.#options.has("all-topics")) return this.#committed(group)
    const topics = this.#options.list("topic")
    if (topics.length > 0) return this.partitionsOf(topics)
    if (this.#options.has("from-file")) return []
    throw new ToolUsageError("One of the reset scopes should be defined: --all-topics, --topic.")
  }

  /** Of `topic` and `topic:0,1` words. Throws `ToolUsageError` for what is neither. */
  async partitionsOf(words: ReadonlyArray<string>): Promise<ReadonlyArray<TopicPartition>> {
    const scopes = words.map((word) => {
      try {
        return parseTopicScope(word)
      } catch (error) {
        throw new ToolUsageError(error instanceof Error ? error.message : String(error))
      }
    })
    const whole = scopes.filter(({ partitions }) => partitions === undefined)
    const named = scopes.flatMap(({ topic, partitions }) =>
      (partitions ?? []).map((partition) => ({ topic, partition })),
    )
    if (whole.length === 0) return named
    const { topics } = await this.#client.metadata(whole.map(({ topic }) => topic))
    const found = topics.flatMap(({ errorCode, name, partitions }) => {
      if (errorCode !== ErrorCode.NONE) throw errorOf(errorCode, null)
      return partitions.map(({ partitionIndex: partition }) => ({ topic: name ?? "", partition }))
    })
    return [...named, ...found]
  }

  async #checkPartitions(partitions: ReadonlyArray<TopicPartition>): Promise<void> {
    if (partitions.length === 0) return
    await this.#client.metadata([...new Set(partitions.map(({ topic }) => topic))])
    const unknown = partitions.filter((one) => this.#client.knownLeader(one) === undefined)
    if (unknown.length > 0) {
      const what = `The partitions "${listed(unknown)}" do not exist`
      throw errorOf(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, what)
    }
    const leaderless = partitions.filter((one) => (this.#client.knownLeader(one)?.nodeId ?? -1) < 0)
    if (leaderless.length > 0) {
      const what = `The partitions "${listed(leaderless)}" have no leader`
      throw errorOf(ErrorCode.LEADER_NOT_AVAILABLE, what)
    }
  }

  async #scenario(
    scenario: (typeof scenarios)[number],
    group: string,
    partitions: ReadonlyArray<TopicPartition>,
  ): Promise<ReadonlyArray<TopicPartition & { readonly offset: number }>> {
    switch (scenario) {
      case "to-offset": {
        const offset = this.#options.long("to-offset") ?? 0
        return this.#withinLog(partitions.map((one) => ({ ...one, offset })))
      }
      case "to-earliest":
        return this.#atTime(partitions, offsetNames.earliest)
      case "to-latest":
        return this.#atTime(partitions, offsetNames.latest)
      case "to-datetime":
        return this.#fromTime(partitions, parseDatetime(this.#options.text("to-datetime") ?? ""))
      case "by-duration": {
        const durationMs = parseDuration(this.#options.text("by-duration") ?? "")
        return this.#fromTime(partitions, Date.now() - durationMs)
      }
      case "shift-by":
        return this.#shifted(group, partitions)
      case "to-current":
        return this.#toCurrent(group, partitions)
      default:
        return this.#fromFile(group)
    }
  }

  #committed(group: string) {
    return committedOffsets(this.#client, group, undefined, this.#timeoutMs)
  }

  async #atTime(partitions: ReadonlyArray<TopicPartition>, timestamp: number) {
    const options = { timeoutMs: this.#timeoutMs }
    const offsets = await logOffsets(this.#client, partitions, timestamp, options)
    return partitions.map(({ topic, partition }) => {
      const offset = offsets.get(partitionName({ topic, partition })) ?? -1
      return { topic, partition, offset }
    })
  }

  async #fromTime(partitions: ReadonlyArray<TopicPartition>, timestampMs: number) {
    const found = await this.#atTime(partitions, Math.max(0, timestampMs))
    const beyond = found.filter(({ offset }) => offset < 0)
    for (const { topic, partition } of beyond) {
      this.#output.out(
        `\nWarn: Partition ${partition} from topic ${topic} is empty. ` +
          "Falling back to latest known offset.\n",
      )
    }
    const latest = await this.#atTime(beyond, offsetNames.latest)
    return [...found.filter(({ offset }) => offset >= 0), ...latest]
  }

  async #shifted(group: string, partitions: ReadonlyArray<TopicPartition>) {
    const shift = this.#options.long("shift-by") ?? 0
    const committed = new Map(
      (await this.#committed(group)).map((one) => [partitionName(one), one.offset]),
    )
    const wanted = partitions.map((one) => {
      const offset = committed.get(partitionName(one))
      if (offset !== undefined) return { ...one, offset: offset + shift }
      throw new ToolUsageError(
        `Cannot shift offset for partition ${partitionName(one)} ` +
          "since there is no current committed offset",
      )
    })
    return this.#withinLog(wanted)
  }

  async #toCurrent(group: string, partitions: ReadonlyArray<TopicPartition>) {
    const names = new Set(partitions.map(partitionName))
    const committed = (await this.#committed(group)).filter((one) => names.has(partitionName(one)))
    const known = new Set(committed.map(partitionName))
    const others = partitions.filter((one) => !known.has(partitionName(one)))
    return [...committed, ...(await this.#atTime(others, offsetNames.latest))]
  }

  async #fromFile(group: string): Promise<ReadonlyArray<PlannedOffset>> {
    const path = this.#options.text("from-file") ?? ""
    let text: string
    try {
      text = readText(path)
    } catch (error) {
      throw new ToolError("java.lang.RuntimeException", String(error))
    }
    const plan = parseResetPlan(text, this.#options.list("group"))
    const own = plan.filter((one) => one.group === group)
    if (own.length === 0) this.#output.out(`\nError: No reset plan for group ${group} found\n`)
    await this.#checkPartitions(own)
    return this.#withinLog(own)
  }

  /** Offsets before the log's start or behind its end are moved there, with a warning. */
  async #withinLog<P extends TopicPartition & { readonly offset: number }>(
    wanted: ReadonlyArray<P>,
  ): Promise<ReadonlyArray<P>> {
    const options = { timeoutMs: this.#timeoutMs }
    const starts = await logOffsets(this.#client, wanted, offsetNames.earliest, options)
    const ends = await logOffsets(this.#client, wanted, offsetNames.latest, options)
    return wanted.map((one) => {
      const name = partitionName(one)
      const end = ends.get(name) ?? one.offset
      const start = starts.get(name) ?? one.offset
      if (one.offset > end) return this.#moved(one, "higher than latest", end)
      return one.offset < start ? this.#moved(one, "lower than earliest", start) : one
    })
  }

  #moved<P extends TopicPartition & { readonly offset: number }>(
    one: P,
    why: string,
    offset: number,
  ): P {
    const what =
      `New offset (${one.offset}) is ${why} offset for topic partition ${partitionName(one)}. ` +
      `Value will be set to ${offset}`
    this.#output.err(logLine("WARN", what, logger))
    return { ...one, offset }
  }
}
