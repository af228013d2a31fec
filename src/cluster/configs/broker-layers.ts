/** Where a broker's settings come from: what was altered, its own file, Kafka's default. */
import { allBrokers, configsOf, ConfigResourceType } from "../config-resources.ts"
import type { Configs } from "../config-resources.ts"
import type { MetadataImage } from "../image.ts"
import { brokerConfig, synonymNames } from "./broker-configs.ts"

/** Kafka's numbers for where a value came from (DescribeConfigsResponse.ConfigSource). */
export const ConfigSource = {
  TOPIC: 1,
  DYNAMIC_BROKER: 2,
  DYNAMIC_DEFAULT_BROKER: 3,
  STATIC_BROKER: 4,
  DEFAULT: 5,
  BROKER_LOGGER: 6,
  CLIENT_METRICS: 7,
  GROUP: 8,
} as const

export type ConfigSourceId = (typeof ConfigSource)[keyof typeof ConfigSource]

/** Nearest first; what is in none has its default. */
export interface BrokerLayers {
  /** Altered for this broker. */
  readonly own: Configs
  /** Altered for all brokers. */
  readonly shared: Configs
  /** From its start: `--set`, the environment, broker.json. */
  readonly file: Configs
}

const minInsyncReplicas = "min.insync.replicas"

/**
 * Kafka 4 keeps the default of min.insync.replicas in the cluster (eligible leader replicas need
 * it): it is always there, from the file until it is altered.
 */
export const brokerLayers = (
  image: Pick<MetadataImage, "topics" | "configs">,
  nodeId: number,
  file: Configs,
): BrokerLayers => {
  const { BROKER } = ConfigResourceType
  const shared = new Map(configsOf(image, BROKER, allBrokers))
  if (!shared.has(minInsyncReplicas)) {
    const value = file.get(minInsyncReplicas) ?? brokerConfig(minInsyncReplicas)?.default ?? "1"
    shared.set(minInsyncReplicas, value)
  }
  return { own: configsOf(image, BROKER, String(nodeId)), shared, file }
}

export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSourceId
}

/** Where a broker setting's value may come from, nearest first: the first one is the value's. */
export const brokerSynonyms = (
  layers: BrokerLayers,
  name: string,
): ReadonlyArray<ConfigSynonym> => {
  const names = synonymNames(name)
  const found: Array<ConfigSynonym> = []
  const look = (source: ConfigSourceId, valueOf: (name: string) => string | null | undefined) => {
    for (const synonym of names) {
      const value = valueOf(synonym)
      if (value !== undefined && value !== null) found.push({ name: synonym, value, source })
    }
  }
  look(ConfigSource.DYNAMIC_BROKER, (synonym) => layers.own.get(synonym))
  look(ConfigSource.DYNAMIC_DEFAULT_BROKER, (synonym) => layers.shared.get(synonym))
  look(ConfigSource.STATIC_BROKER, (synonym) => layers.file.get(synonym))
  look(ConfigSource.DEFAULT, (synonym) => brokerConfig(synonym)?.default)
  // Another name's value comes into it only behind one of its own.
  const first = found.findIndex((synonym) => synonym.name === name)
  return first === -1 ? [] : found.slice(first)
}

/** The text of a setting by itself, whatever may stand in for it; null: not set, no default. */
export const brokerValue = ({ own, shared, file }: BrokerLayers, name: string): string | null =>
  own.get(name) ?? shared.get(name) ?? file.get(name) ?? brokerConfig(name)?.default ?? null

const msOfHour = 3_600_000n
const msOfMinute = 60_000n

const times = (text: string, factor: bigint): string => String(BigInt(text.trim()) * factor)

/** What a topic config falls back on: the setting, or what stands in for it, in its unit. */
export const topicDefault = (layers: BrokerLayers, name: string): string | null => {
  const value = brokerValue(layers, name)
  switch (name) {
    case "log.retention.ms":
      return atLeastMinusOne(value ?? retentionMs(layers))
    case "log.roll.ms":
    case "log.roll.jitter.ms": {
      const hours = brokerValue(layers, name.replace(/ms$/, "hours"))
      return value ?? (hours === null ? null : times(hours, msOfHour))
    }
    case "log.flush.interval.ms":
      return value ?? brokerValue(layers, "log.flush.scheduler.interval.ms")
    default:
      return value
  }
}

const retentionMs = (layers: BrokerLayers): string => {
  const minutes = brokerValue(layers, "log.retention.minutes")
  if (minutes !== null) return times(minutes, msOfMinute)
  return times(brokerValue(layers, "log.retention.hours") ?? "168", msOfHour)
}

/** Kafka's "no limit", however it was said. */
const atLeastMinusOne = (text: string): string => (text.trim().startsWith("-") ? "-1" : text)
