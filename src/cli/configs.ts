/** `varve configs list · set · unset`, of topics, brokers and groups. */
import { Effect } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import type { Client } from "../client/client.ts"
import { ResourceType, alterResource, describeResource } from "../client/configs.ts"
import type { ConfigEntry, ConfigResource } from "../client/configs.ts"
import { check } from "../client/groups.ts"
import {
  WrongUsage,
  connectionFlags,
  given,
  print,
  printJson,
  show,
  table,
  withClient,
} from "./client-effect.ts"
import type { Cell } from "./table.ts"

const kinds = {
  topic: ResourceType.topic,
  broker: ResourceType.broker,
  group: ResourceType.group,
}

type Kind = keyof typeof kinds

const target = {
  kind: Argument.Literals("kind", ["topic", "broker", "group"]).pipe(
    Argument.withDescription("topic, broker or group"),
  ),
  name: Argument.String("name").pipe(
    Argument.withDescription('its name or id; "default" for what holds for all brokers'),
  ),
}

const resourceOf = (kind: Kind, name: string): ConfigResource => ({
  type: kinds[kind],
  name: kind === "broker" && name === "default" ? "" : name,
})

/** Sources of what was set for exactly one of the kind. */
const own: Readonly<Record<Kind, ReadonlyArray<number>>> = {
  topic: [1],
  broker: [2, 3],
  group: [8],
}

/** Where a value comes from, for people. */
const sources: Readonly<Record<number, string>> = {
  1: "set for the topic",
  2: "set for the broker",
  3: "set for all brokers",
  4: "the broker's file",
  5: "default",
  8: "set for the group",
}

interface Listed {
  readonly kind: Kind
  readonly about: string | undefined
  readonly entries: ReadonlyArray<ConfigEntry>
}

function formatEntries({ kind, about, entries }: Listed): string {
  const explained = entries.find(({ name }) => name === about)
  const rows = entries.map(({ name, value, source }): ReadonlyArray<Cell> => {
    const from = sources[source] ?? "-"
    return own[kind].includes(source)
      ? [name, { text: value ?? "-", tone: "good" }, from]
      : [name, value ?? "-", { text: from, tone: "dim" }]
  })
  const text = rows.length === 0 ? "nothing is set: --all shows the defaults\n" : ""
  const documentation = explained?.documentation ? `\n${explained.documentation}\n` : ""
  return `${text}${rows.length === 0 ? "" : table(["SETTING", "VALUE", "FROM"], rows)}${documentation}`
}

const list = Command.make(
  "list",
  {
    ...connectionFlags,
    ...target,
    all: Flag.Boolean("all").pipe(
      Flag.withAlias("a"),
      Flag.withDescription("also what was never set"),
      Flag.withDefault(false),
    ),
    setting: Flag.String("setting").pipe(
      Flag.withDescription("that one alone, with what it means"),
      Flag.optional,
    ),
  },
  Effect.fn("configs.list")(function* ({ kind, name, all, setting, ...flags }) {
    const about = given(setting)
    const look = async (client: Client) => {
      if (kind === "topic") await checkTopic(client, name)
      const entries = await describeResource(client, resourceOf(kind, name), true)
      const shown = entries.filter((entry) =>
        about === undefined ? all || own[kind].includes(entry.source) : entry.name === about,
      )
      if (about !== undefined && shown.length === 0) throw unknownSetting(kind, about)
      return { kind, about, entries: shown }
    }
    yield* show({ ...flags, look, text: formatEntries })
  }),
).pipe(
  Command.withDescription("Show settings: what was set, or with --all everything"),
  Command.withExamples([
    { command: "varve configs list topic orders", description: "what was set for it" },
    {
      command: "varve configs list topic orders --setting retention.ms",
      description: "one setting and what it means",
    },
    { command: "varve configs list broker 0 --all", description: "everything about a broker" },
  ]),
)

const unknownSetting = (kind: Kind, name: string): Error =>
  new Error(`a ${kind} has no setting ${name}: --all shows which there are`)

async function checkTopic(client: Client, name: string): Promise<void> {
  const { topics } = await client.metadata([name])
  check(topics[0]?.errorCode ?? 0, name)
}

const set = Command.make(
  "set",
  {
    ...connectionFlags,
    ...target,
    values: Argument.String("key=value").pipe(
      Argument.withDescription("settings by Kafka's names"),
      Argument.variadic({ min: 1 }),
    ),
  },
  Effect.fn("configs.set")(function* ({ bootstrap, json, kind, name, values }) {
    const sets = new Map(
      values.map((value) => {
        const at = value.indexOf("=")
        return [at < 0 ? value : value.slice(0, at), at < 0 ? "" : value.slice(at + 1)]
      }),
    )
    yield* withClient(bootstrap, (client) => {
      const wrong = values.find((value) => !value.includes("="))
      if (wrong !== undefined) throw new WrongUsage(`${wrong}: expected key=value`)
      return alterResource(client, resourceOf(kind, name), { sets, deletes: [] })
    })
    yield* json
      ? printJson({ kind, name, set: Object.fromEntries(sets) })
      : print([...sets].map(([key, value]) => `${key} = ${value}\n`).join(""))
  }),
).pipe(
  Command.withDescription("Set settings; they hold at once"),
  Command.withExamples([
    {
      command: "varve configs set topic orders retention.ms=86400000",
      description: "keep a day",
    },
  ]),
)

const unset = Command.make(
  "unset",
  {
    ...connectionFlags,
    ...target,
    keys: Argument.String("key").pipe(
      Argument.withDescription("settings to take back"),
      Argument.variadic({ min: 1 }),
    ),
  },
  Effect.fn("configs.unset")(function* ({ bootstrap, json, kind, name, keys }) {
    yield* withClient(bootstrap, (client) =>
      alterResource(client, resourceOf(kind, name), { sets: new Map(), deletes: keys }),
    )
    yield* json
      ? printJson({ kind, name, unset: keys })
      : print(keys.map((key) => `${key} is back at its default\n`).join(""))
  }),
).pipe(Command.withDescription("Take settings back to their defaults"))

export const configsCommand = Command.make("configs").pipe(
  Command.withDescription("Show and change settings of topics, brokers and groups"),
  Command.withSubcommands([list, set, unset]),
)
