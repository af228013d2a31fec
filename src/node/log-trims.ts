/**
 * Takes off the fronts of logs what lies below their starts, on every replica, a little per tick:
 * the state at a cut is computed from the envelopes before it.
 */
import type { Partition } from "../partition/partition.ts"

/** Envelopes read per tick: some milliseconds. */
const envelopesPerTick = 2_048
/** What a cut counts as: states are read and written for it. */
const cutCost = 128

export class LogTrims {
  readonly #due = new Set<Partition>()

  add(partition: Partition): void {
    this.#due.add(partition)
  }

  tick(): void {
    if (this.#due.size === 0) return
    let budget = envelopesPerTick
    const looked = new Set<Partition>()
    for (const partition of this.#due) {
      if (budget <= 0 || looked.has(partition)) return
      looked.add(partition)
      // Behind the others: one that gets no further holds nobody up.
      this.#due.delete(partition)
      if (!partition.trimDue) continue
      this.#due.add(partition)
      budget -= cutCost + partition.trim(budget)
    }
  }
}
