/**
 * The end of a run: what every replica of every lasting partition holds, read by Fetch from each of
 * them up to the end that its leader tells.
 */
import { ErrorCode } from "../../protocol/error-codes.ts"
import { fetch } from "../../protocol/messages/fetch.ts"
import { partitionKey } from "../../chaos/history/history.ts"
import type { SeenRecord } from "../../chaos/history/history.ts"
import { askOffsets } from "./ask-offsets.ts"
import { backOffMs, Client } from "./client.ts"
import { recordsOf } from "./consumer.ts"
import type { PartitionRef } from "./topic-table.ts"

const bytesMax = 1 << 20
const timeoutMs = 4000
const drainVersion = 13

export class Drainer extends Client {
  /** Partitions that are not wholly read yet. */
  left = 0
  /** What the drain waits for, of partitions that are not done. */
  readonly waitsFor = new Map<string, string>()

  /** `replicasOf`: the brokers that hold the partition. */
  start(replicasOf: (ref: PartitionRef) => ReadonlyArray<number>): void {
    for (const topic of this.ports.topics.alive()) {
      if (!topic.isLasting) continue
      for (let partition = 0; partition < topic.partitions; partition++) {
        this.left++
        this.#partition({ topic, partition }, replicasOf)
      }
    }
  }

  #partition(ref: PartitionRef, replicasOf: (ref: PartitionRef) => ReadonlyArray<number>): void {
    const key = partitionKey(ref.topic.name, ref.topic.id, ref.partition)
    this.waitsFor.set(key, "its end")
    askOffsets(this, ref, -1, (end) => {
      const replicas = replicasOf(ref)
      if (end < 0 || replicas.length === 0) {
        return this.after(backOffMs, () => this.#partition(ref, replicasOf))
      }
      let open = replicas.length
      for (const node of replicas) {
        new ReplicaDrain(this, ref, key, node, end).read(() => {
          if (--open > 0) return
          this.left--
          this.waitsFor.delete(key)
        })
      }
    })
  }
}

class ReplicaDrain {
  readonly #drainer: Drainer
  readonly #ref: PartitionRef
  readonly #key: string
  readonly #node: number
  readonly #end: number
  readonly #records: Array<SeenRecord> = []
  readonly #operation: number
  #position = 0
  #logStartOffset = 0
  #hasBegun = false

  constructor(drainer: Drainer, ref: PartitionRef, key: string, node: number, end: number) {
    this.#drainer = drainer
    this.#ref = ref
    this.#key = key
    this.#node = node
    this.#end = end
    this.#operation = drainer.ports.history.invoke(`${drainer.name}@${node}`, {
      f: "drain",
      partition: key,
      records: [],
      highWatermark: -1,
      logStartOffset: -1,
    })
  }

  read(done: () => void): void {
    const { topic, partition } = this.#ref
    const asked = { partition, fetchOffset: this.#position, partitionMaxBytes: bytesMax }
    const input = {
      maxWaitMs: 100,
      minBytes: 1,
      maxBytes: bytesMax,
      topics: [{ topicId: topic.id, partitions: [asked] }],
    }
    this.#drainer.waitsFor.set(this.#key, `broker ${this.#node} at ${this.#position}`)
    this.#drainer.link.ask(this.#node, fetch, drainVersion, input, timeoutMs, (reply) => {
      const { answer, connection } = reply
      const result = typeof answer === "string" ? undefined : answer.responses[0]?.partitions[0]
      if (result?.errorCode !== 0) {
        // A prefix of this replica's log is gone: an answer at the end tells where it begins.
        const isCut = result?.errorCode === ErrorCode.OFFSET_OUT_OF_RANGE
        if (isCut) this.#beginAgain()
        return this.#drainer.after(backOffMs, () => this.read(done))
      }
      if (this.#records.length === 0 && this.#begin(result.logStartOffset)) return this.read(done)
      const seen = recordsOf(result.records, this.#position)
      this.#records.push(...seen)
      this.#position = (seen.at(-1)?.[0] ?? this.#position - 1) + 1
      this.#logStartOffset = Math.max(this.#logStartOffset, result.logStartOffset)
      if (this.#position < this.#end) return this.#drainer.after(1, () => this.read(done))
      this.#finish(connection, result.highWatermark)
      done()
    })
  }

  #beginAgain(): void {
    this.#records.length = 0
    this.#hasBegun = false
    this.#position = this.#end
  }

  /** True: the first record lies elsewhere than it was looked for. */
  #begin(logStartOffset: number): boolean {
    if (logStartOffset === this.#position || this.#hasBegun) return false
    this.#hasBegun = true
    this.#position = logStartOffset
    return true
  }

  #finish(connection: number, highWatermark: number): void {
    this.#drainer.ports.history.complete(
      this.#operation,
      { outcome: "ok", node: this.#node, connection, attempts: 1 },
      {
        f: "drain",
        records: this.#records,
        highWatermark,
        logStartOffset: this.#logStartOffset,
      },
    )
  }
}
