/**
 * Workload i (VERIFICATION §3.2): producers of several kinds write to topics, consumers of several
 * kinds read them, administrators ask; in the end every replica is read.
 */
import { ProcessGuard } from "../cluster/process-guard.ts"
import { makeForeignCrew } from "../drivers/foreign-crew.ts"
import type { Topic } from "../drivers/partition.ts"
import { partitionsOf } from "../drivers/partition.ts"
import { RawConsumer } from "../drivers/raw/consumer.ts"
import { Prober } from "../drivers/raw/prober.ts"
import { Remover } from "../drivers/raw/remover.ts"
import { RawProducerClient } from "../drivers/raw/producer-client.ts"
import { quirksOf } from "../drivers/raw/quirks.ts"
import type { RawPorts } from "../drivers/raw/raw-client.ts"
import type { ClientControl, Workload, WorkloadContext, WorkloadProgress } from "../workload.ts"
import { Counts, Crew, leavingOutReads } from "./crew.ts"
import { drainReplicas } from "./drain.ts"
import { Pacer } from "./pacer.ts"
import type { Share } from "./pacer.ts"
import { careless, deaf, impatient, persistent, rawPorts } from "./raw-crew.ts"
import { makeTopics } from "./topics.ts"
import type { NewTopic } from "./topics.ts"

const drainTimeoutMs = 120_000
/** Below −1, which says that there is no producer id. */
const firstSessionId = -2
const removeEveryMs = 3000
const cut = { "retention.ms": "30000", "segment.ms": "5000" }
const compacted = {
  "cleanup.policy": "compact",
  "segment.ms": "2000",
  "min.cleanable.dirty.ratio": "0.1",
  "delete.retention.ms": "2000",
}

export const makeLogWorkload = (context: WorkloadContext): Workload => new LogWorkload(context)

class LogWorkload implements Workload {
  readonly name = "log"
  readonly promises = [
    "acks=all, idempotent producers: no acknowledged record is lost, doubled or out of order",
    "producers without idempotence: acknowledged by all is not lost; doubled is allowed",
    "acks=1 and acks=0: in order and undamaged, whatever is lost",
    "retention, DeleteRecords and compaction take what they may, and nothing else",
    "what a consumer was given stays where it was, and all replicas hold the same in the end",
  ]
  readonly #context: WorkloadContext
  readonly #counts: Counts
  readonly #crew = new Crew()
  #topics: ReadonlyArray<Topic> = []
  #pacer: Pacer | undefined
  #guard: ProcessGuard | undefined

  constructor(context: WorkloadContext) {
    this.#context = context
    this.#counts = new Counts(context.clock)
  }

  get topics(): ReadonlyArray<string> {
    return this.#topics.map(({ name }) => name)
  }

  get progress(): WorkloadProgress {
    return this.#counts
  }

  get clients(): ReadonlyArray<ClientControl> {
    return this.#crew.controls
  }

  async prepare(): Promise<void> {
    const { cluster, clock, rate, seed, signal } = this.#context
    this.#topics = await makeTopics(cluster, this.#wanted(), signal)
    const ports = this.#ports()
    const shares = [...this.#rawProducers(ports), ...(await this.#foreign(ports))]
    this.#rawReaders(ports)
    this.#crew.producers.push(...shares.map(({ client }) => client))
    this.#pacer = new Pacer(clock, rate, shares, seed)
  }

  start(): void {
    this.#crew.start()
    this.#pacer?.start()
  }

  async stop(timeoutMs: number): Promise<void> {
    const { log } = this.#context
    this.#pacer?.stop()
    const held = this.#pacer?.heldBack ?? 0
    if (held > 0) log(`log: ${held} records were not sent: enough was under way`)
    if (!(await this.#crew.stop(this.#context, timeoutMs))) log("log: not everything ended in time")
  }

  drain(timeoutMs = drainTimeoutMs): Promise<void> {
    const { cluster, clock, recorder, signal } = this.#context
    const topics = this.#topics
    return drainReplicas({ cluster, clock, recorder, topics, signal, timeoutMs })
  }

  async dispose(): Promise<void> {
    this.#pacer?.stop()
    await this.#crew.dispose()
    await this.#guard?.dispose()
  }

  #wanted(): ReadonlyArray<NewTopic> {
    const { runId, partitions } = this.#context
    const special = partitions < 4 ? 0 : 1
    const half = Math.ceil((partitions - 2 * special) / 2)
    return [
      { name: `log-a-${runId}`, partitions: half },
      { name: `log-b-${runId}`, partitions: partitions - 2 * special - half },
      { name: `log-cut-${runId}`, partitions: special, configs: cut },
      { name: `log-compact-${runId}`, partitions: special, configs: compacted },
    ].filter(({ partitions: count }) => count > 0)
  }

  /** Topics whose logs nothing is taken from. */
  get #whole(): ReadonlyArray<Topic> {
    return this.#topics.filter(({ name }) => /^log-[ab]-/.test(name))
  }

  #ports(): RawPorts {
    const { clock, recorder, log } = this.#context
    return rawPorts(this.#context, {
      clock,
      recorder: leavingOutReads(recorder, (why) => log(`log: ${why}`)),
      tally: this.#counts,
      topics: this.#topics,
      connections: { next: 1 },
    })
  }

  *#rawProducers(ports: RawPorts): Generator<Share> {
    const all = this.#topics.flatMap(partitionsOf)
    const whole = this.#whole.flatMap(partitionsOf)
    const shapes = [
      { shape: persistent, weight: 4, refs: all },
      { shape: impatient, weight: 4, refs: all },
      { shape: { ...impatient, bumpsEpoch: false }, weight: 2, refs: all },
      { shape: careless, weight: 1, refs: whole },
      { shape: deaf, weight: 1, refs: whole },
    ]
    for (const [i, { shape, weight, refs }] of shapes.entries()) {
      const client = new RawProducerClient(`raw-producer-${i}`, ports, shape)
      yield { client, refs, weight, recordsMax: 8 }
    }
  }

  /** Clients that others wrote: their readers join the crew, their producers get their share. */
  async #foreign({ clock, recorder, tally, runId }: RawPorts): Promise<ReadonlyArray<Share>> {
    const { cluster, drivers, log, seed } = this.#context
    if (drivers.every((driver) => driver === "raw")) return []
    this.#guard = new ProcessGuard()
    const sessionIds = { next: firstSessionId }
    const shared = { clock, recorder, tally, runId, log, sessionIds, wards: this.#guard }
    const ports = { ...shared, bootstrap: cluster.bootstrap }
    const { producers, consumers } = await makeForeignCrew(drivers, ports, this.#whole, seed)
    this.#crew.consumers.push(...consumers)
    return producers.map(({ client, topic }) => {
      return { client, refs: partitionsOf(topic), weight: 2, recordsMax: 1 }
    })
  }

  #rawReaders(ports: RawPorts): void {
    const refs = this.#topics.flatMap(partitionsOf)
    const quirks = quirksOf(this.#context.cluster.product)
    const shape = { thinkMs: 5, maxWaitMs: 20, bytesMax: 1 << 20, quirks }
    for (const [i, followerPercent] of [0, 40].entries()) {
      const rewindPerTenThousand = i * 20
      const reader = { ...shape, followerPercent, rewindPerTenThousand }
      this.#crew.consumers.push(new RawConsumer(`raw-consumer-${i}`, ports, refs, reader))
    }
    this.#crew.workers.push(new Prober("raw-probe-0", ports, refs, { thinkMs: 100, quirks }))
    const toCut = refs.filter(({ topic }) => topic.name.startsWith("log-cut-"))
    if (toCut.length === 0) return
    this.#crew.workers.push(new Remover("raw-remover-0", ports, toCut, removeEveryMs))
  }
}
