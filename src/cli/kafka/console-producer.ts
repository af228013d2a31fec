#!/usr/bin/env bun
/** `kafka-console-producer`: Kafka's own flags, messages and exit codes. */
import { runConsoleProducerTool } from "./console-producer-tool.ts"

process.exit(await runConsoleProducerTool(process.argv.slice(2)))
