/**
 * Deadlines by key, polled. A deadline that is put off again and again (a session, at every
 * heartbeat) costs a map entry each time and the heap nothing: the heap learns of it when the old
 * deadline comes up.
 */
interface Timer {
  deadlineMs: number
  fire: (nowMs: number) => void
  /** The time under which the heap will bring it up. */
  heapMs: number
}

interface Item {
  readonly atMs: number
  /** Equal deadlines fire in the order in which they were set. */
  readonly order: number
  readonly key: string
  readonly timer: Timer
}

const before = (a: Item, b: Item): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

export class Timers {
  readonly #timers = new Map<string, Timer>()
  readonly #heap: Array<Item> = []
  #order = 0

  get size(): number {
    return this.#timers.size
  }

  has(key: string): boolean {
    return this.#timers.has(key)
  }

  deadlineMs(key: string): number | undefined {
    return this.#timers.get(key)?.deadlineMs
  }

  /** Replaces what was set under the key. `fire` is called once, by a poll at or after it. */
  set(key: string, deadlineMs: number, fire: (nowMs: number) => void): void {
    const known = this.#timers.get(key)
    if (known !== undefined && known.heapMs <= deadlineMs) {
      known.deadlineMs = deadlineMs
      known.fire = fire
      return
    }
    const timer = { deadlineMs, fire, heapMs: deadlineMs }
    this.#timers.set(key, timer)
    this.#push(key, timer)
  }

  cancel(key: string): void {
    this.#timers.delete(key)
  }

  clear(): void {
    this.#timers.clear()
    this.#heap.length = 0
  }

  /**
   * Fires what is due, in order of the deadlines. What is set meanwhile waits for the next poll,
   * however soon it is due: a timer that sets itself again must not hold the broker up.
   */
  poll(nowMs: number): void {
    const setMeanwhile = this.#order
    const later: Array<Item> = []
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || first.atMs > nowMs) break
      this.#pop()
      const { key, timer, order } = first
      if (order >= setMeanwhile) {
        later.push(first)
        continue
      }
      if (this.#timers.get(key) !== timer) continue
      if (timer.deadlineMs > nowMs) {
        timer.heapMs = timer.deadlineMs
        this.#push(key, timer)
        continue
      }
      this.#timers.delete(key)
      timer.fire(nowMs)
    }
    for (const item of later) this.#insert(item)
  }

  #push(key: string, timer: Timer): void {
    this.#insert({ atMs: timer.heapMs, order: this.#order++, key, timer })
  }

  #insert(item: Item): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(item, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = item
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}
