/**
 * The client as the subcommands use it: one per command, closed at its end, failures as one plain
 * line.
 */
import { Data, Effect } from "effect"
import { Flag } from "effect/cli"
import { Client, parseBootstrap } from "../client/client.ts"

/** What the user asked for did not happen; `usage` when they asked for something that cannot be. */
export class OperationFailed extends Data.TaggedError("OperationFailed")<{
  readonly reason: string
  readonly usage: boolean
}> {
  override get message() {
    return this.reason
  }
}

export const connectionFlags = {
  bootstrap: Flag.String("bootstrap").pipe(
    Flag.withAlias("b"),
    Flag.withDescription("any brokers of the cluster: host:port,…"),
    Flag.withDefault("127.0.0.1:9092"),
  ),
  json: Flag.Boolean("json").pipe(Flag.withDescription("print JSON"), Flag.withDefault(false)),
}

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
            reason: error instanceof Error ? error.message : String(error),
            usage: false,
          }),
      }),
    (client) => Effect.sync(() => client.close()),
  )
}

export function print(text: string): Effect.Effect<void> {
  return Effect.sync(() => void process.stdout.write(text))
}

export function printJson(value: unknown): Effect.Effect<void> {
  return print(`${JSON.stringify(value, null, 2)}\n`)
}

/** Columns under their headings, as wide as they need. */
export function formatTable(
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string | number>>,
): string {
  const all = [head, ...rows.map((row) => row.map(String))]
  const widths = head.map((_, i) => Math.max(...all.map((row) => Bun.stringWidth(row[i] ?? ""))))
  return all
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .map((line) => `${line}\n`)
    .join("")
}
