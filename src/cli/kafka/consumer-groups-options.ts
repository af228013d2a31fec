/**
 * The options of kafka-consumer-groups and which of them go together, checked in the order in which
 * Kafka's tool does.
 */
import { bootstrapSpec, commandConfigSpec } from "./tool-frame.ts"
import { ToolUsageError, refuseTogether, requireOption } from "./tool-options.ts"
import type { OptionSpec, ToolOptions } from "./tool-options.ts"

export type GroupsAction =
  | "list"
  | "describe"
  | "delete"
  | "reset-offsets"
  | "delete-offsets"
  | "validate-regex"

const actions: ReadonlyArray<GroupsAction> = [
  ...(["list", "describe", "delete", "reset-offsets", "delete-offsets"] as const),
  "validate-regex",
]

/** What offsets may be reset to; exactly one is given. */
export const scenarios = [
  ...(["to-offset", "to-earliest", "to-latest", "shift-by", "to-datetime"] as const),
  ...(["by-duration", "from-file", "to-current"] as const),
]

export const specs: ReadonlyArray<OptionSpec> = [
  { name: "all-groups", about: "Every group." },
  { name: "all-topics", about: "With --reset-offsets: all that the group has committed." },
  bootstrapSpec,
  {
    name: "by-duration",
    argument: "duration",
    about: "Reset to the first record of that last time: PnDTnHnMnS.",
  },
  commandConfigSpec,
  { name: "delete", about: "Delete groups with all their offsets." },
  { name: "delete-offsets", about: "Delete offsets of the topics given." },
  { name: "describe", about: "Show groups: their offsets, members or state." },
  { name: "dry-run", about: "With --reset-offsets: show what would be, change nothing." },
  { name: "execute", about: "With --reset-offsets: do it." },
  { name: "export", about: "With --reset-offsets: print CSV." },
  {
    name: "from-file",
    argument: "path to CSV file",
    about: "Reset to what the file says: [group,]topic,partition,offset.",
  },
  { name: "group", argument: "consumer group", about: "The group; may be given again." },
  { name: "list", about: "List the groups." },
  {
    name: "members",
    availableIf: ["describe"],
    about: "With --describe: the members.",
  },
  {
    name: "offsets",
    availableIf: ["describe"],
    about: "With --describe: the offsets and the lag. What is shown if nothing is said.",
  },
  { name: "reset-offsets", about: "Reset offsets of groups without active members." },
  {
    name: "shift-by",
    argument: "number-of-offsets",
    integer: true,
    about: "Reset to so many further, or back where negative.",
  },
  {
    name: "state",
    argument: "states",
    optional: true,
    availableIf: ["describe", "list"],
    about: "With --describe: the state. With --list: the states, or only groups in these.",
  },
  {
    name: "timeout",
    argument: "timeout (ms)",
    integer: true,
    about: "How long to wait for the group.",
  },
  {
    name: "to-datetime",
    argument: "datetime",
    about: "Reset to the first record from then on: YYYY-MM-DDTHH:mm:SS.sss.",
  },
  { name: "to-current", about: "Reset to what is committed." },
  { name: "to-earliest", about: "Reset to the earliest offset." },
  { name: "to-latest", about: "Reset to the latest offset." },
  { name: "to-offset", argument: "offset", integer: true, about: "Reset to that offset." },
  {
    name: "topic",
    argument: "topic",
    about: "With --reset-offsets or --delete-offsets: the topic, or topic:0,1,2.",
  },
  {
    name: "type",
    argument: "types",
    optional: true,
    availableIf: ["list"],
    about: "With --list: the types, or only groups of these.",
  },
  { name: "validate-regex", argument: "regex", about: "Say whether it is a regular expression." },
  {
    name: "verbose",
    availableIf: ["describe"],
    about: "With --describe: more columns.",
  },
]

const undecided =
  "WARN: No action will be performed as the --execute option is missing. In version 5.0, this " +
  "command will require either --dry-run or --execute to be specified. You should add the " +
  "--dry-run option explicitly if you are scripting this command and want to keep the current " +
  "default behavior without prompting.\n"

const option = (name: string): string => `[${name}]`
const list = (names: ReadonlyArray<string>): string => names.map(option).join(", ")

const usage = (message: string): ToolUsageError => new ToolUsageError(message)

/** The one action; throws `ToolUsageError` with the sentences of Kafka's tool. */
export function checkGroupsOptions(
  options: ToolOptions,
  warn: (text: string) => void,
): GroupsAction {
  if (!options.has("validate-regex")) requireOption(options, "bootstrap-server")
  const grouped = options.has("group") || options.has("all-groups")
  const scopes = list(["group", "all-groups"])
  if (options.has("describe")) checkDescribe(options, grouped, scopes)
  if (options.has("delete")) {
    if (!grouped) throw usage(`Option ${option("delete")} takes one of these options: ${scopes}`)
    if (options.has("topic")) {
      throw usage(
        "The consumer does not support topic-specific offset deletion from a consumer group.",
      )
    }
  }
  if (options.has("delete-offsets") && !(options.has("group") && options.has("topic"))) {
    const both = list(["group", "topic"])
    throw usage(`Option ${option("delete-offsets")} takes the following options: ${both}`)
  }
  if (options.has("reset-offsets")) checkReset(options, grouped, scopes, warn)
  refuseTogether(options, "group", ["all-groups"])
  refuseTogether(options, "group", ["list"])
  refuseTogether(options, "topic", ["list", "describe"])
  const given = actions.filter((action) => options.has(action))
  const [action] = given
  if (action !== undefined && given.length === 1) return action
  const names = actions.map((name) => `--${name}`).join(", ")
  throw usage(`Command must include exactly one action: ${names}`)
}

function checkDescribe(options: ToolOptions, grouped: boolean, scopes: string): void {
  const describe = option("describe")
  if (!grouped) throw usage(`Option ${describe} takes one of these options: ${scopes}`)
  const parts = ["members", "offsets", "state"]
  if (parts.filter((name) => options.has(name)).length > 1) {
    throw usage(`Option ${describe} takes at most one of these options: ${list(parts)}`)
  }
  if (options.text("state") !== undefined) {
    throw usage(`Option ${describe} does not take a value for ${option("state")}`)
  }
}

function checkReset(
  options: ToolOptions,
  grouped: boolean,
  scopes: string,
  warn: (text: string) => void,
): void {
  const reset = option("reset-offsets")
  if (options.has("dry-run") && options.has("execute")) {
    throw usage(`Option ${reset} only accepts one of ${option("execute")} and ${option("dry-run")}`)
  }
  if (!options.has("dry-run") && !options.has("execute")) warn(undecided)
  if (!grouped) throw usage(`Option ${reset} takes one of these options: ${scopes}`)
  const inOrder = ["to-offset", "to-datetime", "by-duration", "to-earliest", "to-latest"]
  for (const name of [...inOrder, "to-current", "shift-by", "from-file"]) {
    const others = scenarios.filter((other) => other !== name)
    refuseTogether(options, name, others)
  }
}
