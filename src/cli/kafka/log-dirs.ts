#!/usr/bin/env bun
/** `kafka-log-dirs`: Kafka's own flags, messages and exit codes. */
import { runLogDirsTool } from "./log-dirs-tool.ts"

process.exit(await runLogDirsTool(process.argv.slice(2)))
