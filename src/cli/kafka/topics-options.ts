/**
 * The options of kafka-topics and which of them go together, checked in the order in which Kafka's
 * tool does.
 */
import {
  ToolUsageError,
  formatHelp,
  parseToolOptions,
  refuseTogether,
  requireOption,
} from "./tool-options.ts"
import type { OptionSpec, ToolOptions } from "./tool-options.ts"

export type TopicsAction = "list" | "describe" | "create" | "alter" | "delete"

const specs: ReadonlyArray<OptionSpec> = [
  { name: "alter", about: "Add partitions to a topic." },
  {
    name: "at-min-isr-partitions",
    about: "With --describe: only partitions whose ISR is as small as the minimum.",
  },
  {
    name: "bootstrap-server",
    argument: "server to connect to",
    about: "REQUIRED: host:port, or several with commas.",
  },
  {
    name: "command-config",
    argument: "command config property file",
    about: "A file of client settings.",
  },
  {
    name: "config",
    argument: "name=value",
    about: "With --create: a setting of the new topic; may be given again.",
  },
  { name: "create", about: "Create a topic." },
  { name: "delete", about: "Delete topics." },
  { name: "delete-config", argument: "name", about: "No longer supported." },
  { name: "describe", about: "Show topics with their partitions." },
  { name: "exclude-internal", about: "With --list or --describe: leave internal topics out." },
  { name: "help", about: "Print this." },
  {
    name: "if-exists",
    about: "With --alter, --delete or --describe: a missing topic is no error.",
  },
  { name: "if-not-exists", about: "With --create: an existing topic is no error." },
  { name: "list", about: "List the topics." },
  {
    name: "partition-size-limit-per-response",
    argument: "maximum number of partitions per response",
    integer: true,
    about: "With --describe: how many partitions to ask for at a time.",
  },
  {
    name: "partitions",
    argument: "# of partitions",
    integer: true,
    about:
      "With --create or --alter: how many partitions in all. Adding some moves keys to others.",
  },
  {
    name: "replica-assignment",
    argument: "broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , ...",
    about: "With --create or --alter: which brokers hold which partition.",
  },
  {
    name: "replication-factor",
    argument: "replication factor",
    integer: true,
    about: "With --create: how many brokers hold each partition.",
  },
  {
    name: "topic",
    argument: "topic",
    about: "The topic; a regular expression, except with --create.",
  },
  { name: "topic-id", argument: "topic-id", about: "With --describe: the topic by its id." },
  {
    name: "topics-with-overrides",
    about: "With --describe: only topics with settings of their own.",
  },
  { name: "unavailable-partitions", about: "With --describe: only partitions without a leader." },
  {
    name: "under-min-isr-partitions",
    about: "With --describe: only partitions whose ISR is below the minimum.",
  },
  {
    name: "under-replicated-partitions",
    about: "With --describe: only partitions with a replica out of sync.",
  },
  { name: "version", about: "Print the version." },
]

const actions: ReadonlyArray<TopicsAction> = ["create", "list", "alter", "describe", "delete"]

/** Options that narrow what --describe shows. */
export const reports = [
  "under-replicated-partitions",
  "under-min-isr-partitions",
  "at-min-isr-partitions",
  "unavailable-partitions",
] as const

export function help(): string {
  return formatHelp(specs)
}

export function parseTopicsOptions(argv: ReadonlyArray<string>): ToolOptions {
  return parseToolOptions(specs, argv)
}

/** The one action; throws `ToolUsageError`, or a plain Error where Kafka's tool prints no help. */
export function checkTopicsOptions(options: ToolOptions): TopicsAction {
  const given = actions.filter((action) => options.has(action))
  const [action] = given
  if (action === undefined || given.length > 1) {
    throw new ToolUsageError(
      "Command must include exactly one action: --list, --describe, --create, --alter or --delete",
    )
  }
  checkRequired(options, action)
  checkTogether(options)
  return action
}

function checkRequired(options: ToolOptions, action: TopicsAction): void {
  if (!options.has("bootstrap-server")) throw new Error("--bootstrap-server must be specified")
  const named = options.has("topic") || options.has("topic-id")
  if (action === "describe" && options.has("if-exists") && !named) {
    throw new ToolUsageError("--topic or --topic-id is required to describe a topic")
  }
  if (action !== "list" && action !== "describe") requireOption(options, "topic")
  if (action !== "alter") return
  if (options.has("config")) {
    throw new ToolUsageError(
      'Option combination "[[bootstrap-server], [config]]" can\'t be used with option "[alter]" ' +
        "(To alter topic configurations, the kafka-configs tool can be used.)",
    )
  }
  requireOption(options, "partitions")
}

function checkTogether(options: ToolOptions): void {
  const notWith = (
    name: string,
    permitted: ReadonlyArray<TopicsAction>,
    others: ReadonlyArray<string> = [],
  ) =>
    refuseTogether(options, name, [
      ...actions.filter((action) => !permitted.includes(action)),
      ...others,
    ])
  notWith("config", ["create"])
  notWith("delete-config", [])
  notWith("partitions", ["alter", "create"])
  notWith("replication-factor", ["create"])
  notWith("replica-assignment", ["create", "alter"])
  if (options.has("create")) {
    refuseTogether(options, "replica-assignment", ["partitions", "replication-factor"])
  }
  for (const report of reports) notWith(report, ["describe"], ["topics-with-overrides"])
  notWith("topics-with-overrides", ["describe"])
  notWith("if-exists", ["alter", "delete", "describe"])
  notWith("if-not-exists", ["create"])
  notWith("exclude-internal", ["list", "describe"])
}
