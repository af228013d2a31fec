#!/usr/bin/env bun
/** `kafka-configs`: Kafka's own flags, messages and exit codes. */
import { runConfigsTool } from "./configs-tool.ts"

process.exit(await runConfigsTool(process.argv.slice(2)))
