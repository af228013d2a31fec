/** Producer ids of this broker: from the block that the metadata group gave it, the next block asked for in time. */

export interface IdBlock {
  readonly first: number
  readonly count: number
}

export class ProducerIds {
  #next = 0
  #end = 0
  #following: IdBlock | undefined
  #asking = false
  #retryMs = 0
  readonly #ask: (nowMs: number) => void

  /** `ask` sends for a block; `granted` or `refused` follows. */
  constructor(ask: (nowMs: number) => void) {
    this.#ask = ask
  }

  next(nowMs: number): number | undefined {
    if (this.#next === this.#end && this.#following !== undefined) {
      this.#next = this.#following.first
      this.#end = this.#following.first + this.#following.count
      this.#following = undefined
    }
    const left = this.#end - this.#next
    if (left <= refillBelow) this.refill(nowMs)
    if (left === 0) return undefined
    return this.#next++
  }

  /** Asks for a block unless one is there or on its way. */
  refill(nowMs: number): void {
    if (this.#asking || this.#following !== undefined || nowMs < this.#retryMs) return
    this.#asking = true
    this.#ask(nowMs)
  }

  granted(block: IdBlock): void {
    this.#asking = false
    this.#following = block
  }

  refused(nowMs: number): void {
    this.#asking = false
    this.#retryMs = nowMs + retryAfterMs
  }
}

const refillBelow = 100
const retryAfterMs = 200
