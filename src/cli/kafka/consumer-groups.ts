#!/usr/bin/env bun
/** `kafka-consumer-groups`: Kafka's own flags, messages and exit codes. */
import { runConsumerGroupsTool } from "./consumer-groups-tool.ts"

process.exit(await runConsumerGroupsTool(process.argv.slice(2)))
