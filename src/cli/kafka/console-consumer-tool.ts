/** kafka-console-consumer as a function of its arguments. */
import { Client, parseBootstrap } from "../../client/client.ts"
import { Consumer } from "../../client/consumer.ts"
import type { ConsumedRecord } from "../../client/fetched-records.ts"
import { settingsIn } from "./command-config.ts"
import {
  consoleSettings,
  fetcherOptions,
  formatters,
  groupOptions,
  specs,
} from "./console-consumer-options.ts"
import type { ConsoleSettings } from "./console-consumer-options.ts"
import { MessageFormatter } from "./message-formatter.ts"
import { asToolError } from "./tool-error.ts"
import type { ToolError } from "./tool-error.ts"
import { runTool, unreadableWithHelp } from "./tool-frame.ts"
import type { ToolOptions } from "./tool-options.ts"
import { logLine, standardOutput, writeStandard } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"

export interface ConsumerOutput extends ToolOutput {
  /** False: nobody listens any more. */
  readonly bytes: (bytes: Uint8Array) => boolean
}

const about = "This tool helps to read data from Kafka topics and outputs it to standard output."
const logger = "org.apache.kafka.tools.consumer.ConsoleConsumer"

const classicHint =
  "The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to " +
  "try it out. See https://kafka.apache.org/documentation/#consumer_rebalance_protocol\n"

const standardConsumerOutput: ConsumerOutput = {
  ...standardOutput,
  bytes: (bytes) => writeStandard(1, bytes),
}

/** `stop`: reads no more, commits, leaves the group. Gives the exit code. */
export function runConsoleConsumerTool(
  argv: ReadonlyArray<string>,
  output: ConsumerOutput = standardConsumerOutput,
  stop: AbortSignal = new AbortController().signal,
): Promise<number> {
  let settings: ConsoleSettings
  const tool = {
    about,
    specs,
    unreadable: unreadableWithHelp,
    check: (options: ToolOptions) => {
      settings = consoleSettings(options, output.out)
    },
    run: (options: ToolOptions) => new ConsoleConsumer(options, settings, output, stop).run(),
    failed: (error: ToolError) => {
      output.err(logLine("ERROR", "Unknown error when running consumer: ", logger))
      output.err(`${error.toString()}\n`)
      return 1
    },
  }
  return runTool(tool, argv, output)
}

class ConsoleConsumer {
  readonly #options: ToolOptions
  readonly #settings: ConsoleSettings
  readonly #output: ConsumerOutput
  readonly #stop: AbortSignal
  #count = 0

  constructor(
    options: ToolOptions,
    settings: ConsoleSettings,
    output: ConsumerOutput,
    stop: AbortSignal,
  ) {
    this.#options = options
    this.#settings = settings
    this.#output = output
    this.#stop = stop
  }

  async run(): Promise<void> {
    const { properties } = this.#settings
    const options = this.#options
    const fetching = fetcherOptions(options, properties)
    const group = groupOptions(options, properties)
    const print = this.#printer()
    const client = new Client({
      bootstrap: parseBootstrap(options.text("bootstrap-server") ?? "") ?? [],
      clientId: "console-consumer",
      ...settingsIn(properties, "the consumer's settings"),
      requestTimeoutMs: 30_000,
    })
    const consumer = new Consumer(client, fetching)
    const topic = options.text("topic")
    const partition = options.integer("partition")
    if (topic !== undefined && partition !== undefined) {
      consumer.assign([{ topic, partition, offset: this.#settings.offset }])
    } else {
      if (group.protocol === "classic") this.#output.err(classicHint)
      const pattern = options.text("include")
      const topics = topic === undefined ? [] : [topic]
      consumer.subscribe({ topics, ...(pattern === undefined ? {} : { pattern }) }, group)
    }
    this.#stop.addEventListener("abort", () => consumer.wakeUp())
    try {
      await this.#loop(consumer, print)
    } finally {
      await consumer.close()
      client.close()
      this.#output.err(`Processed a total of ${this.#count} messages\n`)
      if (options.has("enable-systest-events")) this.#output.out("shutdown_complete\n")
    }
  }

  #printer(): MessageFormatter | undefined {
    if (this.#settings.formatter === formatters.noOp) return undefined
    return new MessageFormatter(this.#settings.formatterProperties, (className) => {
      const what = `Unable to instantiate a deserializer from ${className}`
      this.#output.err(logLine("ERROR", what, "DefaultMessageFormatter"))
      this.#output.err(`java.lang.ClassNotFoundException: ${className}\n`)
    })
  }

  async #loop(consumer: Consumer, formatter: MessageFormatter | undefined): Promise<void> {
    const max = this.#options.integer("max-messages") ?? Infinity
    const timeout = this.#options.long("timeout-ms") ?? -1
    const timeoutMs = timeout < 0 ? Infinity : timeout
    let heardMs = performance.now()
    while (this.#count < max && !this.#stop.aborted) {
      const waitMs = Math.min(1000, heardMs + timeoutMs - performance.now())
      const records = await consumer.poll(Math.max(0, waitMs), Math.min(500, max - this.#count))
      if (records.length > 0) heardMs = performance.now()
      else if (performance.now() - heardMs >= timeoutMs) return this.#timedOut()
      if (!this.#print(records, formatter)) {
        this.#output.err("Unable to write to standard out, closing consumer.\n")
        return
      }
    }
  }

  /** In one write, also what comes before a record that cannot be printed. */
  #print(records: ReadonlyArray<ConsumedRecord>, formatter: MessageFormatter | undefined): boolean {
    const parts: Uint8Array[] = []
    let failure: unknown
    for (const record of records) {
      this.#count++
      try {
        const bytes = this.#format(record, formatter)
        if (bytes !== undefined) parts.push(bytes)
      } catch (error) {
        failure = error
        break
      }
    }
    const written = parts.length === 0 || this.#output.bytes(Buffer.concat(parts))
    if (failure !== undefined) throw failure
    return written
  }

  #format(record: ConsumedRecord, formatter: MessageFormatter | undefined): Uint8Array | undefined {
    try {
      return formatter?.format(record)
    } catch (error) {
      if (!this.#options.has("skip-message-on-error")) throw error
      const what = "Error processing message, skipping this message: "
      this.#output.err(logLine("ERROR", what, logger))
      this.#output.err(`${asToolError(error).toString()}\n`)
      return undefined
    }
  }

  #timedOut(): void {
    const what = "Error processing message, terminating consumer process: "
    this.#output.err(logLine("ERROR", what, logger))
    this.#output.err("org.apache.kafka.common.errors.TimeoutException\n")
  }
}
