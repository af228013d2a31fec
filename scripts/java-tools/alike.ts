/** What of a tool's output is the cluster's own and not the tool's. */
const own: ReadonlyArray<readonly [pattern: RegExp, instead: string]> = [
  [/\b(perf-consumer|test-group)-\d+/g, "$1-{number}"],
  [/\b127\.0\.0\.1 +\d+/g, "{address}"],
  [/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "{uuid}"],
  [/(TopicId: +)\S{22}/g, "$1{topic.id}"],
  [/(Cluster ID: +)\S+/gi, "$1{cluster.id}"],
  [/CreateTime:\d+|LogAppendTime:\d+/g, "{time}"],
  // Kafka leaves the directory out where its quorum is configured and not discovered (KIP-853).
  [/"directoryId": "[^"]+", /g, ""],
  [/^(\d+\s+)\S{22}\s*\d+/gm, "$1{directory} {offset}"],
  [/(HighWatermark: +)\d+/g, "$1{offset}"],
  [/\d+ ms ago/g, "{ago}"],
  [/\{bootstrap\}/g, "{address}"],
  [/\b1[6-9]\d{11}\b/g, "{ms}"],
  [/127\.0\.0\.1:\d+/g, "{address}"],
  [/localhost:\d+/g, "{address}"],
  [/\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[\d:,.]*Z?/g, "{date}"],
  [/"size":\d+/g, '"size":{size}'],
  [/\{log\.dirs\}/g, "{log.dirs}"],
  [/^\d+ records sent,.*$/gm, "{speed}"],
  [/^[\d\-:,. ]+, [\d.,\- NaE]+$/gm, "{speed}"],
  [/^\{date\},? \{date\},? [\d., -]+$/gm, "{speed}"],
  [/^\d+\t[\d.]+$/gm, "{trip}"],
  [/(latency|Percentiles)\b.*\d.*$/gm, "$1 {speed}"],
  [/"(timestamp|avg_throughput)":[\d.E]+/g, '"$1":{number}'],
  [/ +/g, " "],
]

/** Which brokers hold what nobody placed by hand is free: the same ones, in any order. */
const placement = /\b(Replicas|Isr): ([\d,]+)/g

const withoutPlacement = (text: string): string =>
  text
    .replaceAll(placement, (_, name: string, ids: string) => {
      const sorted = ids.split(",").toSorted((a, b) => Number(a) - Number(b))
      return `${name}: ${sorted.join(",")}`
    })
    .replaceAll(/\bLeader: \d+/g, "Leader: {id}")

export const alike = (text: string): string =>
  own
    .reduce((rest, [pattern, instead]) => rest.replaceAll(pattern, instead), withoutPlacement(text))
    .trimEnd()

/** The lines that only one side has, with the sign of that side. */
export function lineDifferences(kafka: string, varve: string): ReadonlyArray<string> {
  const [theirs, ours] = [alike(kafka).split("\n"), alike(varve).split("\n")]
  return [
    ...theirs.filter((line) => !ours.includes(line)).map((line) => `- ${line}`),
    ...ours.filter((line) => !theirs.includes(line)).map((line) => `+ ${line}`),
  ]
}
