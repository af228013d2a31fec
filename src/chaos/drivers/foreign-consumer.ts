/** A foreign consumer: asked again and again for what it has read; each portion is a poll. */
import { nameOf } from "../history/values.ts"
import type { Poll, SeenRecord } from "../history/history.ts"
import type { ClientControl } from "../workload.ts"
import type { ConsumerClient, Tally } from "./client.ts"
import { controlOf, taskWords } from "./foreign-client.ts"
import type { ForeignIdentity, ForeignPorts } from "./foreign-client.ts"
import { ForeignProcess, Lines } from "./foreign-process.ts"
import type { Answer, Batch } from "./foreign/lines.ts"
import type { PartitionRef } from "./partition.ts"
import { partitionsOf } from "./partition.ts"

/** Between an answer and the next question: these clients read ahead by themselves. */
const thinkMs = 100
/** By then another process has been begun. */
const afterEndMs = 2000

export class ForeignConsumer implements ConsumerClient {
  readonly control: ClientControl
  readonly #identity: ForeignIdentity
  readonly #ports: ForeignPorts
  /** The group that it reads as a member of; undefined where it reads by assignment. */
  readonly #group: string | undefined
  readonly #refs: ReadonlyMap<string, PartitionRef>
  readonly #child: ForeignProcess
  readonly #lines = new Lines()
  #session = 0
  #asked = 0
  #next: ReturnType<typeof setTimeout> | undefined
  /** When it was asked; undefined while it is not. */
  #askedMs: number | undefined
  #isStopping = false

  constructor(identity: ForeignIdentity, ports: ForeignPorts, isMember: boolean) {
    this.#identity = identity
    this.#ports = ports
    this.#group = isMember ? `${identity.name}-${ports.runId}` : undefined
    this.#refs = refsByName(identity)
    this.#child = new ForeignProcess(taskWords(identity, ports, "consumer"), ports.wards, {
      onStart: () => this.#lines.clear(),
      onOutput: (chunk) => this.#hear(chunk),
      onEnd: (how) => this.#ended(how),
    })
    this.control = controlOf(identity.name, "consumer", this.#child, () => this.#asked)
  }

  get outstanding(): number {
    return this.#askedMs === undefined ? 0 : 1
  }

  start(): void {
    this.#child.start()
    this.#ask()
  }

  stop(): void {
    this.#isStopping = true
  }

  async dispose(): Promise<void> {
    this.#isStopping = true
    await this.#child.dispose()
  }

  /** Not while it is paused: it would not hear it. */
  #ask(): void {
    if (this.#isStopping) return
    if (this.#child.isPaused) return this.#askAfter(thinkMs)
    this.#asked++
    this.#askedMs = this.#ports.clock.nowMs()
    this.#child.write(JSON.stringify({ do: "poll" }))
  }

  #hear(chunk: Uint8Array): void {
    for (const line of this.#lines.push(chunk)) {
      const answer: Answer = JSON.parse(line)
      if (answer.is === "trouble") this.#ports.log(`${this.#identity.name}: ${answer.error}`)
      if (answer.is !== "polled" || this.#askedMs === undefined) continue
      for (const batch of answer.batches) this.#record(batch, this.#askedMs)
      this.#askedMs = undefined
      this.#askAfter(thinkMs)
    }
  }

  #record(batch: Batch, askedMs: number): void {
    const ref = this.#refs.get(`${batch.topic}/${batch.partition}`)
    if (ref === undefined) return
    const process = `${this.#identity.name}.${this.#session}`
    const records = batch.records.map(([offset, value]): SeenRecord => {
      return [offset, nameOf(value === null ? null : Buffer.from(value, "base64")), -1]
    })
    recordPoll(this.#ports, process, askedMs, {
      f: "poll",
      partition: ref.key,
      from: batch.from,
      records,
      highWatermark: batch.highWatermark,
      logStartOffset: -1,
      ...(this.#group === undefined ? {} : { group: this.#group }),
    })
  }

  #ended(how: string): void {
    if (!this.#isStopping) this.#ports.log(`${this.#identity.name} ended: ${how}`)
    this.#session++
    this.#askedMs = undefined
    this.#askAfter(afterEndMs)
  }

  /** One question is to come, whatever else had been planned. */
  #askAfter(ms: number): void {
    clearTimeout(this.#next)
    if (!this.#isStopping) this.#next = setTimeout(() => this.#ask(), ms)
  }
}

/** Partitions by the names that clients know. */
export const refsByName = ({ topics }: ForeignIdentity): ReadonlyMap<string, PartitionRef> =>
  new Map(topics.flatMap(partitionsOf).map((ref) => [`${ref.topic.name}/${ref.partition}`, ref]))

/** What a client reports that it has read, since it was asked. */
export function recordPoll(
  { recorder, tally }: Pick<ForeignPorts, "recorder"> & { readonly tally: Tally },
  process: string,
  sinceMs: number,
  poll: Poll,
): void {
  const empty: Poll = { ...poll, records: [] }
  recorder.begin(process, empty, sinceMs).end({ outcome: "ok", attempts: 1 }, poll)
  tally.saw(poll.records.length)
}
