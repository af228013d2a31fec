/**
 * This broker's settings as they are now: those it was started with, under what was altered since
 * for it or for all brokers. Altered ones hold from the moment this broker has applied them.
 */
import { brokerLayers, brokerValue } from "../cluster/configs/broker-layers.ts"
import type { BrokerLayers } from "../cluster/configs/broker-layers.ts"
import type { Configs } from "../cluster/config-resources.ts"
import { groupConfigs } from "../cluster/image.ts"
import type { MetadataImage, TopicInfo } from "../cluster/image.ts"
import type { PartitionConfig } from "../partition/partition-config.ts"
import { defaultNodeSettings } from "./ports.ts"
import type { NodeSettings } from "./ports.ts"
import { partitionConfig } from "./topic-settings.ts"

/** Those that Kafka calls as we do, less the dots. */
const sameNames = [
  "numPartitions",
  "defaultReplicationFactor",
  "minInsyncReplicas",
  "autoCreateTopicsEnable",
  "offsetsTopicNumPartitions",
  "offsetsTopicReplicationFactor",
  "messageMaxBytes",
  "fetchMaxBytes",
  "replicaLagTimeMaxMs",
  "producerIdExpirationMs",
] as const satisfies ReadonlyArray<keyof NodeSettings>

const assignmentInterval = "consumer.assignment.interval.ms"

const kafkaName = (key: string): string =>
  key.replaceAll(/[A-Z]/g, (letter) => `.${letter.toLowerCase()}`)

/** What this broker was started with, by Kafka's names: as given, and what is not the default. */
export function startConfigs(nodeId: number, settings: NodeSettings): Configs {
  const configs = new Map<string, string>()
  for (const name of ["node.id", "broker.id"]) configs.set(name, String(nodeId))
  const put = (name: string, value: unknown, standard: unknown) => {
    if (String(value) !== String(standard)) configs.set(name, String(value))
  }
  for (const key of sameNames) put(kafkaName(key), settings[key], defaultNodeSettings[key])
  const standard = defaultNodeSettings
  put("log.message.timestamp.type", settings.timestampType, standard.timestampType)
  const before = "log.message.timestamp.before.max.ms"
  put(before, settings.timestampBeforeMaxMs, standard.timestampBeforeMaxMs)
  const after = "log.message.timestamp.after.max.ms"
  put(after, settings.timestampAfterMaxMs, standard.timestampAfterMaxMs)
  const usual: Readonly<Record<string, unknown>> = { ...standard.groups }
  for (const [key, value] of Object.entries(settings.groups)) put(kafkaName(key), value, usual[key])
  for (const [name, value] of settings.brokerConfigs) configs.set(name, value)
  return configs
}

/** The settings of the start, those that may be altered as they are when they are read. */
function liveSettings(
  settings: NodeSettings,
  altered: (name: string) => string | undefined,
): NodeSettings {
  const number = (name: string, standard: number) => Number(altered(name) ?? standard)
  return {
    ...settings,
    get cleanerBackoffMs() {
      return number("log.cleaner.backoff.ms", settings.cleanerBackoffMs)
    },
    get cleanerDedupeBufferBytes() {
      return number("log.cleaner.dedupe.buffer.size", settings.cleanerDedupeBufferBytes)
    },
  }
}

export class BrokerSettings {
  readonly live: NodeSettings
  readonly #nodeId: number
  readonly #settings: NodeSettings
  readonly #image: () => MetadataImage
  readonly #file: Configs
  #of: MetadataImage["configs"] | undefined
  #layers: BrokerLayers | undefined
  #partitionConfigs = new WeakMap<Configs, PartitionConfig>()

  constructor(nodeId: number, settings: NodeSettings, image: () => MetadataImage) {
    this.#nodeId = nodeId
    this.#settings = settings
    this.#image = image
    this.#file = startConfigs(nodeId, settings)
    this.live = liveSettings(settings, (name) => this.#altered(name))
  }

  get layers(): BrokerLayers {
    const image = this.#image()
    if (this.#layers === undefined || this.#of !== image.configs) {
      this.#of = image.configs
      this.#layers = brokerLayers(image, this.#nodeId, this.#file)
      this.#partitionConfigs = new WeakMap()
    }
    return this.#layers
  }

  #altered(name: string): string | undefined {
    const { own, shared } = this.layers
    return own.get(name) ?? shared.get(name)
  }

  /** By Kafka's name, as text; null: not set, and without a default. */
  value(name: string): string | null {
    return brokerValue(this.layers, name)
  }

  /**
   * What holds for a group beside the settings of the start: its own configs, and the one broker
   * setting of groups that may be altered.
   */
  groupConfigs(groupId: string): Configs | undefined {
    const own = groupConfigs(this.#image(), groupId)
    const altered = this.#altered(`group.${assignmentInterval}`)
    if (altered === undefined || own?.has(assignmentInterval) === true) return own
    return new Map([...(own ?? []), [assignmentInterval, altered]])
  }

  partitionConfig({ configs }: Pick<TopicInfo, "configs">): PartitionConfig {
    const { layers } = this
    const known = this.#partitionConfigs.get(configs)
    if (known !== undefined) return known
    const made = partitionConfig({ configs }, this.#settings, layers)
    this.#partitionConfigs.set(configs, made)
    return made
  }
}
