/** One write with acks=all to every lasting partition: whether they take any. */
import { partitionKey } from "../../chaos/history/history.ts"
import type { ClientPorts } from "./client.ts"
import { Producer } from "./producer.ts"
import type { ProducerShape } from "./producer.ts"
import type { PartitionRef } from "./topic-table.ts"

const shape: ProducerShape = {
  isIdempotent: true,
  acks: -1,
  inFlightMax: 1,
  retriesUnknown: true,
  requestTimeoutMs: 3000,
  deliveryTimeoutMs: 3_600_000,
  thinkMs: 1000,
  recordsPerBatch: [1, 1],
  valueBytes: [16, 16],
}

const askEveryMs = 20

export class Probes {
  /** Partitions whose write is not acknowledged yet. */
  readonly waitsFor = new Map<string, string>()
  readonly #producer: Producer

  constructor(name: string, seed: number, ports: ClientPorts) {
    const acknowledged: ClientPorts["acknowledged"] = (ref, endOffset) => {
      ports.acknowledged?.(ref, endOffset)
      this.waitsFor.delete(keyOf(ref))
    }
    // It begins nothing by itself.
    this.#producer = new Producer(
      name,
      seed,
      { ...ports, acknowledged, mayBegin: () => false },
      shape,
    )
  }

  start(): void {
    this.#producer.start()
    for (const topic of this.#producer.ports.topics.alive()) {
      if (!topic.isLasting) continue
      for (let partition = 0; partition < topic.partitions; partition++) {
        const ref = { topic, partition }
        this.waitsFor.set(keyOf(ref), "it is not sent")
        this.#write(ref)
      }
    }
  }

  /** An operation that ended otherwise is followed by another. */
  #write(ref: PartitionRef): void {
    const key = keyOf(ref)
    if (!this.waitsFor.has(key)) return
    if (this.#producer.produceTo(ref)) this.waitsFor.set(key, "it is not acknowledged")
    this.#producer.after(askEveryMs, () => this.#write(ref))
  }
}

const keyOf = ({ topic, partition }: PartitionRef): string =>
  partitionKey(topic.name, topic.id, partition)
