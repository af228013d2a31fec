/**
 * The client as the subcommands use it: one per command, closed at its end, failures as one plain
 * line.
 */
import { Data, Effect, Option } from "effect"
import { Flag } from "effect/cli"
import { Client, parseBootstrap } from "../client/client.ts"
import { explain } from "./explain.ts"
import { writeStandard } from "./kafka/tool-output.ts"
import { formatTable } from "./table.ts"
import type { Cell } from "./table.ts"
import { isColoured, watching } from "./terminal.ts"
import type { Output } from "./terminal.ts"

/** What the user asked for did not happen; `usage` when they asked for something that cannot be. */
export class OperationFailed extends Data.TaggedError("OperationFailed")<{
  readonly reason: string
  readonly usage: boolean
}> {
  override get message() {
    return this.reason
  }
}

/** Thrown inside a command: wrong usage, exit code 2. */
export class WrongUsage extends Error {
  override readonly name = "WrongUsage"
}

export const connectionFlags = {
  bootstrap: Flag.String("bootstrap").pipe(
    Flag.withAlias("b"),
    Flag.withDescription("any brokers of the cluster: host:port,…"),
    Flag.withDefault("127.0.0.1:9092"),
  ),
  json: Flag.Boolean("json").pipe(Flag.withDescription("print JSON"), Flag.withDefault(false)),
}

export const watchFlag = {
  watch: Flag.Boolean("watch").pipe(
    Flag.withAlias("w"),
    Flag.withDescription("show it again every two seconds, until Ctrl-C"),
    Flag.withDefault(false),
  ),
}

const watchEveryMs = 2000

export function withClient<A>(
  bootstrap: string,
  action: (client: Client) => Promise<A>,
): Effect.Effect<A, OperationFailed> {
  const servers = parseBootstrap(bootstrap)
  if (servers === undefined) {
    const reason = `--bootstrap ${bootstrap}: expected host:port, or several with commas`
    return Effect.fail(new OperationFailed({ reason, usage: true }))
  }
  return Effect.acquireUseRelease(
    Effect.sync(() => new Client({ bootstrap: servers, requestTimeoutMs: 30_000 })),
    (client) =>
      Effect.tryPromise({
        try: () => action(client),
        catch: (error) =>
          new OperationFailed({
            reason: explain(error, bootstrap),
            usage: error instanceof WrongUsage,
          }),
      }),
    (client) => Effect.sync(() => client.close()),
  )
}

/** All of it at once, so that nothing is lost when the process ends. */
const screen: Output = {
  isTTY: process.stdout.isTTY,
  write: (text) => writeStandard(1, Buffer.from(text)),
}

export function print(text: string): Effect.Effect<void> {
  return Effect.sync(() => void screen.write(text))
}

export function printJson(value: unknown): Effect.Effect<void> {
  return print(`${JSON.stringify(value, null, 2)}\n`)
}

/** As this process's standard output shows it. */
export const table = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
): string => formatTable(head, rows, isColoured(process.stdout))

interface Shown<A> {
  readonly bootstrap: string
  readonly json: boolean
  readonly watch?: boolean
  readonly look: (client: Client) => Promise<A>
  readonly text: (found: A) => string
}

/** Looks and prints, once or again and again; JSON then takes one line each time. */
export function show<A>({ bootstrap, json, watch, look, text }: Shown<A>) {
  return withClient(bootstrap, async (client) => {
    if (watch !== true) {
      const found = await look(client)
      screen.write(json ? `${JSON.stringify(found, null, 2)}\n` : text(found))
      return
    }
    const draw = async () => {
      const found = await look(client)
      if (json) return `${JSON.stringify(found)}\n`
      const time = new Date().toTimeString().slice(0, 8)
      return `${time}\n${text(found)}\n`
    }
    await watching(watchEveryMs, draw, screen)
  })
}

/** The value of an optional flag. */
export const given = <A>(option: Option.Option<A>): A | undefined => Option.getOrUndefined(option)
