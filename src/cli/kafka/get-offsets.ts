#!/usr/bin/env bun
/** `kafka-get-offsets`: Kafka's own flags, messages and exit codes. */
import { runGetOffsetsTool } from "./get-offsets-tool.ts"

process.exit(await runGetOffsetsTool(process.argv.slice(2)))
