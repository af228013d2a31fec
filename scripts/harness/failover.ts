import type { Cluster } from "./cluster.ts"
import { Load, foundIn, type Ack, type LoadResult } from "./driver.ts"
import { confluent, kafkajs, kcat, pythonKafka, type ForeignClient } from "./foreign.ts"
import { createTopic, layoutOf, untilInSync } from "./layout.ts"
import { audit, type Acknowledged, type Found, type Problem } from "./ledger.ts"
import { readAll } from "./records.ts"
import { runOrThrow } from "./run.ts"
import { until } from "./until.ts"

/**
 * Writers under faults: who writes, what was acknowledged, and how long a partition stood still.
 */

export interface Writer {
  readonly client: ForeignClient
  readonly name: string
  readonly idempotent: boolean
}

const all: ReadonlyArray<Writer> = [
  { client: confluent, name: "confluent", idempotent: true },
  { client: kafkajs, name: "kafkajs", idempotent: true },
  { client: pythonKafka, name: "python", idempotent: false },
]

/** Those that are on this machine. */
export const writers = all.filter((writer) => writer.client.available)

export interface LoadPlan {
  readonly topic: string
  readonly partitions: number
  /** Records per second of each writer. */
  readonly rate: number
  readonly configs?: Readonly<Record<string, string>>
  readonly replicationFactor?: number
}

/** Every writer at work on one topic. */
export class WriterFleet {
  readonly loads: ReadonlyArray<Load>
  private readonly cluster: Cluster
  private readonly plan: LoadPlan

  private constructor(cluster: Cluster, plan: LoadPlan) {
    this.cluster = cluster
    this.plan = plan
    this.loads = writers.map(
      ({ client, name, idempotent }) =>
        new Load(client, { ...plan, bootstrap: cluster.bootstrap, name, idempotent }),
    )
  }

  /**
   * Makes the topic and returns once every writer was acknowledged something in every partition.
   */
  static async start(cluster: Cluster, plan: LoadPlan): Promise<WriterFleet> {
    await createTopic(cluster.bootstrapList, plan)
    await untilInSync(cluster.bootstrapList, plan.topic)
    const fleet = new WriterFleet(cluster, plan)
    try {
      await fleet.untilAcknowledged()
    } catch (error) {
      fleet.kill()
      throw error
    }
    return fleet
  }

  /** Until every writer got `count` more acknowledgements in every one of these partitions. */
  async untilAcknowledged(partitions = this.partitions, count = 3): Promise<void> {
    const counts = (load: Load) => partitions.map((p) => countIn(load.acks, p))
    const before = this.loads.map(counts)
    await until(
      `${count} acknowledgements for each writer in partitions ${partitions.join(", ")}`,
      () =>
        this.loads.every((load, i) =>
          counts(load).every((now, p) => now >= (before[i]?.[p] ?? 0) + count),
        ),
      { timeoutMs: 90_000, everyMs: 10 },
    )
  }

  get partitions(): Array<number> {
    return Array.from({ length: this.plan.partitions }, (_, p) => p)
  }

  kill(): void {
    for (const load of this.loads) load.kill()
  }

  /**
   * Stops the writers and compares every acknowledgement with what two readers of different make
   * find.
   */
  async finish(): Promise<Verdict> {
    const results = await Promise.all(this.loads.map((load) => load.finish()))
    return judge(this.cluster, this.plan.topic, results)
  }
}

const countIn = (acks: ReadonlyArray<Ack>, partition: number) =>
  acks.reduce((count, ack) => count + (ack.partition === partition ? 1 : 0), 0)

export interface Verdict {
  readonly acknowledged: number
  readonly failed: number
  readonly read: number
  readonly problems: ReadonlyArray<Problem>
  readonly perWriter: ReadonlyArray<{
    readonly name: string
    readonly acknowledged: number
    readonly failed: number
    readonly firstError: string | undefined
  }>
}

const isIdempotent = (producer: string) =>
  all.some((writer) => writer.idempotent && producer.startsWith(`${writer.name}.`))

export async function judge(
  cluster: Cluster,
  topic: string,
  results: ReadonlyArray<LoadResult>,
): Promise<Verdict> {
  const acks: ReadonlyArray<Acknowledged> = results.flatMap((result) => result.acks)
  const found = foundIn(await readAll(cluster, topic))
  const problems = audit(acks, found, { isIdempotent })
  const second = kcat.available ? await foundByKcat(cluster, topic) : found
  const differ = difference(found, second)
  return {
    acknowledged: acks.length,
    failed: results.reduce((sum, result) => sum + result.errors.length, 0),
    read: found.length,
    problems: differ === undefined ? problems : [...problems, differ],
    perWriter: results.map((result, i) => ({
      name: writers[i]?.name ?? "?",
      acknowledged: result.acks.length,
      failed: result.errors.length,
      firstError: result.errors[0],
    })),
  }
}

async function foundByKcat(cluster: Cluster, topic: string): Promise<Array<Found>> {
  const words = ["-C", "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%p %o %s\\n"]
  const { stdout } = await runOrThrow(["kcat", "-b", cluster.bootstrap, ...words])
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [partition, offset, value = ""] = line.split(" ")
      const [producer = "", seq] = value.split(":")
      return { producer, seq: Number(seq), partition: Number(partition), offset: Number(offset) }
    })
}

const line = (r: Found) => `${r.partition}@${r.offset} ${r.producer}:${r.seq}`

/**
 * Two readers must see the same log; the second one may come later and see more of what nobody was
 * told of.
 */
function difference(
  first: ReadonlyArray<Found>,
  second: ReadonlyArray<Found>,
): Problem | undefined {
  const seen = new Set(second.map(line))
  const missing = first.find((record) => !seen.has(line(record)))
  if (missing === undefined) return undefined
  return { _tag: "lost", detail: `kcat does not read ${line(missing)}` }
}

/**
 * The longest time without an acknowledgement in a partition, ms: from the last one before `fromMs`
 * on.
 */
export function writeGap(
  acks: ReadonlyArray<Ack>,
  partition: number,
  fromMs: number,
  toMs: number,
): number {
  const times = acks
    .filter((ack) => ack.partition === partition && ack.atMs <= toMs)
    .map((ack) => ack.atMs)
    .toSorted((a, b) => a - b)
  const before = times.findLast((at) => at <= fromMs) ?? fromMs
  const inside = [before, ...times.filter((at) => at > fromMs), toMs]
  return inside.slice(1).reduce((gap, at, i) => Math.max(gap, at - (inside[i] ?? at)), 0)
}

export interface Kill {
  readonly broker: number
  /** Partitions that it led when it was killed. */
  readonly led: ReadonlyArray<number>
  /**
   * For each writer, the longest wait for an acknowledgement in a partition that had lost its
   * leader, ms.
   */
  readonly gapMs: Readonly<Record<string, number>>
  /** Until whichever writer was first. */
  readonly clusterGapMs: number
  readonly restartMs: number
  /** By wall clock. */
  readonly killedAtMs: number
  readonly restartedAtMs: number
}

/**
 * SIGKILLs the leader of one partition, waits until everybody writes again, and brings the broker
 * back in sync.
 */
export async function killLeader(
  cluster: Cluster,
  fleet: WriterFleet,
  topic: string,
  partition: number,
): Promise<Kill> {
  const layout = await layoutOf(cluster.bootstrapList, topic)
  const broker = layout.find((p) => p.partition === partition)?.leader ?? -1
  if (broker < 0) throw new Error(`partition ${partition} has no leader to kill`)
  const led = layout.filter((p) => p.leader === broker).map((p) => p.partition)
  const killedAt = Date.now()
  await cluster.kill(broker)
  await fleet.untilAcknowledged(led)
  const resumedAt = Date.now()
  const longest = (acks: ReadonlyArray<Ack>) =>
    Math.max(...led.map((p) => writeGap(acks, p, killedAt, resumedAt)))
  const gaps = fleet.loads.map((load) => [load.options.name, longest(load.acks)] as const)
  const clusterGapMs = longest(fleet.loads.flatMap((load) => load.acks))
  const restartedAtMs = Date.now()
  const restarting = performance.now()
  await cluster.startBroker(broker)
  await untilInSync(cluster.bootstrapList, topic)
  return {
    broker,
    led,
    gapMs: Object.fromEntries(gaps),
    clusterGapMs,
    restartMs: performance.now() - restarting,
    killedAtMs: killedAt,
    restartedAtMs,
  }
}
