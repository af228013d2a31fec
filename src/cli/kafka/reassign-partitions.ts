#!/usr/bin/env bun
/** `kafka-reassign-partitions`: Kafka's own flags, messages and exit codes. */
import { runReassignTool } from "./reassign-tool.ts"

process.exit(await runReassignTool(process.argv.slice(2)))
