#!/usr/bin/env bun
/** `kafka-console-consumer`: Kafka's own flags, messages and exit codes; a signal ends it in order. */
import { runConsoleConsumerTool } from "./console-consumer-tool.ts"

const stop = new AbortController()
let signalled = 0
const exits = [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const
for (const [signal, code] of exits) {
  process.once(signal, () => {
    signalled = code
    stop.abort()
  })
}
const code = await runConsoleConsumerTool(process.argv.slice(2), undefined, stop.signal)
process.exit(signalled || code)
