/** Makes the topics of a workload on a healthy cluster. */
import { Client, parseBootstrap } from "../../client/index.ts"
import { ErrorCode, errorName, isRetriable } from "../../protocol/error-codes.ts"
import { createTopics } from "../../protocol/messages/create-topics.ts"
import type { ChaosCluster } from "../cluster.ts"
import type { Topic } from "../drivers/partition.ts"

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly configs?: Readonly<Record<string, string>>
}

const replicationFactor = 3
const minInSync = "2"
const patienceMs = 60_000
const backOffMs = 100

/**
 * Three replicas each, two of them in sync for whatever is acknowledged by all. Resolves when every
 * replica of every partition is in sync; rejects when that takes longer than a minute.
 */
export async function makeTopics(
  cluster: ChaosCluster,
  wanted: ReadonlyArray<NewTopic>,
  signal: AbortSignal,
): Promise<ReadonlyArray<Topic>> {
  const bootstrap = parseBootstrap(cluster.bootstrap.join(",")) ?? []
  const client = new Client({ bootstrap, clientId: "chaos-topics", requestTimeoutMs: 10_000 })
  const deadlineMs = performance.now() + patienceMs
  try {
    await insist(signal, deadlineMs, () => create(client, wanted))
    return await insist(signal, deadlineMs, () => inSync(client, wanted))
  } finally {
    client.close()
  }
}

/** Until it neither fails nor says what it waits for. */
async function insist<A>(
  signal: AbortSignal,
  deadlineMs: number,
  action: () => Promise<A | string>,
): Promise<A> {
  for (;;) {
    signal.throwIfAborted()
    const result = await action().catch((error: unknown) => String(error))
    if (typeof result !== "string") return result
    if (performance.now() > deadlineMs) throw new Error(`topics could not be made: ${result}`)
    await Bun.sleep(backOffMs)
  }
}

/** A string: what went wrong, to be tried again. */
async function create(client: Client, wanted: ReadonlyArray<NewTopic>): Promise<true | string> {
  const answer = await client.ask(createTopics, {
    topics: wanted.map(({ name, partitions, configs = {} }) => ({
      name,
      numPartitions: partitions,
      replicationFactor,
      assignments: [],
      configs: Object.entries({ "min.insync.replicas": minInSync, ...configs }).map(
        ([key, value]) => ({ name: key, value }),
      ),
    })),
    timeoutMs: 10_000,
  })
  for (const { name, errorCode, errorMessage } of answer.topics) {
    const isThere = errorCode === ErrorCode.NONE || errorCode === ErrorCode.TOPIC_ALREADY_EXISTS
    const what = `${name}: ${errorName(errorCode)} ${errorMessage ?? ""}`
    if (!isThere && isRetriable(errorCode)) return what
    if (!isThere) throw new Error(what)
  }
  return true
}

async function inSync(
  client: Client,
  wanted: ReadonlyArray<NewTopic>,
): Promise<ReadonlyArray<Topic> | string> {
  const answer = await client.metadata(wanted.map(({ name }) => name))
  const topics: Array<Topic> = []
  for (const { name, partitions, configs = {} } of wanted) {
    const found = answer.topics.find((topic) => topic.name === name)
    if (found === undefined || found.errorCode !== ErrorCode.NONE) return `${name} is not there`
    const whole = found.partitions.filter(
      ({ leaderId, isrNodes }) => leaderId >= 0 && isrNodes.length === replicationFactor,
    )
    if (whole.length !== partitions) return `${whole.length} of ${partitions} of ${name} in sync`
    const isCompacted = configs["cleanup.policy"] === "compact"
    topics.push({ name, id: found.topicId, partitions, ...(isCompacted ? { isCompacted } : {}) })
  }
  return topics
}
