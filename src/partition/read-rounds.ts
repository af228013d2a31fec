/** Linearizable reads that wait for their ReadIndex round, then for the state machine. */
import type { ReadState } from "../../raft/ready.ts"
import type { LogIndex } from "../../raft/types.ts"

export type ReadWaiter = (outcome: "ready" | "lost") => void

export class ReadRounds {
  #nextContext = 1
  readonly #waiting = new Map<number, ReadWaiter>()
  /** Their round succeeded; they wait until `index` is applied. */
  #confirmed: Array<ReadState> = []
  #lost: Array<number> = []

  begin(waiter: ReadWaiter): number {
    const context = this.#nextContext++
    this.#waiting.set(context, waiter)
    return context
  }

  /** It cannot be answered; told at the next `settle`. */
  lost(context: number): void {
    this.#lost.push(context)
  }

  answered(states: ReadonlyArray<ReadState>, lost: ReadonlyArray<number>): void {
    if (states.length > 0) this.#confirmed.push(...states)
    if (lost.length > 0) this.#lost.push(...lost)
  }

  settle(appliedIndex: LogIndex): void {
    if (this.#waiting.size === 0) return
    const lost = this.#lost
    const ready = this.#confirmed.filter((state) => state.index <= appliedIndex)
    this.#lost = []
    if (ready.length > 0) {
      this.#confirmed = this.#confirmed.filter((state) => state.index > appliedIndex)
    }
    for (const context of lost) this.#tell(context, "lost")
    for (const { context } of ready) this.#tell(context, "ready")
  }

  allLost(): void {
    for (const context of this.#waiting.keys()) this.#tell(context, "lost")
    this.#confirmed = []
  }

  #tell(context: number, outcome: "ready" | "lost"): void {
    const waiter = this.#waiting.get(context)
    this.#waiting.delete(context)
    waiter?.(outcome)
  }
}
