/**
 * Things to happen at simulated times, in order; those of the same time in the order in which they
 * were planned.
 */
interface Planned {
  readonly atMs: number
  readonly sequence: number
  readonly action: () => void
}

const before = (a: Planned, b: Planned): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence)

export class EventQueue {
  readonly #heap: Planned[] = []
  #sequence = 0

  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY
  }

  plan(atMs: number, action: () => void): void {
    const heap = this.#heap
    heap.push({ atMs, sequence: this.#sequence++, action })
    let at = heap.length - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!before(heap[at]!, heap[parent]!)) break
      ;[heap[at], heap[parent]] = [heap[parent]!, heap[at]!]
      at = parent
    }
  }

  take(): Planned | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    heap[0] = last
    let at = 0
    for (;;) {
      const left = 2 * at + 1
      if (left >= heap.length) return first
      const right = left + 1
      const child = right < heap.length && before(heap[right]!, heap[left]!) ? right : left
      if (!before(heap[child]!, heap[at]!)) return first
      ;[heap[at], heap[child]] = [heap[child]!, heap[at]!]
      at = child
    }
  }
}
