/**
 * Workload v (VERIFICATION §3.2): topics that are made, grown, configured, deleted and made again
 * under the same few names, by several administrators at once; every broker is asked all the while
 * what it knows of them.
 */
import { endsWithin } from "../clock.ts"
import type { RawPorts } from "../drivers/raw/raw-client.ts"
import type { ClientControl, Workload, WorkloadContext, WorkloadProgress } from "../workload.ts"
import { Counts, leavingOutReads } from "./crew.ts"
import { ConfigValues } from "./fresh-reads.ts"
import { MetadataAdmin, ownTopic } from "./metadata-admin.ts"
import { MetadataNames } from "./metadata-names.ts"
import { MetadataWatch } from "./metadata-watch.ts"
import type { MetadataSeen } from "./metadata-watch.ts"
import { rawPorts } from "./raw-crew.ts"
import { makeTopics } from "./topics.ts"

/** As many operations may be under way on one name. */
const adminsMax = 4
const agreeMs = 60_000
const lookEveryMs = 200

export const makeMetadataWorkload = (context: WorkloadContext): Workload =>
  new MetadataWorkload(context)

class MetadataWorkload implements Workload {
  readonly name = "metadata"
  readonly promises = [
    "what a broker tells of topics and leaders never goes back while it runs",
    "a topic that was deleted does not come back; one made anew under its name is another one",
    "making, deleting, growing and configuring a topic is linearizable, with reads that wait for a write",
    "after the faults all brokers tell the same",
  ]
  readonly clients: ReadonlyArray<ClientControl> = []
  readonly #context: WorkloadContext
  readonly #counts: Counts
  readonly #names: MetadataNames
  #topics: ReadonlyArray<string> = []
  #admins: ReadonlyArray<MetadataAdmin> = []
  #watches: ReadonlyArray<MetadataWatch> = []

  constructor(context: WorkloadContext) {
    this.#context = context
    this.#counts = new Counts(context.clock)
    this.#names = new MetadataNames(context.runId)
  }

  /** Those that last. */
  get topics(): ReadonlyArray<string> {
    return this.#topics
  }

  get progress(): WorkloadProgress {
    return this.#counts
  }

  async prepare(): Promise<void> {
    const { cluster, runId, signal } = this.#context
    const places = Array.from({ length: adminsMax }, (_, place) => place)
    const wanted = places.map((place) => ({ name: ownTopic(runId, place), partitions: 1 }))
    const made = await makeTopics(cluster, wanted, signal)
    this.#topics = made.map(({ name }) => name)
    const ports = this.#ports()
    const values = new ConfigValues()
    this.#admins = places.map((place) => new MetadataAdmin(place, ports, this.#names, values))
    this.#watches = ports.nodes.map((node) => new MetadataWatch(node, ports, this.#names))
  }

  start(): void {
    for (const one of [...this.#watches, ...this.#admins]) one.start()
  }

  async stop(timeoutMs: number): Promise<void> {
    const { clock, log } = this.#context
    const all = [...this.#watches, ...this.#admins]
    const ended = Promise.all(all.map((one) => one.stop()))
    if (!(await endsWithin(clock, timeoutMs, ended))) log("metadata: not everything ended in time")
  }

  /** A read of every name at every broker that must know all, then their word on all of them. */
  async drain(timeoutMs = agreeMs): Promise<void> {
    const { clock } = this.#context
    const deadlineMs = clock.nowMs() + timeoutMs
    await Promise.all(this.#admins.map((admin, i) => this.#describeAll(admin, i, deadlineMs)))
    for (;;) {
      this.#context.signal.throwIfAborted()
      const seen = await Promise.all(this.#watches.map((watch) => watch.look()))
      const told = new Set(seen.map(summaryOf))
      if (told.size === 1 && !told.has(undefined)) return
      if (clock.nowMs() > deadlineMs) {
        throw new Error(`brokers tell different things of topics: ${[...told].join(" | ")}`)
      }
      await clock.sleep(lookEveryMs, this.#context.signal)
    }
  }

  dispose(): Promise<void> {
    for (const one of [...this.#watches, ...this.#admins]) one.close()
    return Promise.resolve()
  }

  /** The names of one administrator's share. */
  async #describeAll(admin: MetadataAdmin, place: number, deadlineMs: number): Promise<void> {
    const { cluster, clock, signal } = this.#context
    const own = this.#names.all.filter((_, i) => i % this.#admins.length === place)
    for (const name of own) {
      for (const what of ["topic", "config"] as const) {
        for (let tries = place; ; tries++) {
          signal.throwIfAborted()
          const node = cluster.nodes[tries % cluster.nodes.length]
          if (await admin.describe(name, what, node?.id)) break
          if (clock.nowMs() > deadlineMs) throw new Error(`nobody describes ${name}`)
          await clock.sleep(lookEveryMs, signal)
        }
      }
    }
  }

  #ports(): RawPorts {
    const { clock, recorder, log } = this.#context
    return rawPorts(this.#context, {
      clock,
      recorder: leavingOutReads(recorder, (why) => log(`metadata: ${why}`)),
      tally: this.#counts,
      topics: [],
      connections: { next: 3_000_000 },
    })
  }
}

/** Without who leads: that may change at any time. Undefined: no answer. */
function summaryOf(seen: MetadataSeen | undefined): string | undefined {
  if (seen === undefined) return undefined
  const there = seen.topics.map(({ name, id, partitions }) => `${name} ${id} ${partitions.length}`)
  return [...there, ...seen.missing].toSorted().join(", ")
}
