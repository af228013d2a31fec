/** Every broker setting of Kafka 4.3.1 that is not internal, and varve's own. */
import { brokerGroupTable } from "./broker-group-table.ts"
import { brokerLogTable } from "./broker-log-table.ts"
import { brokerNetworkTable } from "./broker-network-table.ts"
import { brokerQuorumTable } from "./broker-quorum-table.ts"
import { brokerRemoteTable } from "./broker-remote-table.ts"
import { brokerSecurityTable } from "./broker-security-table.ts"
import { brokerShareTable } from "./broker-share-table.ts"
import { brokerTopicTable } from "./broker-topic-table.ts"
import { brokerTransactionTable } from "./broker-transaction-table.ts"
import { inKafkaOrder } from "./config-table.ts"
import type { ConfigDefinition, ConfigTable } from "./config-table.ts"
import { varveTable } from "./varve-table.ts"

/** In the order of Kafka's answers. */
export const kafkaBrokerConfigs: ConfigTable = inKafkaOrder([
  ...brokerNetworkTable,
  ...brokerTopicTable,
  ...brokerLogTable,
  ...brokerGroupTable,
  ...brokerTransactionTable,
  ...brokerShareTable,
  ...brokerQuorumTable,
  ...brokerRemoteTable,
  ...brokerSecurityTable,
])

const byName: ReadonlyMap<string, ConfigDefinition> = new Map(
  [...kafkaBrokerConfigs, ...varveTable].map((row) => [row.name, row]),
)

export const brokerConfig = (name: string): ConfigDefinition | undefined => byName.get(name)

/** Settings that stand in for one another, the one that counts first. */
const alternatives: ReadonlyArray<ReadonlyArray<string>> = [
  ["log.retention.ms", "log.retention.minutes", "log.retention.hours"],
  ["log.roll.ms", "log.roll.hours"],
  ["log.roll.jitter.ms", "log.roll.jitter.hours"],
]

/** What DescribeConfigs names as synonyms of a broker setting, itself included. */
export const synonymNames = (name: string): ReadonlyArray<string> => {
  if (name === "log.flush.interval.ms") return [name, "log.flush.scheduler.interval.ms"]
  const listener = withoutListener(name)
  if (listener !== name) return [name, listener]
  return alternatives.find((names) => names.includes(name)) ?? [name]
}

/** `listener.name.internal.max.connections` → `max.connections`; else the name as it is. */
export const withoutListener = (name: string): string =>
  /^listener\.name\.[^.]+\.(.+)$/.exec(name)?.[1] ?? name

/** Settings of single listeners that may be altered for all brokers at once. */
const clusterWideOfListeners = new Set([
  "max.connections",
  "max.connection.creation.rate",
  "num.network.threads",
])

export const isPerBroker = (name: string): boolean => {
  const base = withoutListener(name)
  if (base !== name) return !clusterWideOfListeners.has(base)
  const mode = byName.get(name)?.mode
  return mode === "broker" || mode === "listener"
}
