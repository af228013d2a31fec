/** Which partitions kafka-get-offsets is asked for. Pure. */
import type { TopicPartition } from "../../client/topic-partition.ts"
import { ToolError } from "./tool-error.ts"
import { terseError } from "./tool-frame.ts"

export type PartitionFilter = (partition: TopicPartition) => boolean

/** Kafka's list of patterns: commas stand for alternatives, quotes around it are dropped. */
export function topicPattern(text: string): RegExp {
  const source = text
    .trim()
    .replaceAll(",", "|")
    .replaceAll(" ", "")
    .replaceAll(/^["']+|["']+$/g, "")
  try {
    return new RegExp(`^(?:${source})$`)
  } catch {
    throw new ToolError("java.lang.RuntimeException", `${source} is an invalid regex.`)
  }
}

/** `--topic` and `--partitions`; undefined: all. */
export function filterOf(
  topic: string | undefined,
  partitions: string | undefined,
): PartitionFilter {
  const pattern = topicPattern(topic ?? ".*")
  const ids = partitions === undefined || partitions === "" ? [] : partitions.split(",")
  if (!ids.every((id) => /^[+-]?\d{1,10}$/.test(id))) {
    throw terseError(
      "--partitions expects a comma separated list of numeric partition ids, " +
        `but received: ${partitions}`,
    )
  }
  const wanted = new Set(ids.map(Number))
  return (one) => pattern.test(one.topic) && (wanted.size === 0 || wanted.has(one.partition))
}

const rulePattern = /^([^:,]*)(?::(?:([0-9]*)|([0-9]*)-([0-9]*)))?$/

/** `--topic-partitions topic1:1,topic2:0-3,topic3,:5-`: any of the rules. */
export function filterOfRules(text: string): PartitionFilter {
  const rules = text.split(",").map((spec): PartitionFilter => {
    const match = rulePattern.exec(spec)
    if (match === null) {
      const inner = terseError(`Invalid rule specification: ${spec}`).toString()
      throw new ToolError("java.lang.RuntimeException", inner)
    }
    const [, topic, single, lower, upper] = match
    const pattern = topicPattern(topic || ".*")
    const first = Number(single || lower || 0)
    const end = single ? first + 1 : upper ? Number(upper) : Infinity
    return (one) => pattern.test(one.topic) && one.partition >= first && one.partition < end
  })
  return (one) => rules.some((rule) => rule(one))
}
