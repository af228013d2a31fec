/** Whether a cluster has recovered from what was done to it. */
import type { ChaosCluster } from "../cluster.ts"
import { isAnswering } from "./processes.ts"
import type { FaultTools } from "./tools.ts"

const answerTimeoutMs = 1_000

/**
 * Undefined when every broker answers and every partition has a leader and all its replicas in
 * sync; else what is missing, in a few words.
 */
export async function isWell(
  cluster: ChaosCluster,
  topics: ReadonlyArray<string>,
  tools: FaultTools,
): Promise<string | undefined> {
  const answers = await Promise.all(
    cluster.nodes.map(({ id }) => isAnswering(cluster, id, tools, answerTimeoutMs)),
  )
  const silent = cluster.nodes.filter((_, i) => answers[i] !== true).map(({ id }) => id)
  if (silent.length > 0) return `broker ${silent.join(", ")} does not answer`
  if (topics.length === 0) return undefined
  const partitions = await tools.partitions(cluster, topics)
  if (partitions.length === 0) return "no partitions are known"
  const ill = partitions.filter((p) => p.leader < 0 || p.inSync.length < p.replicas.length)
  const [first] = ill
  if (first === undefined) return undefined
  const others = ill.length === 1 ? "" : ` and ${ill.length - 1} more`
  const what = first.leader < 0 ? "has no leader" : "has replicas out of sync"
  return `${first.topic}/${first.partition}${others} ${what}`
}
