/** The options of kafka-console-producer, and what they and the properties come to. */
import type { ProducerOptions } from "../../client/producer.ts"
import { compressionNames } from "../../protocol/compression.ts"
import { keyValues, readProperties } from "./command-config.ts"
import type { Properties } from "./command-config.ts"
import { ToolError } from "./tool-error.ts"
import { bootstrapSpec, checkBootstrap } from "./tool-frame.ts"
import { ToolUsageError, requireOption } from "./tool-options.ts"
import type { OptionSpec, ToolOptions } from "./tool-options.ts"

const number = (name: string, argument: string, about: string): OptionSpec => ({
  name,
  argument,
  about,
  integer: true,
})

export const specs: ReadonlyArray<OptionSpec> = [
  number("batch-size", "size", "Bytes that are gathered for a partition before they are sent."),
  bootstrapSpec,
  {
    name: "command-config",
    argument: "config file",
    about: "A file of producer settings.",
  },
  { name: "command-property", argument: "producer_prop", about: "A producer setting, key=value." },
  {
    name: "compression-codec",
    argument: "compression-codec",
    optional: true,
    about: "none, gzip, snappy, lz4 or zstd; gzip where nothing is named.",
  },
  {
    name: "line-reader",
    argument: "reader_class",
    about: "Without effect: each line is a record.",
  },
  number("max-block-ms", "max block on send", "How long to look for the topic."),
  number("max-memory-bytes", "total memory in bytes", "Without effect."),
  number(
    "max-partition-memory-bytes",
    "memory in bytes per partition",
    "DEPRECATED: --batch-size.",
  ),
  number("message-send-max-retries", "retries", "0: a batch is tried once."),
  number("metadata-expiry-ms", "metadata expiration interval", "Without effect."),
  {
    name: "producer-property",
    argument: "producer_prop",
    about: "DEPRECATED: --command-property.",
  },
  { name: "producer.config", argument: "config file", about: "DEPRECATED: --command-config." },
  { name: "property", argument: "prop", about: "DEPRECATED: --reader-property." },
  { name: "reader-config", argument: "config file", about: "A file of reader properties." },
  {
    name: "reader-property",
    argument: "prop",
    about:
      "How lines are read: parse.key=false, key.separator=\\t, parse.headers=false, " +
      "headers.delimiter=\\t, headers.separator=,, headers.key.separator=:, ignore.error=false, " +
      "null.marker=",
  },
  {
    name: "request-required-acks",
    argument: "request required acks",
    about: "all or -1 (default), 1, or 0.",
  },
  number("request-timeout-ms", "request timeout ms", "How long one try may take."),
  number("retry-backoff-ms", "ms", "Without effect."),
  number("socket-buffer-size", "size", "Without effect."),
  { name: "sync", about: "Wait for each record to be acknowledged before the next." },
  number("timeout", "timeout_ms", "How long a batch waits for more records."),
  { name: "topic", argument: "topic", about: "REQUIRED: the topic." },
]

/** Which is deprecated, and for what. */
const deprecated = [
  ["producer.config", "command-config"],
  ["producer-property", "command-property"],
  ["property", "reader-property"],
] as const

export function checkProducerOptions(options: ToolOptions, print: (text: string) => void): void {
  requireOption(options, "topic")
  const inOrder = [
    ["command-config", "producer.config"],
    ["command-property", "producer-property"],
    ["reader-property", "property"],
  ] as const
  for (const [name, other] of inOrder) {
    if (options.has(name) && options.has(other)) {
      throw new ToolUsageError(`Options --${name} and --${other} cannot be specified together.`)
    }
  }
  for (const name of ["producer-property", "producer.config", "property"] as const) {
    if (!options.has(name)) continue
    const instead = deprecated.find(([old]) => old === name)?.[1]
    const what = "is deprecated and will be removed in a future version."
    print(`Warning: --${name} ${what} Use --${instead} instead.\n`)
  }
  if (options.has("max-partition-memory-bytes")) {
    print(
      "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka 5.0. " +
        "Use --batch-size instead.\n",
    )
  }
  checkBootstrap(options)
}

function fileOf(path: string | undefined): Properties {
  if (path === undefined) return new Map()
  try {
    return readProperties(path)
  } catch {
    throw new ToolError("java.nio.file.NoSuchFileException", path)
  }
}

export function readerProperties(options: ToolOptions): Properties {
  const words = options.list(options.has("property") ? "property" : "reader-property")
  return new Map([...fileOf(options.text("reader-config")), ...keyValues(words)])
}

/** Those of the file, then those of the command line. */
export function producerProperties(options: ToolOptions): Properties {
  const path = options.text("producer.config") ?? options.text("command-config")
  const old = options.has("producer-property")
  const words = options.list(old ? "producer-property" : "command-property")
  return new Map([...fileOf(path), ...keyValues(words)])
}

const invalid = (value: string, name: string, allowed: string): ToolError =>
  new ToolError(
    "org.apache.kafka.common.config.ConfigException",
    `Invalid value ${value} for configuration ${name}: String must be one of: ${allowed}`,
  )

/** An option that was given goes before the property, the property before the option's default. */
export function producerSettings(options: ToolOptions, properties: Properties): ProducerOptions {
  const merged = (option: string, property: string, fallback: number): number => {
    const own = options.long(option)
    if (own !== undefined) return own
    const text = properties.get(property)
    return text === undefined ? fallback : Number(text)
  }
  const requestTimeoutMs = merged("request-timeout-ms", "request.timeout.ms", 1500)
  const lingerMs = merged("timeout", "linger.ms", 1000)
  const retries = merged("message-send-max-retries", "retries", 3)
  const batchBytes = merged("batch-size", "batch.size", 16 * 1024)
  return {
    acks: acksOf(options, properties),
    compression: compressionOf(options),
    lingerMs,
    batchBytes: options.long("max-partition-memory-bytes") ?? batchBytes,
    requestBytesMax: Number(properties.get("max.request.size") ?? 1024 * 1024),
    maxBlockMs: merged("max-block-ms", "max.block.ms", 60_000),
    deliveryTimeoutMs: Number(
      properties.get("delivery.timeout.ms") ?? Math.max(1, retries + 1) * requestTimeoutMs * 5,
    ),
    idempotent: properties.get("enable.idempotence") !== "false",
  }
}

function acksOf(options: ToolOptions, properties: Properties): -1 | 0 | 1 {
  const text = options.text("request-required-acks") ?? properties.get("acks") ?? "-1"
  switch (text) {
    case "all":
    case "-1":
      return -1
    case "0":
      return 0
    case "1":
      return 1
    default:
      throw invalid(text, "acks", "all, -1, 0, 1")
  }
}

function compressionOf(options: ToolOptions): (typeof compressionNames)[number] {
  if (!options.has("compression-codec")) return "none"
  const text = options.text("compression-codec") || "gzip"
  const known = compressionNames.find((name) => name === text)
  if (known === undefined) throw invalid(text, "compression.type", compressionNames.join(", "))
  return known
}
