/** What may have configs of its own: topics (kept with them), brokers, groups, client metrics. */
import type { LayeredMap } from "./layered-map.ts"

/** Kafka's numbers (ConfigResource.Type). */
export const ConfigResourceType = {
  TOPIC: 2,
  BROKER: 4,
  BROKER_LOGGER: 8,
  CLIENT_METRICS: 16,
  GROUP: 32,
} as const

/** The name of the broker resource that stands for all of them. */
export const allBrokers = ""

/** Only what was set. */
export type Configs = ReadonlyMap<string, string>

/** What an image keeps of a resource that is no topic; gone with its last config. */
export interface ConfigResource {
  readonly type: number
  readonly name: string
  readonly configs: Configs
}

/** By `resourceKey`. */
export type ConfigResources = LayeredMap<string, ConfigResource>

export const resourceKey = (type: number, name: string): string => `${type}:${name}`

const none: Configs = new Map()

/** Whatever its type: topics are looked up by name. */
export const configsOf = (
  image: {
    readonly topics: LayeredMap<string, { readonly configs: Configs }>
    readonly configs: ConfigResources
  },
  type: number,
  name: string,
): Configs => {
  if (type === ConfigResourceType.TOPIC) return image.topics.get(name)?.configs ?? none
  return image.configs.get(resourceKey(type, name))?.configs ?? none
}

export interface ConfigChanges {
  readonly sets: ReadonlyArray<{ readonly name: string; readonly value: string }>
  readonly deletes: ReadonlyArray<string>
}

export const withChanges = (configs: Configs, { sets, deletes }: ConfigChanges): Configs => {
  const changed = new Map(configs)
  for (const name of deletes) changed.delete(name)
  for (const { name, value } of sets) changed.set(name, value)
  return changed
}
