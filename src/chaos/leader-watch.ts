/** Who led what from when on, as brokers told it while the run went on. */
import type { RunClock } from "./clock.ts"
import type { ChaosCluster } from "./cluster.ts"
import { MetadataProbe } from "./metadata-probe.ts"
import type { ClusterSeen } from "./metadata-probe.ts"
import type { LeaderSeen } from "./result.ts"

const everyMs = 250
/** A partition whose leader changes at every look cannot fill the memory. */
const seenMax = 100_000

export class LeaderWatch {
  readonly #cluster: ChaosCluster
  readonly #clock: RunClock
  readonly #stop = new AbortController()
  readonly #latest = new Map<string, LeaderSeen>()
  readonly #seen: Array<LeaderSeen> = []
  readonly #watching: Promise<void>

  constructor(cluster: ChaosCluster, clock: RunClock) {
    this.#cluster = cluster
    this.#clock = clock
    this.#watching = this.#watch()
  }

  get seen(): ReadonlyArray<LeaderSeen> {
    return this.#seen
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watch(): Promise<void> {
    const probe = new MetadataProbe(this.#cluster.nodes)
    const { signal } = this.#stop
    try {
      while (!signal.aborted) {
        const views = await Promise.all(this.#cluster.nodes.map(({ id }) => probe.ask(id)))
        this.#note(views.filter((view) => view !== undefined))
        await this.#clock.sleep(everyMs, signal).catch(() => undefined)
      }
    } finally {
      probe.dispose()
    }
  }

  /** Brokers lag behind each other: of a partition the highest epoch that any of them knows. */
  #note(views: ReadonlyArray<ClusterSeen>): void {
    const atMs = this.#clock.nowMs()
    for (const { partition, leader, epoch } of views.flatMap(({ partitions }) => partitions)) {
      const latest = this.#latest.get(partition)
      const isNews =
        latest === undefined ||
        epoch > latest.epoch ||
        (epoch === latest.epoch && latest.leader < 0 && leader >= 0)
      if (!isNews || this.#seen.length >= seenMax) continue
      const seen: LeaderSeen = { atMs, partition, leader, epoch }
      this.#latest.set(partition, seen)
      this.#seen.push(seen)
    }
  }
}
