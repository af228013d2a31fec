/**
 * What is to happen, by time; at equal times in the order of planning. A binary heap of objects
 * that know what they do: no closure for what happens often.
 */
export interface SimEvent {
  /** Set by the queue; an event may be planned again once it was taken. */
  atUs: number
  order: number
  fire(): void
}

/** For what happens rarely. */
export class ActionEvent implements SimEvent {
  atUs = 0
  order = 0
  private readonly action: () => void

  constructor(action: () => void) {
    this.action = action
  }

  fire(): void {
    this.action()
  }
}

const isBefore = (a: SimEvent, b: SimEvent): boolean =>
  a.atUs < b.atUs || (a.atUs === b.atUs && a.order < b.order)

export class EventQueue {
  private readonly heap: Array<SimEvent> = []
  private planned = 0

  get size(): number {
    return this.heap.length
  }

  get nextUs(): number {
    return this.heap[0]?.atUs ?? Number.POSITIVE_INFINITY
  }

  plan(atUs: number, event: SimEvent): void {
    event.atUs = atUs
    event.order = this.planned++
    const { heap } = this
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]!
      if (!isBefore(event, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = event
  }

  take(): SimEvent | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    this.sink(last)
    return first
  }

  private sink(event: SimEvent): void {
    const { heap } = this
    const size = heap.length
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= size) break
      if (below + 1 < size && isBefore(heap[below + 1]!, heap[below]!)) below++
      const child = heap[below]!
      if (!isBefore(child, event)) break
      heap[at] = child
      at = below
    }
    heap[at] = event
  }
}
