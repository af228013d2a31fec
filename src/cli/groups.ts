/** `varve groups list · describe · reset · delete`. */
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/client.ts"
import { deleteGroup, describeGroup, listAllGroups } from "../client/groups.ts"
import type { GroupDescription, GroupListing } from "../client/groups.ts"
import {
  WrongUsage,
  connectionFlags,
  given,
  print,
  printJson,
  show,
  table,
  watchFlag,
  withClient,
} from "./client-effect.ts"
import { offsetRows } from "./kafka/group-offsets.ts"
import { lagOf } from "./kafka/groups-tables.ts"
import type { OffsetRow } from "./kafka/groups-tables.ts"
import { OffsetResetter } from "./kafka/reset-offsets.ts"
import { ToolOptions } from "./kafka/tool-options.ts"
import { resetOptions } from "./reset-target.ts"
import type { Cell } from "./table.ts"

const groupName = Argument.String("group").pipe(Argument.withDescription("id of the group"))

const timeoutMs = 10_000

const stateTone = (state: string): Cell =>
  state === "Stable"
    ? { text: state, tone: "good" }
    : state === "Empty" || state === "Dead"
      ? { text: state, tone: "dim" }
      : { text: state, tone: "warning" }

const formatGroups = (groups: ReadonlyArray<GroupListing>): string =>
  table(
    ["GROUP", "STATE", "PROTOCOL"],
    groups.map(({ groupId, state, type }) => [groupId, stateTone(state), type.toLowerCase()]),
  )

async function lookAtGroups(client: Client): Promise<ReadonlyArray<GroupListing>> {
  const groups = await listAllGroups(client)
  return groups.toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1))
}

const list = Command.make(
  "list",
  { ...connectionFlags, ...watchFlag },
  Effect.fn("groups.list")(function* (flags) {
    yield* show({ ...flags, look: lookAtGroups, text: formatGroups })
  }),
).pipe(Command.withDescription("List the groups"))

interface GroupView {
  readonly group: GroupDescription
  readonly rows: ReadonlyArray<OffsetRow & { readonly lag: number | undefined }>
}

async function lookAtGroup(client: Client, id: string): Promise<GroupView> {
  const group = await describeGroup(client, id, timeoutMs)
  const rows = await offsetRows(client, group, timeoutMs)
  return { group, rows: rows.map((row) => ({ ...row, lag: lagOf(row) })) }
}

const lagCell = (lag: number | undefined): Cell =>
  lag === undefined ? "-" : lag === 0 ? { text: 0, tone: "good" } : { text: lag, tone: "warning" }

function formatGroup({ group, rows }: GroupView): string {
  const total = rows.reduce((sum, { lag }) => sum + (lag ?? 0), 0)
  const { nodeId, host, port } = group.coordinator
  const members = `${group.members.length} ${group.members.length === 1 ? "member" : "members"}`
  const head =
    `group ${group.groupId}: ${group.state.toLowerCase()}, ${group.type.toLowerCase()} protocol, ` +
    `${members}, coordinated by broker ${nodeId} at ${host}:${port}\n`
  const lines = rows.map(({ topic, partition, offset, logEndOffset, lag, member }) => [
    topic,
    partition,
    offset ?? "-",
    logEndOffset ?? "-",
    lagCell(lag),
    member === undefined ? "-" : member.memberId,
  ])
  const columns = ["TOPIC", "PARTITION", "OFFSET", "END", "LAG", "MEMBER"]
  const sum = rows.length === 0 ? "no offsets are committed\n" : `lag in all: ${total}\n`
  return `${head}${rows.length === 0 ? "" : table(columns, lines)}${sum}`
}

const describe = Command.make(
  "describe",
  { ...connectionFlags, ...watchFlag, group: groupName },
  Effect.fn("groups.describe")(function* ({ group, ...flags }) {
    const look = (client: Client) => lookAtGroup(client, group)
    yield* show({ ...flags, look, text: formatGroup })
  }),
).pipe(
  Command.withDescription("Show how far a group has read, who reads what, and the lag"),
  Command.withExamples([
    { command: "varve groups describe billing --watch", description: "see the lag shrink" },
  ]),
)

const reset = Command.make(
  "reset",
  {
    ...connectionFlags,
    group: groupName,
    to: Flag.String("to").pipe(
      Flag.withDescription(
        "earliest, latest, an offset, +N or -N from where it is, a time (2026-11-21T08:00) " +
          "or an age (90s, 15m, 2h, 7d)",
      ),
    ),
    topic: Flag.String("topic").pipe(
      Flag.withDescription("topic or topic:0,1,2; all that the group has committed if left out"),
      Flag.optional,
    ),
    execute: Flag.Boolean("execute").pipe(
      Flag.withDescription("do it; without, only show what would be"),
      Flag.withDefault(false),
    ),
  },
  Effect.fn("groups.reset")(function* ({ bootstrap, json, group, to, topic, execute }) {
    const options = resetOptions(to)
    const offsets = yield* withClient(bootstrap, (client) => {
      if (options === undefined) {
        throw new WrongUsage(
          `--to ${to}: expected earliest, latest, an offset, +N, -N, a time or an age such as 2h`,
        )
      }
      const scope = given(topic)
      const values = new Map<string, ReadonlyArray<string>>([
        ...options,
        ...(scope === undefined ? [["all-topics", []] as const] : [["topic", [scope]] as const]),
        ...(execute ? [["execute", []] as const] : []),
      ])
      const output = { out: refused, err: warned }
      return new OffsetResetter(client, new ToolOptions(values), output, timeoutMs).reset([group])
    })
    const rows = offsets.map((one) => [one.topic, one.partition, one.offset])
    const note = execute ? "" : "nothing was changed: add --execute to do it\n"
    yield* json
      ? printJson({ group, executed: execute, offsets })
      : print(`${table(["TOPIC", "PARTITION", "OFFSET"], rows)}${note}`)
  }),
).pipe(
  Command.withDescription("Let a group that nobody is in read again, or skip"),
  Command.withExamples([
    {
      command: "varve groups reset billing --to earliest --topic orders --execute",
      description: "everything again",
    },
    { command: "varve groups reset billing --to 2h", description: "what the last two hours were" },
  ]),
)

/** The resetter says of a group with members that it cannot; here that is the failure. */
function refused(text: string): void {
  const reason = text.trim().replace(/^Error: /, "")
  if (reason.startsWith("Assignments can only be reset")) {
    throw new Error(`${reason} Stop its consumers first: \`varve groups describe\` shows them`)
  }
  process.stderr.write(`${reason}\n`)
}

/** Without the time and the logger's name around it. */
function warned(text: string): void {
  process.stderr.write(`${text.replace(/^\[[^\]]*\] WARN /, "").replace(/ \([\w.]+\)\n$/, "")}\n`)
}

const remove = Command.make(
  "delete",
  { ...connectionFlags, group: groupName },
  Effect.fn("groups.delete")(function* ({ bootstrap, json, group }) {
    yield* withClient(bootstrap, (client) => deleteGroup(client, group, timeoutMs))
    yield* json ? printJson({ deleted: group }) : print(`deleted ${group}\n`)
  }),
).pipe(Command.withDescription("Delete a group that nobody is in, with all its offsets"))

export const groupsCommand = Command.make("groups").pipe(
  Command.withDescription("List and describe groups, reset and delete their offsets"),
  Command.withSubcommands([list, describe, reset, remove]),
)
