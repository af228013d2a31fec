/**
 * Workload vi (VERIFICATION §3.2): idempotent producers alone, pipelined, impatient, sending again
 * what had been acknowledged, and beginning successors under their own producer id.
 */
import { stream } from "../../../raft/prng.ts"
import type { Prng } from "../../../raft/prng.ts"
import type { Topic } from "../drivers/partition.ts"
import { partitionsOf } from "../drivers/partition.ts"
import { RawConsumer } from "../drivers/raw/consumer.ts"
import { RawProducerClient } from "../drivers/raw/producer-client.ts"
import type { ProducerShape } from "../drivers/raw/producer-shape.ts"
import { quirksOf } from "../drivers/raw/quirks.ts"
import type { RawPorts } from "../drivers/raw/raw-client.ts"
import type { ClientControl, Workload, WorkloadContext, WorkloadProgress } from "../workload.ts"
import { Counts, Crew, leavingOutReads } from "./crew.ts"
import { drainReplicas } from "./drain.ts"
import { Pacer } from "./pacer.ts"
import { impatient, persistent, rawPorts } from "./raw-crew.ts"
import { makeTopics } from "./topics.ts"

const drainTimeoutMs = 120_000
/** Between two successors, whatever faults do. */
const begetEveryMs = 15_000

const shapes: ReadonlyArray<ProducerShape> = [
  { ...persistent, repeatPercent: 20 },
  { ...impatient, repeatPercent: 20 },
  { ...impatient, repeatPercent: 20, bumpsEpoch: false },
  { ...impatient, requestTimeoutMs: 400, deliveryTimeoutMs: 20_000, repeatPercent: 5 },
]

export const makeIdempotenceWorkload = (context: WorkloadContext): Workload =>
  new IdempotenceWorkload(context)

class IdempotenceWorkload implements Workload {
  readonly name = "idempotence"
  readonly promises = [
    "each acknowledged batch of an idempotent producer lies in the log once, where its answer said",
    "a batch that is sent again is answered with its first place",
    "a producer's batches lie in the order of their sequence numbers",
    "a producer whose epoch a successor has passed writes nothing more",
  ]
  readonly #context: WorkloadContext
  readonly #counts: Counts
  readonly #crew = new Crew()
  readonly #chance: Prng
  #topics: ReadonlyArray<Topic> = []
  #pacer: Pacer | undefined
  #begets: ReturnType<typeof setInterval> | undefined

  constructor(context: WorkloadContext) {
    this.#context = context
    this.#counts = new Counts(context.clock)
    this.#chance = stream(context.seed, "idempotence")
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
    const { cluster, clock, partitions, rate, runId, seed, signal } = this.#context
    const name = `idempotence-${runId}`
    this.#topics = await makeTopics(cluster, [{ name, partitions }], signal)
    const ports = this.#ports()
    const refs = this.#topics.flatMap(partitionsOf)
    const shares = shapes.map((shape, i) => ({
      client: new RawProducerClient(`raw-idempotent-${i}`, ports, shape),
      refs,
      weight: 1,
      recordsMax: 4,
    }))
    this.#crew.producers.push(...shares.map(({ client }) => client))
    this.#crew.consumers.push(
      new RawConsumer("raw-idempotent-reader-0", ports, refs, {
        thinkMs: 10,
        maxWaitMs: 20,
        bytesMax: 1 << 20,
        followerPercent: 10,
        rewindPerTenThousand: 10,
        quirks: quirksOf(cluster.product),
      }),
    )
    this.#pacer = new Pacer(clock, rate, shares, seed)
  }

  start(): void {
    this.#crew.start()
    this.#pacer?.start()
    this.#begets = setInterval(() => this.#beget(), begetEveryMs)
  }

  async stop(timeoutMs: number): Promise<void> {
    const { log } = this.#context
    clearInterval(this.#begets)
    this.#pacer?.stop()
    const isQuiet = await this.#crew.stop(this.#context, timeoutMs)
    if (!isQuiet) log("idempotence: not everything ended in time")
  }

  drain(timeoutMs = drainTimeoutMs): Promise<void> {
    const { cluster, clock, recorder, signal } = this.#context
    const topics = this.#topics
    return drainReplicas({ cluster, clock, recorder, topics, signal, timeoutMs })
  }

  async dispose(): Promise<void> {
    clearInterval(this.#begets)
    this.#pacer?.stop()
    await this.#crew.dispose()
  }

  /** One that has no producer id just now has no successor. */
  #beget(): void {
    const { producers } = this.#crew
    const control = producers[this.#chance.below(Math.max(1, producers.length))]?.control
    control?.beget?.().catch(() => undefined)
  }

  #ports(): RawPorts {
    const { clock, recorder, log } = this.#context
    return rawPorts(this.#context, {
      clock,
      recorder: leavingOutReads(recorder, (why) => log(`idempotence: ${why}`)),
      tally: this.#counts,
      topics: this.#topics,
      connections: { next: 500_000 },
    })
  }
}
