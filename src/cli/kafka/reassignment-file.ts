/** The JSON files of kafka-reassign-partitions. */
import { readFileSync } from "node:fs"
import { ToolError } from "./tool-error.ts"

export interface PartitionTarget {
  readonly topic: string
  readonly partition: number
  readonly replicas: ReadonlyArray<number>
}

const failed = (message: string): ToolError =>
  new ToolError("org.apache.kafka.tools.AdminCommandFailedException", message)

function readJson(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch {
    throw new ToolError("java.io.IOException", `Unable to read file ${path}`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new ToolError("org.apache.kafka.tools.AdminOperationException", message)
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

function listIn(path: string, name: string): ReadonlyArray<unknown> {
  const json = readJson(path)
  if (!isObject(json)) throw failed(`${path}: a JSON object is expected`)
  const version = json["version"] ?? 1
  if (version !== 1) throw failed(`Not supported version field value ${JSON.stringify(version)}`)
  const list = json[name] ?? []
  if (!Array.isArray(list)) throw failed(`${path}: "${name}" is not a list`)
  return list
}

const isId = (value: unknown): value is number => Number.isInteger(value) && Number(value) >= 0

function targetOf(entry: unknown): PartitionTarget {
  if (isObject(entry)) {
    const { topic, partition, replicas } = entry
    const sound = typeof topic === "string" && isId(partition) && Array.isArray(replicas)
    if (sound && replicas.every(isId)) return { topic, partition, replicas }
  }
  throw failed(`not a partition with its replicas: ${JSON.stringify(entry)}`)
}

export const nameOf = ({ topic, partition }: Pick<PartitionTarget, "topic" | "partition">) =>
  `${topic}-${partition}`

export function readTargets(path: string): ReadonlyArray<PartitionTarget> {
  const targets = listIn(path, "partitions").map(targetOf)
  if (targets.length === 0) throw failed("Partition reassignment list cannot be empty")
  const seen = new Set<string>()
  for (const target of targets) {
    const name = nameOf(target)
    if (target.replicas.length === 0) throw failed("Partition replica list cannot be empty")
    if (seen.has(name)) {
      throw failed(`Partition reassignment contains duplicate topic partitions: ${name}`)
    }
    seen.add(name)
    const twice = target.replicas.filter((id, i) => target.replicas.indexOf(id) !== i)
    if (twice.length === 0) continue
    throw failed(
      `Partition replica lists may not contain duplicate entries: ${name} contains multiple ` +
        `entries for ${[...new Set(twice)].join(",")}`,
    )
  }
  return targets
}

export function readTopics(path: string): ReadonlyArray<string> {
  return listIn(path, "topics").map((entry) => {
    if (isObject(entry) && typeof entry["topic"] === "string") return entry["topic"]
    throw failed(`not a topic: ${JSON.stringify(entry)}`)
  })
}

export function readBrokers(text: string): ReadonlyArray<number> {
  const ids = text.split(",").map((word) => (/^\d{1,9}$/.test(word.trim()) ? Number(word) : -1))
  if (ids.includes(-1)) throw failed(`not a list of broker ids: ${text}`)
  const twice = ids.filter((id, i) => ids.indexOf(id) !== i)
  if (twice.length === 0) return ids
  throw failed(`Broker list contains duplicate entries: ${[...new Set(twice)].join(",")}`)
}

/** One line, as Kafka's tool writes it, and as it can be read again. */
export function formatTargets(targets: ReadonlyArray<PartitionTarget>): string {
  const partitions = targets.map(({ topic, partition, replicas }) => ({
    topic,
    partition,
    replicas,
    log_dirs: replicas.map(() => "any"),
  }))
  return JSON.stringify({ version: 1, partitions })
}
