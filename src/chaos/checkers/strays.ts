/**
 * Appends whose partition the client chose and has not told: their values may be in any partition
 * of the topic, but no more often than elsewhere; and what was acknowledged is in one.
 */
import type { Append, Operation } from "../history/history.ts"
import { operationsOf, topicOfKey } from "../history/history.ts"
import type { Anomalies } from "./anomaly.ts"
import { isStray } from "./partition-view.ts"
import type { PartitionView } from "./partition-view.ts"
import { Writers } from "./writers.ts"

export class Strays {
  readonly #appends: ReadonlyArray<Operation<Append>>
  readonly #places = new Map<string, Array<string>>()
  /** Of which some partition may hold, or have held, more than was seen. */
  readonly #partial = new Set<string>()
  readonly #seen = new Set<string>()

  constructor(operations: ReadonlyArray<Operation>) {
    this.#appends = operationsOf(operations, "append").filter(({ partition }) => isStray(partition))
    for (const { values } of this.#appends) for (const value of values) this.#places.set(value, [])
  }

  /** Every partition once, before `check`. */
  see(view: PartitionView): void {
    if (this.#appends.length === 0) return
    const topic = topicOfKey(view.partition)
    this.#seen.add(topic)
    if (!holdsAll(view)) this.#partial.add(topic)
    for (const [offset, value] of view.log?.records ?? []) {
      this.#places.get(value)?.push(`${view.partition} ${offset}`)
    }
  }

  check(found: Anomalies): void {
    const writers = new Writers(this.#appends)
    for (const append of this.#appends) {
      const topic = topicOfKey(append.partition)
      const isTotal = this.#seen.has(topic) && !this.#partial.has(topic)
      const isKept = append.outcome !== "ok" || append.acks !== -1 || !isTotal
      for (const value of append.values) {
        const places = this.#places.get(value) ?? []
        if (places.length > writers.copiesMax(value)) {
          found.add("duplicate", topic, `${value} is at ${places.join(", ")}`, [append])
        }
        if (isKept || places.length > 0) continue
        const detail = `${value}, acknowledged in a partition not told, is in none`
        found.add("lost-write", topic, detail, [append])
      }
    }
  }
}

/** Nothing can have been cut or compacted away. */
const holdsAll = ({ log, highestStart }: PartitionView): boolean =>
  log !== undefined && !log.isCompacted && log.startOffset === 0 && highestStart === 0
