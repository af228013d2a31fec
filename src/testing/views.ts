/** How the brokers themselves see the cluster, asked past the proxy: who leads, what is missing. */
import type { ChaosCluster } from "../chaos/cluster.ts"
import { MetadataProbe } from "../chaos/metadata-probe.ts"
import type { ClusterSeen, PartitionSeen } from "../chaos/metadata-probe.ts"
import { missingFor } from "../chaos/recovery.ts"

const everyMs = 10
const linesMax = 5

export class Views {
  readonly #probe: MetadataProbe
  readonly #nodeCount: number

  constructor({ nodes }: Pick<ChaosCluster, "nodes">) {
    this.#probe = new MetadataProbe(nodes)
    this.#nodeCount = nodes.length
  }

  /**
   * All of these brokers answer and say that every partition (of these topics, or of all) has a
   * leader and all its replicas in sync; of all topics: and each sees all others.
   */
  async untilWell(
    ids: ReadonlyArray<number>,
    topics: ReadonlyArray<string> | undefined,
    timeoutMs: number,
  ): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      const views = await Promise.all(ids.map((id) => this.#probe.ask(id)))
      const missing = ids.flatMap((id, i) => {
        const view = views[i]
        if (view === undefined) return [`broker ${id} does not answer`]
        if (topics === undefined) return missingFor(id, view, this.#nodeCount)
        const own = ofTopics(view, topics)
        const unknown = topics.filter((topic) => !own.some((one) => topicOf(one) === topic))
        return [
          ...unknown.map((topic) => `broker ${id} does not know ${topic}`),
          ...missingFor(id, { brokers: [], partitions: own }, 0),
        ]
      })
      if (missing.length === 0) return
      if (performance.now() > deadlineMs) throw new Error(notWell(missing, timeoutMs))
      await Bun.sleep(everyMs)
    }
  }

  /**
   * Who leads it as far as can be known: by the highest epoch that any broker tells, and by the
   * word of the leader itself, which must be among the brokers that can be asked.
   */
  async leaderOf(
    partition: string,
    reachable: () => ReadonlyArray<number>,
    timeoutMs: number,
  ): Promise<number> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      const ids = reachable()
      const views = await Promise.all(ids.map((id) => this.#probe.ask(id)))
      const seen = views.map((view) => view?.partitions.find((one) => one.partition === partition))
      const epoch = Math.max(-1, ...seen.map((one) => one?.epoch ?? -1))
      const found = ids.find((id, i) => seen[i]?.leader === id && seen[i].epoch === epoch)
      if (found !== undefined) return found
      if (performance.now() > deadlineMs) {
        const why = seen.every((one) => one === undefined) ? "is not known" : "has no leader"
        throw new Error(`${partition} ${why} after ${timeoutMs} ms (up: ${ids.join(", ")})`)
      }
      await Bun.sleep(everyMs)
    }
  }

  dispose(): void {
    this.#probe.dispose()
  }
}

const topicOf = ({ partition }: PartitionSeen): string =>
  partition.slice(0, partition.lastIndexOf("/"))

const ofTopics = (view: ClusterSeen, topics: ReadonlyArray<string>): ReadonlyArray<PartitionSeen> =>
  view.partitions.filter((one) => topics.includes(topicOf(one)))

function notWell(missing: ReadonlyArray<string>, timeoutMs: number): string {
  const shown = missing.slice(0, linesMax)
  const more = missing.length > linesMax ? [`and ${missing.length - linesMax} more`] : []
  return [`the cluster is not well after ${timeoutMs} ms:`, ...shown, ...more].join("\n  ")
}
