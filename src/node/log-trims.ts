/**
 * Takes off the fronts of logs what lies below their starts, on every replica, a slice at a time:
 * the state at a cut is computed from the envelopes before it.
 */
import type { Partition } from "../partition/partition.ts"

/** So many ticks pass before who got no further is tried again. */
const laterTicks = 40
/** What a cut counts as: states are read and written for it. */
const cutCost = 128

export class LogTrims {
  readonly #due = new Set<Partition>()
  /** Got no further: damaged, or the cut is not committed yet. */
  readonly #later = new Set<Partition>()
  #ticks = 0

  add(partition: Partition): void {
    this.#due.add(partition)
  }

  get pending(): boolean {
    return this.#due.size > 0
  }

  tick(): void {
    if (++this.#ticks % laterTicks !== 0) return
    for (const partition of this.#later) this.#due.add(partition)
    this.#later.clear()
  }

  /** Reads at most so many envelopes, and little more. */
  work(envelopes: number): void {
    let left = envelopes
    for (const partition of this.#due) {
      if (left <= 0) return
      const read = partition.trimDue ? partition.trim(left) : 0
      left -= read + cutCost
      // The next slice of it comes behind those of the others.
      this.#due.delete(partition)
      if (!partition.trimDue) continue
      if (read > 0) return void this.#due.add(partition)
      this.#later.add(partition)
    }
  }
}
