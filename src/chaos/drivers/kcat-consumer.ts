/** kcat as a consumer: it prints what it reads, from the beginning of every partition on. */
import { nameOf } from "../history/values.ts"
import type { SeenRecord } from "../history/history.ts"
import type { ClientControl } from "../workload.ts"
import type { ConsumerClient } from "./client.ts"
import { controlOf } from "./foreign-client.ts"
import type { ForeignPorts } from "./foreign-client.ts"
import { recordPoll } from "./foreign-consumer.ts"
import { ForeignProcess } from "./foreign-process.ts"
import { partitionsOf } from "./partition.ts"
import type { PartitionRef, Topic } from "./partition.ts"

/** Values hold any byte, so their lengths go before them. */
const format = "%p %o %S\\n%s\\n"
const headerBytesMax = 80
const newline = 0x0a

export interface KcatRecord {
  readonly partition: number
  readonly offset: number
  readonly value: Uint8Array
}

/** What kcat prints in `format`, cut into records; throws for anything else. */
export class KcatOutput {
  #rest = Buffer.alloc(0)

  /** What is to come is of another process. */
  clear(): void {
    this.#rest = Buffer.alloc(0)
  }

  *push(chunk: Uint8Array): Generator<KcatRecord> {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (;;) {
      const end = this.#rest.indexOf(newline)
      if (end === -1) {
        if (this.#rest.length > headerBytesMax) throw new Error("no record of kcat")
        return
      }
      const header = this.#rest.subarray(0, end).toString()
      const [, partition, offset, length] = /^(\d+) (\d+) (-?\d+)$/.exec(header) ?? []
      if (length === undefined) throw new Error(`no record of kcat: ${header.slice(0, 80)}`)
      const bytes = Math.max(0, Number(length))
      const next = end + 1 + bytes + 1
      if (this.#rest.length < next) return
      const value = this.#rest.subarray(end + 1, end + 1 + bytes)
      yield { partition: Number(partition), offset: Number(offset), value }
      this.#rest = this.#rest.subarray(next)
    }
  }
}

export class KcatConsumer implements ConsumerClient {
  readonly control: ClientControl
  readonly #name: string
  readonly #ports: ForeignPorts
  readonly #refs: ReadonlyArray<PartitionRef>
  readonly #output = new KcatOutput()
  readonly #child: ForeignProcess
  #session = 0
  #polls = 0
  #lastMs = 0
  #isStopping = false

  constructor(name: string, ports: ForeignPorts, topic: Topic) {
    this.#name = name
    this.#ports = ports
    this.#refs = partitionsOf(topic)
    const settings = ["reconnect.backoff.max.ms=500", "topic.metadata.refresh.interval.ms=2000"]
    const words = ["kcat", "-C", "-b", ports.bootstrap.join(","), "-t", topic.name]
    words.push("-o", "beginning", "-q", "-u", "-f", format)
    words.push(...settings.flatMap((setting) => ["-X", setting]))
    this.#child = new ForeignProcess(words, ports.wards, {
      onStart: () => this.#output.clear(),
      onOutput: (chunk) => this.#hear(chunk),
      onEnd: (how) => this.#ended(how),
    })
    this.control = controlOf(name, "consumer", this.#child, () => this.#polls)
  }

  get outstanding(): number {
    return 0
  }

  start(): void {
    this.#lastMs = this.#ports.clock.nowMs()
    this.#child.start()
  }

  stop(): void {
    this.#isStopping = true
  }

  async dispose(): Promise<void> {
    this.#isStopping = true
    await this.#child.dispose()
  }

  #hear(chunk: Uint8Array): void {
    const byPartition = Map.groupBy(this.#output.push(chunk), ({ partition }) => partition)
    const sinceMs = this.#lastMs
    this.#lastMs = this.#ports.clock.nowMs()
    if (this.#isStopping) return
    for (const [partition, own] of byPartition) {
      const ref = this.#refs[partition]
      if (ref === undefined) continue
      const records = own.map(({ offset, value }): SeenRecord => [offset, nameOf(value), -1])
      const unknown = { from: -1, highWatermark: -1, logStartOffset: -1 }
      const poll = { f: "poll" as const, partition: ref.key, records, ...unknown }
      recordPoll(this.#ports, `${this.#name}.${this.#session}`, sinceMs, poll)
      // What it printed before it was paused was begun before.
      if (!this.#child.isPaused) this.#polls++
    }
  }

  #ended(how: string): void {
    if (!this.#isStopping) this.#ports.log(`${this.#name} ended: ${how}`)
    this.#session++
  }
}
