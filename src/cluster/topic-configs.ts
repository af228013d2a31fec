/**
 * Every topic config of Kafka 4.3.1: its row (topic-table.ts), and the broker setting that stands
 * in for its default.
 */
import type { Configs } from "./config-resources.ts"
import { brokerSynonyms, ConfigSource, topicDefault } from "./configs/broker-layers.ts"
import type { BrokerLayers } from "./configs/broker-layers.ts"
import { inKafkaOrder } from "./configs/config-table.ts"
import type { ConfigDefinition } from "./configs/config-table.ts"
import { configEntry } from "./configs/config-entry.ts"
import type { ConfigEntry } from "./configs/config-entry.ts"
import { normalText } from "./configs/config-values.ts"
import { topicTable } from "./configs/topic-table.ts"

export interface TopicConfigKey extends ConfigDefinition {
  readonly default: string
  readonly synonym: string | undefined
}

/** Those that are not `log.` and their own name. */
const synonyms: Readonly<Record<string, string | undefined>> = {
  "compression.gzip.level": "compression.gzip.level",
  "compression.lz4.level": "compression.lz4.level",
  "compression.type": "compression.type",
  "compression.zstd.level": "compression.zstd.level",
  "delete.retention.ms": "log.cleaner.delete.retention.ms",
  "file.delete.delay.ms": "log.segment.delete.delay.ms",
  "flush.messages": "log.flush.interval.messages",
  "flush.ms": "log.flush.interval.ms",
  "follower.replication.throttled.replicas": undefined,
  "leader.replication.throttled.replicas": undefined,
  "max.compaction.lag.ms": "log.cleaner.max.compaction.lag.ms",
  "max.message.bytes": "message.max.bytes",
  "min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio",
  "min.compaction.lag.ms": "log.cleaner.min.compaction.lag.ms",
  "min.insync.replicas": "min.insync.replicas",
  "remote.log.copy.disable": undefined,
  "remote.log.delete.on.disable": undefined,
  "remote.storage.enable": undefined,
  "segment.index.bytes": "log.index.size.max.bytes",
  "segment.jitter.ms": "log.roll.jitter.ms",
  "segment.ms": "log.roll.ms",
  "unclean.leader.election.enable": "unclean.leader.election.enable",
}

const synonymOf = (name: string): string | undefined =>
  name in synonyms ? synonyms[name] : `log.${name}`

const rows: ReadonlyArray<TopicConfigKey> = topicTable.map((row) => ({
  ...row,
  default: row.default ?? "",
  synonym: synonymOf(row.name),
}))

/** By name: the order of CreateTopics' answers. */
export const topicConfigKeys: ReadonlyArray<TopicConfigKey> = rows.toSorted((a, b) =>
  a.name < b.name ? -1 : 1,
)

const described = inKafkaOrder(rows)
const byName: ReadonlyMap<string, TopicConfigKey> = new Map(
  topicConfigKeys.map((key) => [key.name, key]),
)

export const topicConfigKey = (name: string): TopicConfigKey | undefined => byName.get(name)

/** What is wrong with that one config, in Kafka's words (code INVALID_CONFIG), or undefined. */
export const validateTopicConfig = (name: string, value: string): string | undefined => {
  const key = byName.get(name)
  return key === undefined ? `Unknown topic config name: ${name}` : key.fault(value)
}

/** The same for all configs of a topic together: each, and what they must be to each other. */
export const validateTopicConfigs = (configs: Configs): string | undefined => {
  for (const name of configs.keys()) {
    if (!byName.has(name)) return `Unknown topic config name: ${name}`
  }
  for (const key of topicConfigKeys) {
    const text = configs.get(key.name)
    const found = text === undefined ? undefined : key.fault(text)
    if (found !== undefined) return found
  }
  return relationFault(configs)
}

const relationFault = (configs: Configs): string | undefined => {
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

/** What holds for the topic on a broker with these settings. */
export const topicValue = (key: TopicConfigKey, configs: Configs, layers: BrokerLayers): string => {
  const inherited = key.synonym === undefined ? null : topicDefault(layers, key.synonym)
  return normalText(key.type, configs.get(key.name) ?? inherited ?? key.default)
}

/** Every config as the topic has it, by name, and its source; the topic's own as given. */
export const effectiveTopicConfigs = (
  configs: Configs,
  layers: BrokerLayers,
): ReadonlyArray<ConfigEntry> =>
  topicConfigKeys.map((key) => {
    const entry = topicEntry(key, configs, layers)
    return { ...entry, value: configs.get(key.name) ?? entry.value }
  })

/** The same in the order of DescribeConfigs' answers. */
export const describedTopicConfigs = (
  configs: Configs,
  layers: BrokerLayers,
): ReadonlyArray<ConfigEntry> => {
  const inherited = inheritedOf.get(layers) ?? described.map((key) => topicEntry(key, none, layers))
  inheritedOf.set(layers, inherited)
  if (configs.size === 0) return inherited
  return described.map((key, i) =>
    configs.has(key.name) ? topicEntry(key, configs, layers) : inherited[i]!,
  )
}

const none: Configs = new Map()

/** What topics have that set nothing: thousands of topics differ in a few entries each. */
const inheritedOf = new WeakMap<BrokerLayers, ReadonlyArray<ConfigEntry>>()

const topicEntry = (key: TopicConfigKey, configs: Configs, layers: BrokerLayers): ConfigEntry => {
  const value = topicValue(key, configs, layers)
  const inherited = key.synonym === undefined ? [] : brokerSynonyms(layers, key.synonym)
  const own = { name: key.name, value, source: ConfigSource.TOPIC }
  return configEntry(key, value, configs.has(key.name) ? [own, ...inherited] : inherited)
}
