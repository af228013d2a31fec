/** The options of kafka-reassign-partitions, and which of them go with which action. */
import { ToolUsageError, formatHelp, parseToolOptions, requireOption } from "./tool-options.ts"
import type { OptionSpec, ToolOptions } from "./tool-options.ts"

export type ReassignAction = "generate" | "execute" | "verify" | "cancel" | "list"

const specs: ReadonlyArray<OptionSpec> = [
  {
    name: "additional",
    about: "With --execute: beside the reassignments that are under way.",
  },
  {
    name: "bootstrap-server",
    argument: "Server(s) to use for bootstrapping",
    about: "REQUIRED: host:port, or several with commas.",
  },
  {
    name: "broker-list",
    argument: "brokerlist",
    about: "With --generate: the brokers that partitions may go to, as 0,1,2.",
  },
  { name: "cancel", about: "Cancel the reassignments of the partitions in the file." },
  {
    name: "command-config",
    argument: "Admin client property file",
    about: "A file of client settings.",
  },
  { name: "disable-rack-aware", about: "With --generate: do not look at racks." },
  {
    name: "disallow-replication-factor-change",
    about: "With --execute: refuse targets of another size.",
  },
  { name: "execute", about: "Begin the reassignment in the file." },
  { name: "generate", about: "Propose a reassignment and change nothing." },
  { name: "help", about: "Print this." },
  { name: "list", about: "List the reassignments that are under way." },
  {
    name: "preserve-throttles",
    about: "With --verify or --cancel: leave throttles alone. There are none here.",
  },
  {
    name: "reassignment-json-file",
    argument: "manual assignment json file path",
    about:
      'The reassignment: {"version":1,"partitions":[{"topic":"foo","partition":1,"replicas":[1,2,3]}]}',
  },
  {
    name: "topics-to-move-json-file",
    argument: "topics to reassign json file path",
    about: 'With --generate: {"version":1,"topics":[{"topic":"foo"}]}',
  },
  { name: "verify", about: "Say how far the reassignment in the file is." },
  { name: "version", about: "Print the version." },
]

const actions: ReadonlyArray<ReassignAction> = ["generate", "execute", "verify", "cancel", "list"]

const always = ["bootstrap-server", "command-config"]

const required: Readonly<Record<ReassignAction, ReadonlyArray<string>>> = {
  generate: ["topics-to-move-json-file", "broker-list"],
  execute: ["reassignment-json-file"],
  verify: ["reassignment-json-file"],
  cancel: ["reassignment-json-file"],
  list: [],
}

const permitted: Readonly<Record<ReassignAction, ReadonlyArray<string>>> = {
  generate: ["disable-rack-aware"],
  execute: ["additional", "disallow-replication-factor-change"],
  verify: ["preserve-throttles"],
  cancel: ["preserve-throttles"],
  list: [],
}

export function help(): string {
  return formatHelp(specs)
}

export function parseReassignOptions(argv: ReadonlyArray<string>): ToolOptions {
  return parseToolOptions(specs, argv)
}

/** The one action; throws `ToolUsageError` with the sentences of Kafka's tool. */
export function checkReassignOptions(options: ToolOptions): ReassignAction {
  const given = actions.filter((action) => options.has(action))
  const [action] = given
  if (action === undefined || given.length > 1) {
    const names = actions.map((name) => `--${name}`).join(", ")
    throw new ToolUsageError(`Command must include exactly one action: ${names}`)
  }
  if (!options.has("bootstrap-server")) {
    throw new ToolUsageError("Please specify --bootstrap-server")
  }
  for (const name of required[action]) requireOption(options, name)
  const allowed = [action, ...always, ...required[action], ...permitted[action]]
  const other = specs.find(({ name }) => options.has(name) && !allowed.includes(name))
  if (other !== undefined) {
    throw new ToolUsageError(`Option "[${other.name}]" can't be used with action "[${action}]"`)
  }
  return action
}
