/** Configs of groups (resource type 32), and the bounds that brokers set for them. */
import type { Configs } from "../config-resources.ts"
import { brokerSynonyms, brokerValue, ConfigSource } from "./broker-layers.ts"
import type { BrokerLayers } from "./broker-layers.ts"
import { configEntry } from "./config-entry.ts"
import type { ConfigEntry } from "./config-entry.ts"
import { inKafkaOrder } from "./config-table.ts"
import type { ConfigDefinition } from "./config-table.ts"
import { normalText } from "./config-values.ts"
import { groupTable } from "./group-table.ts"

const described = inKafkaOrder(groupTable)
const byName: ReadonlyMap<string, ConfigDefinition> = new Map(
  groupTable.map((row) => [row.name, row]),
)

export const groupConfig = (name: string): ConfigDefinition | undefined => byName.get(name)

/** Brokers have no setting of these. */
const withoutBroker = new Set([
  "share.auto.offset.reset",
  "share.isolation.level",
  "share.renew.acknowledge.enable",
])

const brokerNameOf = (name: string): string | undefined =>
  withoutBroker.has(name) ? undefined : `group.${name}`

const groupValue = (row: ConfigDefinition, configs: Configs, layers: BrokerLayers): string => {
  const broker = brokerNameOf(row.name)
  const inherited = broker === undefined ? null : brokerValue(layers, broker)
  return normalText(row.type, configs.get(row.name) ?? inherited ?? row.default ?? "")
}

export const describedGroup = (
  configs: Configs,
  layers: BrokerLayers,
): ReadonlyArray<ConfigEntry> =>
  described.map((row) => {
    const value = groupValue(row, configs, layers)
    const broker = brokerNameOf(row.name)
    const standard = { name: row.name, value: row.default, source: ConfigSource.DEFAULT }
    const inherited = broker === undefined ? [standard] : brokerSynonyms(layers, broker)
    const own = { name: row.name, value, source: ConfigSource.GROUP }
    return configEntry(row, value, configs.has(row.name) ? [own, ...inherited] : inherited)
  })

/** What is wrong with these configs, in Kafka's words, or undefined. */
export const groupConfigsFault = (configs: Configs, layers: BrokerLayers): string | undefined => {
  for (const name of configs.keys()) {
    if (!byName.has(name)) return `Unknown group config name: ${name}`
  }
  for (const row of groupTable) {
    const text = configs.get(row.name)
    const found = text === undefined ? undefined : row.fault(text)
    if (found !== undefined) return found
  }
  return limitFault(configs, layers)
}

/** Each with the words of its broker settings' names: `group.<kind>.min.<rest>` and `…max…`. */
const limited: ReadonlyArray<readonly [kind: string, rest: string]> = [
  ["consumer", "heartbeat.interval.ms"],
  ["consumer", "session.timeout.ms"],
  ["consumer", "assignment.interval.ms"],
  ["share", "heartbeat.interval.ms"],
  ["share", "session.timeout.ms"],
  ["share", "record.lock.duration.ms"],
  ["share", "delivery.count.limit"],
  ["share", "partition.max.record.locks"],
  ["share", "assignment.interval.ms"],
  ["streams", "heartbeat.interval.ms"],
  ["streams", "session.timeout.ms"],
  ["streams", "assignment.interval.ms"],
]

/** Only what was set is held against a bound: a broker's own default may lie outside of it. */
const limitFault = (configs: Configs, layers: BrokerLayers): string | undefined => {
  const limit = (name: string) => Number(brokerValue(layers, name))
  for (const [kind, rest] of limited) {
    const name = `${kind}.${rest}`
    const text = configs.get(name)
    if (text === undefined) continue
    const [least, most] = [`group.${kind}.min.${rest}`, `group.${kind}.max.${rest}`]
    if (Number(text) < limit(least)) return `${name} must be greater than or equal to ${least}`
    if (Number(text) > limit(most)) return `${name} must be less than or equal to ${most}`
  }
  const [standby, standbyMax] = [
    "streams.num.standby.replicas",
    "group.streams.max.standby.replicas",
  ]
  if (Number(configs.get(standby) ?? 0) > limit(standbyMax)) {
    return `${standby} must be less than or equal to ${standbyMax}`
  }
  for (const kind of ["consumer", "share", "streams"]) {
    const [session, heartbeat] = [`${kind}.session.timeout.ms`, `${kind}.heartbeat.interval.ms`]
    const value = (name: string) => Number(groupValue(byName.get(name)!, configs, layers))
    if (value(session) <= value(heartbeat)) return `${session} must be greater than ${heartbeat}`
  }
  return undefined
}
