/** Settings of topics, brokers and groups: what they are, where they come from, changing them. */
import { ErrorCode } from "../protocol/error-codes.ts"
import { describeConfigs } from "../protocol/messages/describe-configs.ts"
import { incrementalAlterConfigs } from "../protocol/messages/incremental-alter-configs.ts"
import { listConfigResources } from "../protocol/messages/list-config-resources.ts"
import type { Client } from "./client.ts"
import { check } from "./groups.ts"

export const ResourceType = {
  topic: 2,
  broker: 4,
  brokerLogger: 8,
  clientMetrics: 16,
  group: 32,
} as const

export interface ConfigResource {
  readonly type: number
  /** Empty for what holds for all brokers. */
  readonly name: string
}

export interface ConfigSynonym {
  readonly name: string
  readonly value: string | null
  readonly source: number
}

export interface ConfigEntry {
  readonly name: string
  /** Null for secrets and for what has no value. */
  readonly value: string | null
  readonly source: number
  readonly readOnly: boolean
  readonly sensitive: boolean
  readonly documentation: string | null
  readonly synonyms: ReadonlyArray<ConfigSynonym>
}

/** Kafka's names of the numbers in `source`. */
export const configSourceNames: Readonly<Record<number, string>> = {
  1: "DYNAMIC_TOPIC_CONFIG",
  2: "DYNAMIC_BROKER_CONFIG",
  3: "DYNAMIC_DEFAULT_BROKER_CONFIG",
  4: "STATIC_BROKER_CONFIG",
  5: "DEFAULT_CONFIG",
  6: "DYNAMIC_BROKER_LOGGER_CONFIG",
  7: "DYNAMIC_CLIENT_METRICS_CONFIG",
  8: "DYNAMIC_GROUP_CONFIG",
}

/** The settings of one broker are asked of it, everything else of whoever answers. */
const connectionFor = (client: Client, { type, name }: ConfigResource) => {
  const own = type === ResourceType.broker || type === ResourceType.brokerLogger
  return own && name !== "" ? client.broker(Number(name)) : client.any()
}

/** Sorted by name. Rejects with `KafkaError`. */
export async function describeResource(
  client: Client,
  resource: ConfigResource,
  includeDocumentation = false,
): Promise<ReadonlyArray<ConfigEntry>> {
  const connection = await connectionFor(client, resource)
  const answer = await connection.request(describeConfigs, {
    resources: [
      { resourceType: resource.type, resourceName: resource.name, configurationKeys: null },
    ],
    includeSynonyms: true,
    includeDocumentation,
  })
  const result = answer.results[0]
  check(result?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, result?.errorMessage)
  return (result?.configs ?? [])
    .map((config) => ({
      name: config.name,
      value: config.value,
      source: config.configSource,
      readOnly: config.readOnly,
      sensitive: config.isSensitive,
      documentation: config.documentation,
      synonyms: config.synonyms,
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

export interface ConfigChanges {
  readonly sets: ReadonlyMap<string, string>
  readonly deletes: ReadonlyArray<string>
}

const setOperation = 0
const deleteOperation = 1

/** Rejects with `KafkaError`; then nothing was changed. */
export async function alterResource(
  client: Client,
  resource: ConfigResource,
  { sets, deletes }: ConfigChanges,
): Promise<void> {
  const connection = await connectionFor(client, resource)
  const answer = await connection.request(incrementalAlterConfigs, {
    resources: [
      {
        resourceType: resource.type,
        resourceName: resource.name,
        configs: [
          ...deletes.map((name) => ({ name, configOperation: deleteOperation, value: "" })),
          ...[...sets].map(([name, value]) => ({ name, configOperation: setOperation, value })),
        ],
      },
    ],
    validateOnly: false,
  })
  const result = answer.responses[0]
  check(result?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR, result?.errorMessage)
}

/** The names of the resources of that type that have settings of their own. */
export async function listResources(client: Client, type: number): Promise<ReadonlyArray<string>> {
  const answer = await client.ask(listConfigResources, { resourceTypes: [type] })
  check(answer.errorCode)
  return answer.configResources
    .filter(({ resourceType }) => resourceType === type)
    .map(({ resourceName }) => resourceName)
}
