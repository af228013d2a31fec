/**
 * Every topic config of Kafka 4.3.1: type, default, limits and the broker setting that stands in
 * for the default.
 */
import { atLeast, between, betweenOr, configKey, listOf, oneOf } from "./config-values.ts"
import type { Check, ConfigKey } from "./config-values.ts"

const longMax = "9223372036854775807"

const throttledReplicas: Check<ReadonlyArray<string>> = (elements, name) => {
  const wildcard = elements.length === 1 && elements[0] === "*"
  if (wildcard || elements.every((element) => /^(\d+:\d+)?$/.test(element))) return undefined
  return (
    `${name} must be the literal '*' or a list of replicas in the following format: ` +
    `[partitionId]:[brokerId],[partitionId]:[brokerId],...`
  )
}

const notNegative = atLeast(0n)
const positive = atLeast(1n)

const compressionTypes = ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"] as const

const keys: ReadonlyArray<ConfigKey> = [
  configKey("cleanup.policy", "list", "delete", "log.cleanup.policy", listOf("compact", "delete")),
  configKey(
    "compression.gzip.level",
    "int",
    "-1",
    "compression.gzip.level",
    betweenOr(1n, 9n, -1n),
  ),
  configKey("compression.lz4.level", "int", "9", "compression.lz4.level", between(1, 17)),
  configKey(
    "compression.type",
    "string",
    "producer",
    "compression.type",
    oneOf(...compressionTypes),
  ),
  configKey("compression.zstd.level", "int", "3", "compression.zstd.level", between(-131072, 22)),
  configKey(
    "delete.retention.ms",
    "long",
    "86400000",
    "log.cleaner.delete.retention.ms",
    notNegative,
  ),
  configKey("file.delete.delay.ms", "long", "60000", "log.segment.delete.delay.ms", notNegative),
  configKey("flush.messages", "long", longMax, "log.flush.interval.messages", positive),
  configKey("flush.ms", "long", longMax, "log.flush.interval.ms", notNegative),
  configKey("follower.replication.throttled.replicas", "list", "", undefined, throttledReplicas),
  configKey("index.interval.bytes", "int", "4096", "log.index.interval.bytes", notNegative),
  configKey("leader.replication.throttled.replicas", "list", "", undefined, throttledReplicas),
  configKey("local.retention.bytes", "long", "-2", "log.local.retention.bytes", atLeast(-2n)),
  configKey("local.retention.ms", "long", "-2", "log.local.retention.ms", atLeast(-2n)),
  configKey(
    "max.compaction.lag.ms",
    "long",
    longMax,
    "log.cleaner.max.compaction.lag.ms",
    positive,
  ),
  configKey("max.message.bytes", "int", "1048588", "message.max.bytes", notNegative),
  configKey(
    "message.timestamp.after.max.ms",
    "long",
    "3600000",
    "log.message.timestamp.after.max.ms",
    notNegative,
  ),
  configKey(
    "message.timestamp.before.max.ms",
    "long",
    longMax,
    "log.message.timestamp.before.max.ms",
    notNegative,
  ),
  configKey(
    "message.timestamp.type",
    "string",
    "CreateTime",
    "log.message.timestamp.type",
    oneOf("CreateTime", "LogAppendTime"),
  ),
  configKey(
    "min.cleanable.dirty.ratio",
    "double",
    "0.5",
    "log.cleaner.min.cleanable.ratio",
    between(0, 1),
  ),
  configKey("min.compaction.lag.ms", "long", "0", "log.cleaner.min.compaction.lag.ms", notNegative),
  configKey("min.insync.replicas", "int", "1", "min.insync.replicas", positive),
  configKey("preallocate", "boolean", "false", "log.preallocate"),
  configKey("remote.log.copy.disable", "boolean", "false", undefined),
  configKey("remote.log.delete.on.disable", "boolean", "false", undefined),
  configKey("remote.storage.enable", "boolean", "false", undefined),
  configKey("retention.bytes", "long", "-1", "log.retention.bytes"),
  configKey("retention.ms", "long", "604800000", "log.retention.ms", atLeast(-1n)),
  configKey("segment.bytes", "int", "1073741824", "log.segment.bytes", atLeast(1_048_576n)),
  configKey("segment.index.bytes", "int", "10485760", "log.index.size.max.bytes", atLeast(4n)),
  configKey("segment.jitter.ms", "long", "0", "log.roll.jitter.ms", notNegative),
  configKey("segment.ms", "long", "604800000", "log.roll.ms", positive),
  configKey("unclean.leader.election.enable", "boolean", "false", "unclean.leader.election.enable"),
]

/** In Kafka's order: by name. */
export const topicConfigKeys: ReadonlyArray<ConfigKey> = keys

const byName: ReadonlyMap<string, ConfigKey> = new Map(keys.map((key) => [key.name, key]))

export const topicConfigKey = (name: string): ConfigKey | undefined => byName.get(name)

/** What is wrong with that one config, in Kafka's words (code INVALID_CONFIG), or undefined. */
export const validateTopicConfig = (name: string, value: string): string | undefined => {
  const key = byName.get(name)
  return key === undefined ? `Unknown topic config name: ${name}` : key.fault(value)
}

/** The same for all configs of a topic together: each, and what they must be to each other. */
export const validateTopicConfigs = (configs: ReadonlyMap<string, string>): string | undefined => {
  for (const name of configs.keys()) {
    if (!byName.has(name)) return `Unknown topic config name: ${name}`
  }
  for (const key of keys) {
    const text = configs.get(key.name)
    const found = text === undefined ? undefined : key.fault(text)
    if (found !== undefined) return found
  }
  return relationFault(configs)
}

const relationFault = (configs: ReadonlyMap<string, string>): string | undefined => {
  const text = (name: string): string => configs.get(name) ?? byName.get(name)!.default
  const minimumLag = BigInt(text("min.compaction.lag.ms"))
  const maximumLag = BigInt(text("max.compaction.lag.ms"))
  if (minimumLag > maximumLag) {
    return (
      `conflict topic config setting min.compaction.lag.ms (${minimumLag}) > ` +
      `max.compaction.lag.ms (${maximumLag})`
    )
  }
  if (text("remote.storage.enable").trim().toLowerCase() === "true") {
    return (
      "Tiered Storage functionality is disabled in the broker. " +
      "Topic cannot be configured with remote log storage."
    )
  }
  return undefined
}

/** Kafka's numbers for where a value came from (DescribeConfigsResponse.ConfigSource). */
export const ConfigSource = {
  TOPIC: 1,
  DYNAMIC_DEFAULT_BROKER: 3,
  STATIC_BROKER: 4,
  DEFAULT: 5,
} as const

export interface EffectiveConfig {
  readonly name: string
  readonly value: string
  readonly readOnly: boolean
  readonly configSource: (typeof ConfigSource)[keyof typeof ConfigSource]
  readonly isSensitive: boolean
}

/**
 * Every config as the topic has it, by name. `brokerConfigs`: broker settings that were set, by
 * their own names. min.insync.replicas: a Kafka 4 cluster keeps that default itself, so its source
 * is never "default".
 */
export const effectiveTopicConfigs = (
  topicConfigs: ReadonlyMap<string, string>,
  brokerConfigs: ReadonlyMap<string, string>,
): ReadonlyArray<EffectiveConfig> =>
  keys.map((key) => {
    const own = topicConfigs.get(key.name)
    const inherited = key.synonym === undefined ? undefined : brokerConfigs.get(key.synonym)
    return {
      name: key.name,
      value: own ?? inherited ?? key.default,
      readOnly: false,
      configSource: sourceOf(key, own !== undefined, inherited !== undefined),
      isSensitive: false,
    }
  })

const sourceOf = (
  key: ConfigKey,
  own: boolean,
  inherited: boolean,
): EffectiveConfig["configSource"] => {
  if (own) return ConfigSource.TOPIC
  if (key.name === "min.insync.replicas") return ConfigSource.DYNAMIC_DEFAULT_BROKER
  return inherited ? ConfigSource.STATIC_BROKER : ConfigSource.DEFAULT
}
