/** A config as it is told to clients. */
import { ConfigSource } from "./broker-layers.ts"
import type { ConfigSourceId, ConfigSynonym } from "./broker-layers.ts"
import type { ConfigDefinition } from "./config-table.ts"
import type { ConfigType } from "./config-values.ts"

export interface ConfigEntry {
  readonly name: string
  /** Null: none, or a secret. */
  readonly value: string | null
  readonly readOnly: boolean
  readonly configSource: ConfigSourceId
  readonly isSensitive: boolean
  readonly synonyms: ReadonlyArray<ConfigSynonym>
  /** Kafka's number (DescribeConfigsResponse.ConfigType); 0: unknown. */
  readonly configType: number
  readonly documentation: string | null
}

const typeNumbers: { readonly [T in ConfigType]: number } = {
  boolean: 1,
  string: 2,
  int: 3,
  short: 4,
  long: 5,
  double: 6,
  list: 7,
  class: 8,
  password: 9,
}

export const configEntry = (
  { name, type, documentation }: ConfigDefinition,
  value: string | null,
  synonyms: ReadonlyArray<ConfigSynonym>,
): ConfigEntry => ({
  name,
  value,
  readOnly: false,
  configSource: synonyms[0]?.source ?? ConfigSource.DEFAULT,
  isSensitive: false,
  synonyms,
  configType: typeNumbers[type],
  documentation,
})
