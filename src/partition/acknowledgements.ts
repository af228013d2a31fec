/**
 * acks=all after the commit: the answer also waits until as many in-sync replicas as
 * min.insync.replicas asks for hold the entry. With a minimum of a majority or less that is so at
 * once; with a higher one the last replica is awaited.
 */
import type { LogIndex } from "../../raft/types.ts"

export interface HeldWait {
  readonly index: LogIndex
  settle(verdict: HeldVerdict): void
}

export type HeldVerdict = "held" | "tooFewInSync" | "leadershipLost"

export class Acknowledgements {
  #waiting: Array<HeldWait> = []

  get size(): number {
    return this.#waiting.length
  }

  /** A committed entry. */
  await(wait: HeldWait): void {
    this.#waiting.push(wait)
  }

  /** `inSync` < `minInSync`: the set shrank after the append, nobody need wait for its return. */
  settle(heldIndex: LogIndex, inSync: number, minInSync: number): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const wait of waiting) {
      if (inSync < minInSync) wait.settle("tooFewInSync")
      else if (wait.index <= heldIndex) wait.settle("held")
      else this.#waiting.push(wait)
    }
  }

  leadershipLost(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const wait of waiting) wait.settle("leadershipLost")
  }
}
