/** DescribeConfigs of brokers: everything one broker runs with, or what was altered for all. */
import { brokerConfig, kafkaBrokerConfigs, withoutListener } from "./broker-configs.ts"
import { brokerSynonyms, brokerValue, ConfigSource } from "./broker-layers.ts"
import type { BrokerLayers, ConfigSynonym } from "./broker-layers.ts"
import { configEntry } from "./config-entry.ts"
import type { ConfigEntry } from "./config-entry.ts"
import type { ConfigDefinition } from "./config-table.ts"
import { normalText } from "./config-values.ts"

/** Kafka's names, and before them whatever else was set. */
export const describedBroker = (layers: BrokerLayers): ReadonlyArray<ConfigEntry> => {
  const known = new Set(kafkaBrokerConfigs.map(({ name }) => name))
  const others = new Set(
    [...layers.own.keys(), ...layers.shared.keys(), ...layers.file.keys()].filter(
      (name) => !known.has(name),
    ),
  )
  return [...[...others].sort(), ...known].map((name) =>
    brokerEntry(name, brokerValue(layers, name), brokerSynonyms(layers, name)),
  )
}

export const describedAllBrokers = ({ shared }: BrokerLayers): ReadonlyArray<ConfigEntry> =>
  [...shared]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) =>
      brokerEntry(name, value, [{ name, value, source: ConfigSource.DYNAMIC_DEFAULT_BROKER }]),
    )

/** A setting of one listener is what it is of all of them, and nobody alters it by that name. */
const definitionOf = (name: string): ConfigDefinition | undefined => {
  const base = withoutListener(name)
  const row = brokerConfig(base)
  return row === undefined || base === name ? row : { ...row, name, mode: "fixed" }
}

/** Secrets have no value, nor has a name that nobody knows: it may be one. */
const brokerEntry = (
  name: string,
  value: string | null,
  synonyms: ReadonlyArray<ConfigSynonym>,
): ConfigEntry => {
  const row = definitionOf(name)
  if (row === undefined || row.type === "password") return secret(name, row, synonyms)
  const shown = value === null ? null : normalText(row.type, value)
  return { ...configEntry(row, shown, synonyms), readOnly: row.mode === "fixed" }
}

const secret = (
  name: string,
  row: ConfigDefinition | undefined,
  synonyms: ReadonlyArray<ConfigSynonym>,
): ConfigEntry => {
  const hidden = synonyms.map((synonym) => ({ ...synonym, value: null }))
  const configSource = hidden[0]?.source ?? ConfigSource.DEFAULT
  const fields = { name, value: null, configSource, isSensitive: true, synonyms: hidden }
  if (row === undefined) return { ...fields, readOnly: true, configType: 0, documentation: null }
  return { ...configEntry(row, null, hidden), ...fields, readOnly: row.mode === "fixed" }
}
