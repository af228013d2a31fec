/**
 * kafka-configs as a function of its arguments, for topics, brokers and groups. Quotas (clients,
 * users, ips) are not offered by varve and refused in one sentence.
 */
import {
  ResourceType,
  alterResource,
  configSourceNames,
  describeResource,
  listResources,
} from "../../client/configs.ts"
import type { ConfigEntry } from "../../client/configs.ts"
import type { Client } from "../../client/client.ts"
import { UnsupportedApi } from "../../client/client-error.ts"
import { listAllGroups } from "../../client/groups.ts"
import { readProperties } from "./command-config.ts"
import {
  checkConfigKeys,
  checkConfigsOptions,
  entityOf,
  parseAddedConfigs,
  specs,
} from "./configs-options.ts"
import type { Entity } from "./configs-options.ts"
import type { ToolError } from "./tool-error.ts"
import { runTool, withToolClient } from "./tool-frame.ts"
import type { ToolOptions } from "./tool-options.ts"
import { standardOutput } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"

interface EntityType {
  readonly resource: number
  /** The source of what was set for exactly this entity. */
  readonly own: number
}

const entityTypes: ReadonlyMap<string, EntityType> = new Map([
  ["topics", { resource: ResourceType.topic, own: 1 }],
  ["brokers", { resource: ResourceType.broker, own: 2 }],
  ["client-metrics", { resource: ResourceType.clientMetrics, own: 7 }],
  ["groups", { resource: ResourceType.group, own: 8 }],
])

const defaultBrokerSource = 3

const about =
  "This tool helps to manipulate and describe entity config for a topic, client, user, broker, " +
  "ip, client-metrics or group"

export const runConfigsTool = (
  argv: ReadonlyArray<string>,
  output: ToolOutput = standardOutput,
): Promise<number> =>
  runTool(
    {
      about,
      specs,
      unreadable: ({ message }) => `${message}\n`,
      check: checkConfigsOptions,
      run: (options) => run(options, output),
      failed: (error) => failed(error, argv, output),
    },
    argv,
    output,
  )

const plainly = [
  "java.lang.IllegalArgumentException",
  "joptsimple.OptionArgumentConversionException",
]

const errorPackage = "org.apache.kafka.common.errors"

function failed(error: ToolError, argv: ReadonlyArray<string>, output: ToolOutput): number {
  const unsupported = error.exception === `${errorPackage}.UnsupportedVersionException`
  if (plainly.includes(error.exception) || unsupported) output.err(`${error.message}\n`)
  else {
    output.err(`Error while executing config command with args '${argv.join(" ")}'\n`)
    output.err(`java.util.concurrent.ExecutionException: ${error.toString()}\n`)
  }
  return 1
}

async function run(options: ToolOptions, output: ToolOutput): Promise<void> {
  const entity = entityOf(options)
  const type = entityTypes.get(entity.type)
  if (type === undefined) {
    throw new Error(`${entity.type} have no settings here: topics, brokers and groups have`)
  }
  await withToolClient(options, { clientId: "kafka-configs" }, async (client) => {
    if (options.has("alter")) await alter(client, entity, type, options, output)
    else await describe(client, entity, type, options.has("all"), output)
  })
}

async function alter(
  client: Client,
  entity: Entity,
  { resource }: EntityType,
  options: ToolOptions,
  output: ToolOutput,
): Promise<void> {
  const file = options.text("add-config-file")
  const added = options.text("add-config")
  const sets = new Map([
    ...(file === undefined ? [] : readProperties(file)),
    ...(added === undefined ? [] : parseAddedConfigs(added)),
  ])
  checkConfigKeys(sets)
  const deletes = options.list("delete-config").flatMap((list) => list.split(","))
  const name = entity.name ?? ""
  const changes = { sets, deletes: deletes.map((key) => key.trim()) }
  await alterResource(client, { type: resource, name }, changes)
  output.out(
    name === ""
      ? `Completed updating default config for ${entity.type} in the cluster.\n`
      : `Completed updating config for ${entity.type.slice(0, -1)} ${name}.\n`,
  )
}

async function describe(
  client: Client,
  entity: Entity,
  type: EntityType,
  all: boolean,
  output: ToolOutput,
): Promise<void> {
  const { name } = entity
  if (entity.type === "topics" && name !== undefined) checkTopicName(name)
  if (!all && name !== undefined && name !== "") {
    if (!(await namesOf(client, entity.type)).includes(name)) {
      const what = `The ${entity.type.slice(0, -1)} '${name}'`
      output.out(`${what} doesn't exist and doesn't have dynamic config.\n`)
      return
    }
  }
  const everyName = async () => [
    ...(await namesOf(client, entity.type)),
    ...(entity.type === "brokers" ? [""] : []),
  ]
  for (const one of name === undefined ? await everyName() : [name]) {
    output.out(
      one === ""
        ? `Default configs for ${entity.type} in the cluster are:\n`
        : `${all ? "All" : "Dynamic"} configs for ${entity.type.slice(0, -1)} ${one} are:\n`,
    )
    const entries = await describeResource(client, { type: type.resource, name: one })
    const own = one === "" ? defaultBrokerSource : type.own
    for (const entry of entries) {
      if (all || entry.source === own) output.out(formatEntry(entry))
    }
  }
}

export function formatEntry(entry: ConfigEntry): string {
  const synonyms = entry.synonyms.map(
    ({ source, name, value }) => `${configSourceNames[source] ?? "UNKNOWN"}:${name}=${value}`,
  )
  const sensitive = `sensitive=${entry.sensitive}`
  return `  ${entry.name}=${entry.value} ${sensitive} synonyms={${synonyms.join(", ")}}\n`
}

function checkTopicName(name: string): void {
  if (name === "") throw new Error("Topic name is invalid: the empty string is not allowed")
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    const allowed = "other than ASCII alphanumerics, '.', '_' and '-'"
    throw new Error(`Topic name is invalid: '${name}' contains one or more characters ${allowed}`)
  }
}

async function namesOf(client: Client, type: string): Promise<ReadonlyArray<string>> {
  switch (type) {
    case "topics":
      return (await client.metadata(null)).topics.flatMap(({ name }) => name ?? []).sort()
    case "brokers":
      return (await client.metadata([])).brokers
        .map(({ nodeId }) => nodeId)
        .toSorted((a, b) => a - b)
        .map(String)
    case "groups": {
      const groups = (await listAllGroups(client)).map(({ groupId }) => groupId)
      return [...new Set([...groups, ...(await configured(client, ResourceType.group))])].sort()
    }
    default:
      return configured(client, ResourceType.clientMetrics)
  }
}

/** None where the broker cannot list them. */
function configured(client: Client, type: number): Promise<ReadonlyArray<string>> {
  return listResources(client, type).catch((error: unknown) => {
    if (error instanceof UnsupportedApi) return []
    throw error
  })
}
