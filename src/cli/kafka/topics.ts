#!/usr/bin/env bun
/** `kafka-topics`: Kafka's own flags, messages, columns and exit codes, against varve or Kafka. */
import { runTopicsTool } from "./topics-tool.ts"

process.exit(await runTopicsTool(process.argv.slice(2)))
