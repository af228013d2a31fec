/**
 * A leader that was cut off may not know yet that another one leads. What it says of records is
 * never wrong, for they are committed; what it says of the END of its log would make a client take
 * its own position for a truncation and reset. So that is said only after a round to a majority,
 * begun after the question (VERIFICATION hazard 11, trap 45).
 */
import type { Partition } from "../../partition/partition.ts"

/** How long the round may take before the answer is that this broker does not lead. */
export const leadershipCheckMs = 1000

export class LeadershipCheck {
  readonly #asked = new Set<Partition>()
  readonly #confirmed = new Set<Partition>()
  #pending = 0

  /** `wake` is called when the last verdict is in, unless all were in at once. */
  constructor(partitions: Iterable<Partition>, wake: () => void) {
    let asking = true
    for (const partition of partitions) {
      if (this.#asked.has(partition)) continue
      this.#asked.add(partition)
      this.#pending++
      partition.raftGroup.readIndex((outcome) => {
        if (outcome === "ready") this.#confirmed.add(partition)
        this.#pending--
        if (this.#pending === 0 && !asking) wake()
      })
    }
    asking = false
  }

  get done(): boolean {
    return this.#pending === 0
  }

  asked(partition: Partition): boolean {
    return this.#asked.has(partition)
  }

  /** It led after the question, and nothing handed out before lies beyond its end. */
  confirmed(partition: Partition): boolean {
    return this.#confirmed.has(partition) && partition.isLeader
  }
}
