#!/usr/bin/env bun
/** `kafka-leader-election`: Kafka's own flags, messages and exit codes. */
import { runLeaderElectionTool } from "./leader-election-tool.ts"

process.exit(await runLeaderElectionTool(process.argv.slice(2)))
