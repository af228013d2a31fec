/**
 * What Kafka's tools have in common: no arguments or `--help` print the help and exit 1, a wrong
 * command line prints a sentence and the help and exits 1, and a failed operation prints its
 * message, then the exception's name as a stack trace begins.
 */
import { Client, parseBootstrap } from "../../client/client.ts"
import { clientSettings } from "./command-config.ts"
import { ToolError, asToolError } from "./tool-error.ts"
import { OptionError, ToolUsageError, formatHelp, parseToolOptions } from "./tool-options.ts"
import type { OptionSpec, ToolOptions } from "./tool-options.ts"
import { standardOutput, toolVersion } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"

export interface Tool {
  /** Said above the help. */
  readonly about: string
  readonly specs: ReadonlyArray<OptionSpec>
  /** Throws what is wrong with the options; nothing has been connected to yet. */
  readonly check: (options: ToolOptions, output: ToolOutput) => void
  /** Gives the exit code; none: 0. */
  readonly run: (options: ToolOptions, output: ToolOutput) => Promise<number | void>
  /** What a command line prints that cannot be read at all. */
  readonly unreadable?: (error: OptionError, help: string) => string
  /** Prints what went wrong, and gives the exit code; by default the message and the exception. */
  readonly failed?: (error: ToolError, output: ToolOutput) => number
}

/** Gives the exit code. */
export async function runTool(
  tool: Tool,
  argv: ReadonlyArray<string>,
  output: ToolOutput = standardOutput,
): Promise<number> {
  try {
    if (argv.length === 0) throw new ToolUsageError(tool.about)
    const options = parseToolOptions([...tool.specs, ...commonSpecs], argv)
    if (options.has("help")) throw new ToolUsageError(tool.about)
    if (options.has("version")) {
      output.out(`${toolVersion}\n`)
      return 0
    }
    tool.check(options, output)
    return (await tool.run(options, output)) ?? 0
  } catch (error) {
    const help = () => formatHelp(sorted([...tool.specs, ...commonSpecs]))
    if (error instanceof ToolUsageError) {
      output.err(`${error.message}\n${help()}`)
      return 1
    }
    if (error instanceof OptionError) {
      output.err((tool.unreadable ?? uncaught)(error, help()))
      return 1
    }
    return (tool.failed ?? failed)(asToolError(error), output)
  }
}

const commonSpecs: ReadonlyArray<OptionSpec> = [
  { name: "help", about: "Print this." },
  { name: "version", about: "Print the version." },
]

const sorted = (specs: ReadonlyArray<OptionSpec>): ReadonlyArray<OptionSpec> =>
  specs.toSorted((a, b) => (a.name < b.name ? -1 : 1))

const uncaught = ({ exception, message }: OptionError): string =>
  exception === undefined
    ? `${message}\n`
    : `Exception in thread "main" joptsimple.${exception}: ${message}\n`

/** For tools that catch it and print the help. */
export const unreadableWithHelp = (error: OptionError, help: string): string =>
  `${error.message}\n${help}`

function failed(error: ToolError, output: ToolOutput): number {
  output.err(`${error.message}\n`)
  if (error.exception !== terse) output.err(`${error.toString()}\n\n`)
  return 1
}

const terse = "org.apache.kafka.tools.TerseException"

/** A sentence that says all: no exception is named behind it. */
export const terseError = (message: string): ToolError => new ToolError(terse, message)

export const isTerse = ({ exception }: ToolError): boolean => exception === terse

/** Throws `ToolUsageError` unless it is `host:port`, or several with commas. */
export function checkBootstrap(options: ToolOptions): void {
  const text = options.text("bootstrap-server") ?? ""
  if (text.trim() === "") {
    throw new ToolUsageError("Error while validating the bootstrap address\n")
  }
  if (parseBootstrap(text) === undefined) {
    throw new ToolUsageError("Please provide valid host:port like host1:9091,host2:9092\n")
  }
}

export const bootstrapSpec: OptionSpec = {
  name: "bootstrap-server",
  argument: "server to connect to",
  about: "REQUIRED: host:port, or several with commas.",
}

export const commandConfigSpec: OptionSpec = {
  name: "command-config",
  argument: "command config property file",
  about: "A file of client settings.",
}

const requestTimeoutMs = 30_000

export interface ConnectOptions {
  readonly clientId: string
  /** Instead of `--command-config`. */
  readonly config?: string
}

/** A client for the time of the action. */
export async function withToolClient<A>(
  options: ToolOptions,
  { clientId, config }: ConnectOptions,
  action: (client: Client) => Promise<A>,
): Promise<A> {
  const bootstrap = parseBootstrap(options.text("bootstrap-server") ?? "")
  if (bootstrap === undefined) {
    const exception = "org.apache.kafka.common.KafkaException"
    throw new ToolError(exception, "Failed to create new KafkaAdminClient")
  }
  const settings = clientSettings(config ?? options.text("command-config"))
  const client = new Client({ bootstrap, requestTimeoutMs, clientId, ...settings })
  try {
    return await action(client)
  } finally {
    client.close()
  }
}
