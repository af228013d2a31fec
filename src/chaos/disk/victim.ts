/**
 * Whose files may be damaged. What a damage has done may come to light much later (a bit in an old
 * entry waits for a read), so it is one broker for the whole run, a minority of every group's
 * copies; another only when that one has been given everything anew.
 */
import type { Prng } from "../../../raft/prng.ts"

export class Victim {
  private id: number | undefined

  /** One of those that run; undefined when it must be another, which does not. */
  choose(running: ReadonlyArray<number>, chance: Prng): number | undefined {
    if (this.id !== undefined) return running.includes(this.id) ? this.id : undefined
    if (running.length > 0) this.id = running[chance.below(running.length)]
    return this.id
  }

  /** Its disk was wiped, and it holds everything again. */
  isWhole(id: number): void {
    if (this.id === id) this.id = undefined
  }
}
