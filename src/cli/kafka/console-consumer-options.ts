/**
 * The options of kafka-console-consumer, checked in the order in which Kafka's tool does, and what
 * they and the properties come to.
 */
import { assignorsByClass, cooperativeSticky, range } from "../../client/assignors.ts"
import type { GroupOptions } from "../../client/consumer.ts"
import type { FetcherOptions, OffsetReset } from "../../client/fetcher.ts"
import { offsetNames } from "../../client/offsets.ts"
import { keyValues, readProperties } from "./command-config.ts"
import type { Properties } from "./command-config.ts"
import { ToolError } from "./tool-error.ts"
import { bootstrapSpec } from "./tool-frame.ts"
import { OptionError, ToolUsageError, requireOption } from "./tool-options.ts"
import type { OptionSpec, ToolOptions } from "./tool-options.ts"

export const specs: ReadonlyArray<OptionSpec> = [
  bootstrapSpec,
  { name: "command-config", argument: "config file", about: "A file of consumer settings." },
  { name: "command-property", argument: "consumer_prop", about: "A consumer setting, key=value." },
  {
    name: "consumer-property",
    argument: "consumer_prop",
    about: "DEPRECATED: --command-property.",
  },
  { name: "consumer.config", argument: "config file", about: "DEPRECATED: --command-config." },
  { name: "enable-systest-events", about: "Print shutdown_complete at the end." },
  {
    name: "formatter",
    argument: "class",
    about: "DefaultMessageFormatter, LoggingMessageFormatter or NoOpMessageFormatter.",
  },
  { name: "formatter-config", argument: "config file", about: "A file of formatter properties." },
  {
    name: "formatter-property",
    argument: "prop",
    about:
      "What is printed: print.timestamp, print.key, print.offset, print.epoch, print.partition, " +
      "print.headers, print.value (true or false), key.separator, line.separator, " +
      "headers.separator, null.literal, key.deserializer, value.deserializer, headers.deserializer",
  },
  { name: "from-beginning", about: "Where nothing is committed: from the earliest record." },
  { name: "group", argument: "consumer group id", about: "The group to read in." },
  {
    name: "include",
    argument: "Java regex (String)",
    about: "Instead of --topic: every topic whose name matches.",
  },
  {
    name: "isolation-level",
    argument: "level",
    about: "read_uncommitted (default) or read_committed.",
  },
  { name: "key-deserializer", argument: "deserializer for keys", about: "A class of Kafka's." },
  {
    name: "max-messages",
    argument: "num_messages",
    integer: true,
    about: "How many to read. No end if left out.",
  },
  {
    name: "offset",
    argument: "consume offset",
    about: "With --partition: an offset, earliest or latest (default).",
  },
  { name: "partition", argument: "partition", integer: true, about: "That partition alone." },
  { name: "property", argument: "prop", about: "DEPRECATED: --formatter-property." },
  { name: "skip-message-on-error", about: "Pass over what cannot be printed." },
  {
    name: "timeout-ms",
    argument: "timeout_ms",
    integer: true,
    about: "End when nothing comes for so long.",
  },
  { name: "topic", argument: "topic", about: "The topic." },
  { name: "value-deserializer", argument: "deserializer for values", about: "A class of Kafka's." },
]

export const formatters = {
  default: "org.apache.kafka.tools.consumer.DefaultMessageFormatter",
  logging: "org.apache.kafka.tools.consumer.LoggingMessageFormatter",
  noOp: "org.apache.kafka.tools.consumer.NoOpMessageFormatter",
}

export interface ConsoleSettings {
  readonly properties: Properties
  readonly formatterProperties: Properties
  readonly formatter: string
  /** One of `offsetNames` where negative; with a partition alone. */
  readonly offset: number
}

const usage = (message: string): ToolUsageError => new ToolUsageError(message)

/** Throws `ToolUsageError`, and `OptionError` where Kafka's tool prints no help. */
export function consoleSettings(
  options: ToolOptions,
  print: (text: string) => void,
): ConsoleSettings {
  checkRequired(options)
  const properties = consumerProperties(options, print)
  checkGroup(options, properties)
  checkReset(options, properties)
  const offset = parseOffset(options)
  const formatter = options.text("formatter") ?? formatters.default
  if (!Object.values(formatters).includes(formatter)) throw usage(formatter)
  return { properties, formatter, offset, formatterProperties: formatting(options, print) }
}

function checkRequired(options: ToolOptions): void {
  if (options.has("topic") === options.has("include")) {
    throw usage("Exactly one of the following arguments is required: [topic], [include]")
  }
  if (options.has("partition")) {
    if (!options.has("topic")) throw usage("The topic is required when partition is specified.")
    if (options.has("from-beginning") && options.has("offset")) {
      throw usage("Options from-beginning and offset cannot be specified together.")
    }
  } else if (options.has("offset")) {
    throw usage("The partition is required when offset is specified.")
  }
  requireOption(options, "bootstrap-server")
}

function deprecated(
  options: ToolOptions,
  name: string,
  instead: string,
  print: (text: string) => void,
): string {
  if (!options.has(name)) return instead
  const what = "is deprecated and will be removed in a future version."
  print(`Option --${name} ${what} Use --${instead} instead.\n`)
  return name
}

function consumerProperties(options: ToolOptions, print: (text: string) => void): Properties {
  for (const [old, name] of [
    ["consumer-property", "command-property"],
    ["consumer.config", "command-config"],
  ] as const) {
    if (options.has(old) && options.has(name)) {
      throw usage(`Options --${old} and --${name} cannot be specified together.`)
    }
  }
  const words = options.list(deprecated(options, "consumer-property", "command-property", print))
  const path = options.text(deprecated(options, "consumer.config", "command-config", print))
  return new Map([...(path === undefined ? [] : readProperties(path)), ...keyValues(words)])
}

function checkGroup(options: ToolOptions, properties: Properties): void {
  const groups = [options.text("group"), properties.get("group.id")].filter(
    (one) => one !== undefined,
  )
  const different = [...new Set(groups)]
  if (different.length > 1) {
    throw usage(
      "The group ids provided in different places (directly using '--group', via " +
        "'--consumer-property', or via '--consumer.config') do not match. Detected group ids: " +
        different.map((group) => `'${group}'`).join(", "),
    )
  }
  if (different.length > 0 && options.has("partition")) {
    throw usage("Options group and partition cannot be specified together.")
  }
}

function checkReset(options: ToolOptions, properties: Properties): void {
  const reset = properties.get("auto.offset.reset")
  if (reset !== undefined && options.has("from-beginning") && reset !== "earliest") {
    throw new OptionError(
      `Can't simultaneously specify --from-beginning and 'auto.offset.reset=${reset}', ` +
        "please remove one option",
    )
  }
}

function parseOffset(options: ToolOptions): number {
  const text = options.text("offset")
  if (text === undefined) {
    return options.has("from-beginning") ? offsetNames.earliest : offsetNames.latest
  }
  const name = text.toLowerCase()
  if (name === "earliest" || name === "latest") return offsetNames[name]
  if (/^\+?\d{1,18}$/.test(text)) return Number(text)
  throw usage(
    `The provided offset value '${text}' is incorrect. ` +
      "Valid values are 'earliest', 'latest', or a non-negative long.",
  )
}

function formatting(options: ToolOptions, print: (text: string) => void): Properties {
  if (options.has("formatter-property") && options.has("property")) {
    throw usage("Options --property and --formatter-property cannot be specified together.")
  }
  const words = options.list(deprecated(options, "property", "formatter-property", print))
  const path = options.text("formatter-config")
  const named = [
    ["key.deserializer", options.text("key-deserializer")],
    ["value.deserializer", options.text("value-deserializer")],
  ] as const
  return new Map([
    ...(path === undefined ? [] : readProperties(path)),
    ...named.flatMap(([name, value]) => (value ? [[name, value] as const] : [])),
    ...keyValues(words),
  ])
}

const oneOf = <const Names extends ReadonlyArray<string>>(
  properties: Properties,
  name: string,
  allowed: Names,
  fallback: Names[number],
): Names[number] => {
  const text = properties.get(name) ?? fallback
  const known = allowed.find((one) => one === text)
  if (known !== undefined) return known
  throw new ToolError(
    "org.apache.kafka.common.config.ConfigException",
    `Invalid value ${text} for configuration ${name}: ` +
      `String must be one of: ${allowed.join(", ")}`,
  )
}

const numberOf = (properties: Properties, name: string): number | undefined => {
  const text = properties.get(name)
  if (text === undefined) return undefined
  const number = Number(text)
  if (Number.isFinite(number)) return number
  throw new ToolError(
    "org.apache.kafka.common.config.ConfigException",
    `Invalid value ${text} for configuration ${name}: Not a number of type INT`,
  )
}

/** `fallback`: what holds where no property says otherwise. */
export function fetcherOptions(options: ToolOptions, properties: Properties): FetcherOptions {
  const levels = ["read_committed", "read_uncommitted"] as const
  const given = options.text("isolation-level")
  const own = new Map([...properties, ...(given ? [["isolation.level", given] as const] : [])])
  const resets: ReadonlyArray<OffsetReset> = ["latest", "earliest", "none"]
  const fallback = options.has("from-beginning") ? "earliest" : "latest"
  const maxWaitMs = numberOf(properties, "fetch.max.wait.ms")
  const minBytes = numberOf(properties, "fetch.min.bytes")
  const maxBytes = numberOf(properties, "fetch.max.bytes")
  return {
    offsetReset: oneOf(properties, "auto.offset.reset", resets, fallback),
    readCommitted: oneOf(own, "isolation.level", levels, "read_uncommitted") === "read_committed",
    ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
    ...(minBytes === undefined ? {} : { minBytes }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  }
}

export function groupOptions(options: ToolOptions, properties: Properties): GroupOptions {
  const given = options.text("group") ?? properties.get("group.id")
  const drawn = `console-consumer-${Math.floor(Math.random() * 100_000)}`
  const autoCommit = properties.get("enable.auto.commit") ?? String(given !== undefined)
  const protocol = oneOf(properties, "group.protocol", ["classic", "consumer"], "classic")
  const numbers = {
    sessionTimeoutMs: numberOf(properties, "session.timeout.ms"),
    heartbeatIntervalMs: numberOf(properties, "heartbeat.interval.ms"),
    rebalanceTimeoutMs: numberOf(properties, "max.poll.interval.ms"),
    autoCommitIntervalMs: numberOf(properties, "auto.commit.interval.ms"),
    metadataMaxAgeMs: numberOf(properties, "metadata.max.age.ms"),
  }
  const texts = {
    groupInstanceId: properties.get("group.instance.id"),
    rackId: properties.get("client.rack"),
    serverAssignor: properties.get("group.remote.assignor"),
  }
  const set = Object.entries({ ...numbers, ...texts }).filter(([, value]) => value !== undefined)
  return {
    groupId: given ?? drawn,
    protocol,
    autoCommit: autoCommit === "true",
    assignors: assignorsOf(properties.get("partition.assignment.strategy")),
    ...Object.fromEntries(set),
  }
}

function assignorsOf(text: string | undefined) {
  if (text === undefined) return [range, cooperativeSticky]
  return text.split(",").map((name) => {
    const known = assignorsByClass.get(name.trim())
    if (known !== undefined) return known
    throw new ToolError("org.apache.kafka.common.KafkaException", `${name} is not available`)
  })
}
