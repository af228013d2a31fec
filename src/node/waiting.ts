/**
 * Answers that wait: each request is asked again when something it waits for moved, or when its
 * deadline passed. What moved is remembered and the questions are put once per turn, in the order
 * in which the requests came.
 */

/**
 * A group whose high watermark, leadership or ISR moved; `metadataKey` for the image and the
 * leaders of all.
 */
export type WaitKey = number
export const metadataKey: WaitKey = -1

export interface Waiter {
  readonly keys: ReadonlyArray<WaitKey>
  /** Infinity: only a wake ends it. */
  readonly deadlineMs: number
  /**
   * True when the request was answered; `expired` when its deadline has passed (it must answer
   * then).
   */
  retry(nowMs: number, expired: boolean): boolean
}

export class Waiting {
  readonly #waiters = new Map<number, Waiter>()
  readonly #byKey = new Map<WaitKey, Set<number>>()
  readonly #woken = new Set<number>()
  #earliestMs = Number.POSITIVE_INFINITY

  get size(): number {
    return this.#waiters.size
  }

  get anyWoken(): boolean {
    return this.#woken.size > 0
  }

  /** Replaces what `token` waited for before. */
  add(token: number, waiter: Waiter): void {
    this.remove(token)
    this.#waiters.set(token, waiter)
    for (const key of waiter.keys) {
      const tokens = this.#byKey.get(key)
      if (tokens === undefined) this.#byKey.set(key, new Set([token]))
      else tokens.add(token)
    }
    if (waiter.deadlineMs < this.#earliestMs) this.#earliestMs = waiter.deadlineMs
  }

  remove(token: number): void {
    const waiter = this.#waiters.get(token)
    if (waiter === undefined) return
    this.#waiters.delete(token)
    this.#woken.delete(token)
    for (const key of waiter.keys) {
      const tokens = this.#byKey.get(key)
      tokens?.delete(token)
      if (tokens?.size === 0) this.#byKey.delete(key)
    }
  }

  wake(key: WaitKey): void {
    const tokens = this.#byKey.get(key)
    if (tokens === undefined) return
    for (const token of tokens) this.#woken.add(token)
  }

  wakeToken(token: number): void {
    if (this.#waiters.has(token)) this.#woken.add(token)
  }

  /** Puts the question again to everything woken or due. */
  run(nowMs: number): void {
    if (nowMs >= this.#earliestMs) this.#wakeDue(nowMs)
    if (this.#woken.size === 0) return
    const tokens = [...this.#woken].sort((a, b) => a - b)
    this.#woken.clear()
    for (const token of tokens) {
      const waiter = this.#waiters.get(token)
      if (waiter === undefined) continue
      if (waiter.retry(nowMs, nowMs >= waiter.deadlineMs)) {
        // `retry` may have put a new waiter under the same token; only the old one is done.
        if (this.#waiters.get(token) === waiter) this.remove(token)
      }
    }
  }

  #wakeDue(nowMs: number): void {
    let earliestMs = Number.POSITIVE_INFINITY
    for (const [token, waiter] of this.#waiters) {
      if (waiter.deadlineMs <= nowMs) this.#woken.add(token)
      else if (waiter.deadlineMs < earliestMs) earliestMs = waiter.deadlineMs
    }
    this.#earliestMs = earliestMs
  }
}
