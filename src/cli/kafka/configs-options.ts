/**
 * The options of kafka-configs: which entities they name, and which of them go together, checked in
 * the order in which Kafka's tool does.
 */
import { ToolError } from "./tool-error.ts"
import { bootstrapSpec, commandConfigSpec } from "./tool-frame.ts"
import { ToolUsageError, refuseTogether } from "./tool-options.ts"
import type { OptionSpec, ToolOptions } from "./tool-options.ts"

/** Options that name one entity, and the type of each. */
const entityFlags: ReadonlyMap<string, string> = new Map([
  ["topic", "topics"],
  ["client", "clients"],
  ["user", "users"],
  ["broker", "brokers"],
  ["broker-logger", "broker-loggers"],
  ["ip", "ips"],
  ["client-metrics", "client-metrics"],
  ["group", "groups"],
])

const defaultFlags: ReadonlyMap<string, string> = new Map([
  ["client-defaults", "clients"],
  ["user-defaults", "users"],
  ["broker-defaults", "brokers"],
  ["ip-defaults", "ips"],
])

const knownTypes = [
  "topics",
  "clients",
  "users",
  "brokers",
  "ips",
  "client-metrics",
  "groups",
  "broker-loggers",
]

export const specs: ReadonlyArray<OptionSpec> = [
  {
    name: "add-config",
    argument: "k1=v1,k2=[v1,v2]",
    about: "With --alter: settings to set; brackets around values with commas.",
  },
  { name: "add-config-file", argument: "file", about: "With --alter: settings in a file." },
  { name: "all", about: "With --describe: also what was never set." },
  { name: "alter", about: "Change settings." },
  {
    name: "bootstrap-controller",
    argument: "controller to connect to",
    about: "Not here: controllers are brokers. Use --bootstrap-server.",
  },
  { ...bootstrapSpec, about: "REQUIRED: host:port, or several with commas." },
  commandConfigSpec,
  {
    name: "delete-config",
    argument: "k1,k2",
    about: "With --alter: settings to take back to their default.",
  },
  { name: "describe", about: "Show settings." },
  { name: "entity-default", about: "With --entity-type brokers: what holds for all of them." },
  { name: "entity-name", argument: "name", about: "The topic, broker id or group." },
  { name: "entity-type", argument: "type", about: "topics, brokers or groups." },
  ...[...entityFlags].map(([name, type]) => ({
    name,
    argument: "name",
    about: `Short for --entity-type ${type} --entity-name.`,
  })),
  ...[...defaultFlags].map(([name, type]) => ({
    name,
    about: `Short for --entity-type ${type} --entity-default.`,
  })),
]

export interface Entity {
  readonly type: string
  /** Empty: what holds for all of the type. Undefined: each of them. */
  readonly name: string | undefined
}

const illegal = (message: string): ToolError =>
  new ToolError("java.lang.IllegalArgumentException", message)

const given = (options: ToolOptions, flags: ReadonlyMap<string, string>) =>
  [...flags].filter(([flag]) => options.has(flag))

function entityTypes(options: ToolOptions): ReadonlyArray<string> {
  const flags = [...given(options, entityFlags), ...given(options, defaultFlags)]
  return [...options.list("entity-type"), ...flags.map(([, type]) => type)]
}

function entityNames(options: ToolOptions): ReadonlyArray<string> {
  return [
    ...options.list("entity-name"),
    ...(options.has("entity-default") ? [""] : []),
    ...given(options, entityFlags).map(([flag]) => options.text(flag) ?? ""),
    ...given(options, defaultFlags).map(() => ""),
  ]
}

/** The entity that the options name; throws with the sentences of Kafka's tool. */
export function entityOf(options: ToolOptions): Entity {
  return { type: entityTypes(options)[0] ?? "", name: entityNames(options)[0] }
}

export function checkConfigsOptions(options: ToolOptions): void {
  if (options.has("alter") === options.has("describe")) {
    throw new ToolUsageError("Command must include exactly one action: --describe, --alter")
  }
  refuseTogether(options, "describe", ["add-config", "delete-config"])
  const types = entityTypes(options)
  const names = entityNames(options)
  checkTypes(options, types)
  checkNames(options, types, names)
  if (options.has("describe")) checkDescribe(options, types, names)
  else checkAlter(options, types, names)
}

function checkTypes(options: ToolOptions, types: ReadonlyArray<string>): void {
  const twice = types.filter((type, i) => types.indexOf(type) !== i)
  if (twice.length > 0) throw illegal(`Duplicate entity type(s) specified: ${twice.join(",")}`)
  if (!options.has("bootstrap-server") && !options.has("bootstrap-controller")) {
    throw illegal("Either --bootstrap-server or --bootstrap-controller must be specified.")
  }
  const unknown = types.find((type) => !knownTypes.includes(type))
  if (unknown !== undefined) {
    throw illegal(
      `Invalid entity type ${unknown}, the entity type must be one of ${knownTypes.join(", ")} ` +
        "with a --bootstrap-server or --bootstrap-controller argument",
    )
  }
  if (types.length === 0) throw illegal("At least one entity type must be specified")
  if (types.length > 1 && types.some((type) => type !== "users" && type !== "clients")) {
    throw illegal("Only 'users' and 'clients' entity types may be specified together")
  }
}

function checkNames(
  options: ToolOptions,
  types: ReadonlyArray<string>,
  names: ReadonlyArray<string>,
): void {
  const general = ["entity-name", "entity-type", "entity-default"].some((name) => options.has(name))
  const flags = given(options, entityFlags).length + given(options, defaultFlags).length
  if (general && flags > 0) {
    throw illegal(
      "--entity-{type,name,default} should not be used in conjunction with specific entity flags",
    )
  }
  if (options.has("bootstrap-server") && options.has("bootstrap-controller")) {
    throw illegal("Only one of --bootstrap-server or --bootstrap-controller can be specified")
  }
  if (options.has("bootstrap-controller")) {
    throw illegal("varve has no controllers of their own: use --bootstrap-server")
  }
  const [type] = types
  if (type !== "brokers" && type !== "broker-loggers") return
  const wrong = names.find((name) => name !== "" && !/^[+-]?\d{1,9}$/.test(name))
  if (wrong === undefined) return
  throw illegal(
    `The entity name for ${type} must be a valid integer broker id, but it is: ${wrong}`,
  )
}

const withDefaults = ["users", "clients", "brokers", "ips"]

function checkDescribe(
  options: ToolOptions,
  types: ReadonlyArray<string>,
  names: ReadonlyArray<string>,
): void {
  if (options.has("entity-default") && !types.some((type) => withDefaults.includes(type))) {
    throw illegal(`--entity-default must not be specified with --describe of ${types.join(",")}`)
  }
  if (types.includes("broker-loggers") && !names.some((name) => name !== "")) {
    throw illegal(`An entity name must be specified with --describe of ${types.join(",")}`)
  }
}

function checkAlter(
  options: ToolOptions,
  types: ReadonlyArray<string>,
  names: ReadonlyArray<string>,
): void {
  if (types.some((type) => withDefaults.includes(type))) {
    if (names.length === 0) {
      throw illegal(
        "An entity-name or default entity must be specified with --alter of users, clients, " +
          "brokers or ips",
      )
    }
  } else if (!names.some((name) => name !== "")) {
    throw illegal(`An entity name must be specified with --alter of ${types.join(",")}`)
  }
  const sources = ["add-config", "add-config-file", "delete-config"]
  if (options.has("add-config") && options.has("add-config-file")) {
    throw illegal("Only one of --add-config or --add-config-file must be specified")
  }
  if (!sources.some((name) => options.has(name))) {
    throw illegal(
      "At least one of --add-config, --add-config-file, or --delete-config must be specified " +
        "with --alter",
    )
  }
  if (types.length !== names.length) {
    throw illegal("An entity name must be specified for every entity type")
  }
}

/** `k1=v1,k2=[v1,v2]`; throws with the sentences of Kafka's tool. */
export function parseAddedConfigs(text: string): Map<string, string> {
  const outside = String.raw`(?=[^\]]*(?:\[|$))`
  const pairs = text
    .split(new RegExp(`,${outside}`))
    .map((pair) => pair.split(new RegExp(String.raw`\s*=\s*${outside}`)))
  if (!pairs.every((pair) => pair.length === 2)) {
    throw illegal(
      "requirement failed: Invalid entity config: all configs to be added must be in the format " +
        '"key=val" or  "key=[val1,val2]" to group values which contain commas.',
    )
  }
  return new Map(
    pairs.map(([key = "", value = ""]) => [key.trim(), value.replaceAll(/\[|\]/g, "").trim()]),
  )
}

export function checkConfigKeys(configs: ReadonlyMap<string, string>): void {
  for (const key of configs.keys()) {
    if (!/^[$a-zA-Z0-9._-]*$/.test(key)) {
      throw illegal(`Invalid character found for config key: ${key}`)
    }
  }
}
