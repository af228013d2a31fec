/** kafka-delete-records as a function of its arguments. */
import { deleteRecordsBefore } from "../../client/cluster.ts"
import { partitionName } from "../../client/topic-partition.ts"
import type { TopicPartition } from "../../client/topic-partition.ts"
import { integerIn, parseObject, partitionsIn, readText, stringIn } from "./json-file.ts"
import { ToolError, asToolError } from "./tool-error.ts"
import { bootstrapSpec, commandConfigSpec, runTool, withToolClient } from "./tool-frame.ts"
import type { Tool } from "./tool-frame.ts"
import { requireOption } from "./tool-options.ts"
import type { ToolOptions } from "./tool-options.ts"
import type { ToolOutput } from "./tool-output.ts"

const tool: Tool = {
  about: "This tool helps to delete records of the given partitions down to the specified offset.",
  specs: [
    bootstrapSpec,
    commandConfigSpec,
    {
      name: "offset-json-file",
      argument: "Offset json file path",
      about: 'REQUIRED: {"version":1,"partitions":[{"topic":"foo","partition":1,"offset":1}]}',
    },
  ],
  check: (options) => {
    requireOption(options, "bootstrap-server")
    requireOption(options, "offset-json-file")
  },
  run: deleteRecords,
}

export const runDeleteRecordsTool = (
  argv: ReadonlyArray<string>,
  output?: ToolOutput,
): Promise<number> => runTool(tool, argv, output)

interface Target extends TopicPartition {
  readonly offset: number
}

/** Throws with the sentences of Kafka's tool. */
export function parseTargets(text: string): ReadonlyArray<Target> {
  const json = parseObject(text, "The input string is not a valid JSON")
  const version = json["version"] === undefined ? 1 : integerIn(json, "version", "Integer")
  if (version !== 1) {
    const exception = "org.apache.kafka.tools.AdminOperationException"
    throw new ToolError(exception, `Not supported version field value ${version}`)
  }
  const targets = partitionsIn(json, "Missing partitions field").map((entry) => ({
    topic: stringIn(entry, "topic"),
    partition: integerIn(entry, "partition", "Integer"),
    offset: integerIn(entry, "offset", "Long"),
  }))
  const names = targets.map(partitionName)
  const twice = names.filter((name, i) => names.indexOf(name) !== i)
  if (twice.length === 0) return targets
  throw new ToolError(
    "org.apache.kafka.tools.AdminCommandFailedException",
    `Offset json file contains duplicate topic partitions: ${[...new Set(twice)].join(",")}`,
  )
}

async function deleteRecords(options: ToolOptions, output: ToolOutput): Promise<void> {
  const targets = parseTargets(readText(options.text("offset-json-file") ?? ""))
  await withToolClient(options, { clientId: "kafka-delete-records" }, async (client) => {
    output.out("Executing records delete operation\n")
    const lines = targets.map((target) =>
      deleteRecordsBefore(client, target, target.offset).then(
        (start) => `low_watermark: ${start}`,
        (error: unknown) => `error: ${asToolError(error, "deleteRecords").toString()}`,
      ),
    )
    const results = await Promise.all(lines)
    output.out("Records delete operation completed:\n")
    for (const [i, target] of targets.entries()) {
      output.out(`partition: ${partitionName(target)}\t${results[i]}\n`)
    }
  })
}
