/**
 * A raw producer as faults see it: it can be paused, and it can beget. A successor has the same
 * producer id and the next epoch, as a client of KIP-360 gives itself; what the old one, a zombie
 * from then on, still sends is refused wherever the successor has written.
 */
import type { ClientControl } from "../../workload.ts"
import type { ProducerClient, RecordShape } from "../client.ts"
import type { PartitionRef } from "../partition.ts"
import { RawProducer } from "./producer.ts"
import type { ProducerShape } from "./producer-shape.ts"
import { RawClient } from "./raw-client.ts"
import type { RawPorts } from "./raw-client.ts"

/** How long a zombie is given records beside its successor. */
const zombieMs = 10_000

interface Zombie {
  readonly producer: RawProducer
  readonly untilMs: number
}

export class RawProducerClient implements ProducerClient {
  readonly control: ClientControl
  readonly #client: RawClient
  readonly #shape: ProducerShape
  #producer: RawProducer
  #zombies: ReadonlyArray<Zombie> = []
  #sessions = 0
  #operations = 0
  #successors = 0

  constructor(name: string, ports: RawPorts, shape: ProducerShape) {
    this.#client = new RawClient(name, ports)
    this.#shape = shape
    this.#producer = new RawProducer(this.#client, shape, () => this.#sessions++)
    const { gate } = this.#client
    const operations = () => this.#operations
    const successors = () => this.#successors
    this.control = {
      name,
      role: "producer",
      pid: undefined,
      get operations() {
        return operations()
      },
      get successors() {
        return successors()
      },
      pause: () => gate.pause(),
      resume: () => gate.resume(),
      ...(shape.isIdempotent ? { beget: () => this.#beget() } : {}),
    }
  }

  get outstanding(): number {
    return this.#zombies.reduce(
      (sum, { producer }) => sum + producer.outstanding,
      this.#producer.outstanding,
    )
  }

  produce(ref: PartitionRef, records: ReadonlyArray<RecordShape>): boolean {
    if (!this.#client.gate.isOpen) return false
    for (const zombie of this.#zombies) {
      if (this.#client.nowMs >= zombie.untilMs) continue
      if (zombie.producer.produce(ref, records)) this.#operations++
    }
    const isTaken = this.#producer.produce(ref, records)
    if (isTaken) this.#operations++
    return isTaken
  }

  stop(): void {
    this.#producer.stop()
    for (const { producer } of this.#zombies) producer.stop()
  }

  dispose(): Promise<void> {
    this.#client.dispose()
    this.#producer.abandon()
    for (const { producer } of this.#zombies) producer.abandon()
    return Promise.resolve()
  }

  /** Rejects when it has no identity now. */
  #beget(): Promise<void> {
    const identity = this.#producer.nextIdentity
    if (identity === undefined) {
      return Promise.reject(new Error(`${this.control.name} has no producer id now`))
    }
    const zombie = { producer: this.#producer, untilMs: this.#client.nowMs + zombieMs }
    zombie.producer.becomeZombie()
    this.#successors++
    this.#zombies = [...this.#zombies.filter(({ producer }) => producer.outstanding > 0), zombie]
    const nextSession = () => this.#sessions++
    this.#producer = new RawProducer(this.#client, this.#shape, nextSession, identity)
    return Promise.resolve()
  }
}
