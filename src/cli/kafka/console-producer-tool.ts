/** kafka-console-producer as a function of its arguments and its standard input. */
import { Client, parseBootstrap } from "../../client/client.ts"
import { Producer } from "../../client/producer.ts"
import type { ProducedRecord } from "../../client/producer.ts"
import { settingsIn } from "./command-config.ts"
import {
  checkProducerOptions,
  producerProperties,
  producerSettings,
  readerProperties,
  specs,
} from "./console-producer-options.ts"
import { LineReader, readLines } from "./line-reader.ts"
import { asToolError } from "./tool-error.ts"
import type { ToolError } from "./tool-error.ts"
import { runTool, unreadableWithHelp } from "./tool-frame.ts"
import type { ToolOptions } from "./tool-options.ts"
import { logLine, standardOutput } from "./tool-output.ts"
import type { ToolOutput } from "./tool-output.ts"

const about = "This tool helps to read data from standard input and publish it to Kafka."

const callbackLogger = "org.apache.kafka.clients.producer.internals.ErrorLoggingCallback"

let standard: AsyncIterable<Uint8Array> | undefined
const standardInput = (): AsyncIterable<Uint8Array> => (standard ??= Bun.stdin.stream())

export const runConsoleProducerTool = (
  argv: ReadonlyArray<string>,
  output: ToolOutput = standardOutput,
  input: AsyncIterable<Uint8Array> = standardInput(),
): Promise<number> =>
  runTool(
    {
      about,
      specs,
      unreadable: unreadableWithHelp,
      check: (options) => checkProducerOptions(options, output.out),
      run: (options) => produce(options, output, input),
      failed: (error) => failed(error, output),
    },
    argv,
    output,
  )

function failed(error: ToolError, output: ToolOutput): number {
  const argument = error.exception.startsWith("joptsimple.")
  output.err(`${argument ? error.message : error.toString()}\n`)
  return 1
}

async function produce(
  options: ToolOptions,
  output: ToolOutput,
  input: AsyncIterable<Uint8Array>,
): Promise<void> {
  const reader = new LineReader(readerProperties(options))
  const properties = producerProperties(options)
  const settings = producerSettings(options, properties)
  const client = new Client({
    bootstrap: parseBootstrap(options.text("bootstrap-server") ?? "") ?? [],
    clientId: "console-producer",
    ...settingsIn(properties, "the producer's settings"),
    requestTimeoutMs: 30_000,
  })
  const topic = options.text("topic") ?? ""
  const producer = new Producer(client, topic, settings)
  const prompt = input === standardInput() && process.stdin.isTTY
  try {
    if (prompt) output.out(">")
    for await (const line of readLines(input)) {
      await send(producer, topic, reader.read(line), options.has("sync"), output)
      if (prompt) output.out(">")
    }
  } finally {
    await producer.flush()
    client.close()
  }
}

async function send(
  producer: Producer,
  topic: string,
  record: ProducedRecord,
  sync: boolean,
  output: ToolOutput,
): Promise<void> {
  try {
    const { receipt } = await producer.send(record)
    if (sync) await receipt
    else receipt.catch((error: unknown) => logFailure(topic, record, error, output))
  } catch (error) {
    if (sync) throw error
    logFailure(topic, record, error, output)
  }
}

const size = (bytes: Uint8Array | null): string =>
  bytes === null ? "null" : `${bytes.length} bytes`

function logFailure(
  topic: string,
  record: ProducedRecord,
  error: unknown,
  output: ToolOutput,
): void {
  const what = `with key: ${size(record.key)}, value: ${size(record.value)} with error:`
  const message = `Error when sending message to topic ${topic} ${what}`
  output.err(logLine("ERROR", message, callbackLogger))
  output.err(`${asToolError(error, "produce").toString()}\n`)
}
