/**
 * The command tree: help, completions, and the friendly subcommands. `cluster`, `start`, `sim`
 * and `chaos` stand here for their help; run, they never come this far (`main.ts`). Wrong usage is exit code 2,
 * a failed operation 1.
 */
import * as NodeChildProcessSpawner from "@effect/platform-node-shared/NodeChildProcessSpawner"
import * as NodeFileSystem from "@effect/platform-node-shared/NodeFileSystem"
import * as NodePath from "@effect/platform-node-shared/NodePath"
import * as NodeStdio from "@effect/platform-node-shared/NodeStdio"
import * as NodeTerminal from "@effect/platform-node-shared/NodeTerminal"
import { Cause, Effect, Exit, Layer } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { brokersCommand } from "./brokers.ts"
import { OperationFailed } from "./client-effect.ts"
import { chaosFlags, checkFlags, replayFlags } from "./chaos/flags.ts"
import { configsCommand } from "./configs.ts"
import { consumeCommand } from "./consume.ts"
import { clusterFlags, startFlags } from "./flags.ts"
import type { FlagSpec } from "./flags.ts"
import { groupsCommand } from "./groups.ts"
import { produceCommand } from "./produce.ts"
import { simFlags } from "./sim/flags.ts"
import { topicsCommand } from "./topics.ts"
import { version } from "./version.ts"

const files = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer)
const services = Layer.mergeAll(
  files,
  NodeStdio.layer,
  NodeTerminal.layer,
  NodeChildProcessSpawner.layer.pipe(Layer.provide(files)),
)

const cluster = Command.make("cluster", shownFlags(clusterFlags), () => Effect.void).pipe(
  Command.withDescription("Run a cluster of brokers in the foreground; Ctrl-C stops it"),
  Command.withExamples([
    {
      command: "varve cluster",
      description: "three brokers, 127.0.0.1:9092 to 9094, data in ./data",
    },
    {
      command: "varve cluster --nodes 1 --dir /tmp/v --fresh --set num.partitions=6",
      description: "one broker, nothing kept from before, a setting by Kafka's name",
    },
  ]),
)

const start = Command.make("start", shownFlags(startFlags), () => Effect.void).pipe(
  Command.withDescription("Run one broker in the foreground"),
  Command.withExamples([
    {
      command: "varve start --config data/broker-1/broker.json",
      description: "bring back a broker of a cluster",
    },
    {
      command: "varve start --dir ./log",
      description: "a cluster of one, formed on an empty folder",
    },
  ]),
)

const bench = Command.make("bench", {}, () => Effect.void).pipe(
  Command.withDescription(
    "Measure throughput, latency, start and failover here; `varve bench --help` lists its flags",
  ),
)

const sim = Command.make("sim", shownFlags(simFlags), () => Effect.void).pipe(
  Command.withDescription(
    "Run whole clusters in simulated time with faults drawn from a seed; exit 1 at an alarm",
  ),
  Command.withExamples([
    { command: "varve sim --seeds 500", description: "seeds 1 to 500, on every core" },
    { command: "varve sim --seed 77 --json", description: "one seed again, and its hash" },
    {
      command: "varve sim --minutes 10 --set brokers=5 --set faults.crash=500",
      description: "as many as fit, with five brokers that crash twice a second",
    },
    {
      command: "varve sim --plan sim-failures/seed-77/case.json",
      description: "replay a shrunk failure; writes its trace and its picture",
    },
  ]),
)

const chaosCheck = Command.make(
  "check",
  { history: Argument.String("history"), ...shownFlags(checkFlags) },
  () => Effect.void,
).pipe(Command.withDescription("Check a history.jsonl again; exit 1 when it shows an anomaly"))

const chaosReplay = Command.make(
  "replay",
  { run: Argument.String("run"), ...shownFlags(replayFlags) },
  () => Effect.void,
).pipe(Command.withDescription("The options and the plan of faults of an earlier run once more"))

const chaos = Command.make("chaos", shownFlags(chaosFlags), () => Effect.void).pipe(
  Command.withDescription(
    "Run a real cluster under real clients and faults, check every record, write a report; exit 0 VALID, 1 INVALID, 3 INCONCLUSIVE",
  ),
  Command.withSubcommands([chaosCheck, chaosReplay]),
  Command.withExamples([
    { command: "varve chaos", description: "three brokers, a minute of faults, a report" },
    {
      command: "varve chaos --seed 42 --seconds 300 --nodes 5 --faults kill,partition",
      description: "chosen faults, for five minutes; the same seed gives the same plan",
    },
    {
      command: "varve chaos --plant commits-with-minority",
      description: "with a bug planted on purpose: it must be found",
    },
    {
      command: "varve chaos --against kafka=./kafka --faults kill,pause,clients",
      description: "the same test against Apache Kafka",
    },
    { command: "varve chaos replay chaos-runs/42-20261121T201500", description: "once more" },
  ]),
)

const root = Command.make("varve").pipe(
  Command.withDescription("A replicated log that speaks Kafka's wire protocol"),
  Command.withSubcommands([
    cluster,
    start,
    topicsCommand,
    groupsCommand,
    configsCommand,
    brokersCommand,
    produceCommand,
    consumeCommand,
    bench,
    sim,
    chaos,
  ]),
  Command.withExamples([
    { command: "varve cluster", description: "three brokers on this machine" },
    { command: "varve topics create orders --partitions 6", description: "a topic" },
    { command: 'varve produce orders "one" "two"', description: "two records" },
    { command: "varve consume orders --follow", description: "what is in it, and what comes" },
    { command: "varve groups describe billing --watch", description: "lag, every two seconds" },
    {
      command: "source <(varve --completions bash)",
      description: "complete commands and flags; also zsh, fish",
    },
  ]),
)

export async function run(argv: ReadonlyArray<string>): Promise<void> {
  const words = argv.length === 0 ? ["--help"] : argv
  const program = Command.runWith(root, { version })(words).pipe(Effect.provide(services))
  const exit = await Effect.runPromiseExit(program)
  process.exitCode = exitCode(exit)
}

function exitCode(exit: Exit.Exit<void, unknown>): number {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return 0
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error)) {
    return error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2
  }
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(`varve: ${reason}\n`)
  return error instanceof OperationFailed && error.usage ? 2 : 1
}

/** The table of `flags.ts`, as the command-line library wants it, for the help alone. */
function shownFlags(specs: ReadonlyArray<FlagSpec>) {
  return Object.fromEntries(
    specs.map((spec) => [
      spec.name,
      spec.kind === "switch"
        ? Flag.Boolean(spec.name).pipe(Flag.withDescription(spec.about), Flag.optional)
        : Flag.String(spec.name).pipe(Flag.withDescription(spec.about), Flag.optional),
    ]),
  )
}

if (import.meta.main) await run(process.argv.slice(2))
