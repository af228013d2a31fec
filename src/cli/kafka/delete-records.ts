#!/usr/bin/env bun
/** `kafka-delete-records`: Kafka's own flags, messages and exit codes. */
import { runDeleteRecordsTool } from "./delete-records-tool.ts"

process.exit(await runDeleteRecordsTool(process.argv.slice(2)))
