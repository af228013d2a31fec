#!/usr/bin/env bun
/** `kafka-metadata-quorum`: Kafka's own flags, messages and exit codes. */
import { runMetadataQuorumTool } from "./metadata-quorum-tool.ts"

process.exit(await runMetadataQuorumTool(process.argv.slice(2)))
