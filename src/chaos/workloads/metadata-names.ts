/** The topics that metadata clients fight over: names that come, go and come back. */
import type { Prng } from "../../../raft/prng.ts"
import type { TopicSeen } from "../history/history.ts"

/** What some broker said of a name last. */
export interface Believed {
  readonly id: string
  readonly partitions: number
}

interface Slot {
  readonly place: number
  round: number
  operations: number
}

/** At most so many topics are alive. */
const namesMax = 10
/** Of one name: a search for a linearization takes long in longer ones. */
const operationsMax = 1500

export class MetadataNames {
  readonly #runId: string
  readonly #slots: ReadonlyArray<Slot>
  readonly #believed = new Map<string, Believed>()

  constructor(runId: string) {
    this.#runId = runId
    this.#slots = Array.from({ length: namesMax }, (_, place) => ({
      place,
      round: 0,
      operations: 0,
    }))
  }

  /** One name for one operation. A name that has had its share is given up for a new one. */
  draw(chance: Prng): string {
    const slot = this.#slots[chance.below(this.#slots.length)]
    if (slot === undefined) throw new Error("there are no names")
    if (slot.operations >= operationsMax) {
      slot.round++
      slot.operations = 0
    }
    slot.operations++
    return this.#nameOf(slot)
  }

  get all(): ReadonlyArray<string> {
    return this.#slots.map((slot) => this.#nameOf(slot))
  }

  /** As brokers told it; they may lag. */
  learn(topics: ReadonlyArray<TopicSeen>, missing: ReadonlyArray<string>): void {
    for (const { name, id, partitions } of topics) {
      this.#believed.set(name, { id, partitions: partitions.length })
    }
    for (const name of missing) this.#believed.delete(name)
  }

  /** Undefined: not there, as far as anybody said. */
  believed(name: string): Believed | undefined {
    return this.#believed.get(name)
  }

  #nameOf({ place, round }: Slot): string {
    return `metadata-${this.#runId}-${place}-${round}`
  }
}
