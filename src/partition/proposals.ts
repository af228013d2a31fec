/**
 * Who waits for which entry. A waiter is settled exactly once: when its entry is committed (or
 * durable here), or with "unknown" when leadership went, because then nobody here can say what
 * becomes of it (VERIFICATION hazard 32).
 */
import type { EntryId, LogIndex, Proposal, Term } from "../../raft/types.ts"

export type ProposalOutcome =
  | { readonly _tag: "committed"; readonly index: LogIndex; readonly term: Term }
  /** fsynced here, not committed: all that acks=1 asks for. */
  | { readonly _tag: "durable"; readonly index: LogIndex; readonly term: Term }
  /** Leadership went or the entry was replaced: another leader may commit it, or it is gone. */
  | { readonly _tag: "unknown" }

export type ProposalWaiter = (outcome: ProposalOutcome) => void

const unknownOutcome: ProposalOutcome = { _tag: "unknown" }

/** An entry that takes no offset, behind a log that ends at `lastOffset`. */
export const withoutOffsets = (
  lastOffset: number,
  appendMs: number,
  payload: Uint8Array,
): Proposal => ({
  appendMs,
  firstOffset: lastOffset + 1,
  lastOffset,
  maxTimestamp: -1,
  producerId: -1,
  producerEpoch: -1,
  baseSequence: -1,
  payload,
})

interface Waiting {
  readonly term: Term
  readonly index: LogIndex
  readonly bytes: number
  readonly settle: ProposalWaiter
}

/**
 * Waiters by ascending index, first come first for equal ones. Nearly all arrive in order: a queue,
 * not a map.
 */
class IndexQueue {
  #waiting: Array<Waiting> = []
  #head = 0

  get size(): number {
    return this.#waiting.length - this.#head
  }

  first(): Waiting | undefined {
    return this.#waiting[this.#head]
  }

  insert(waiting: Waiting): void {
    let at = this.#waiting.length
    while (at > this.#head && this.#waiting[at - 1]!.index > waiting.index) at--
    if (at === this.#waiting.length) this.#waiting.push(waiting)
    else this.#waiting.splice(at, 0, waiting)
  }

  shift(): Waiting | undefined {
    const waiting = this.#waiting[this.#head]
    if (waiting === undefined) return undefined
    this.#head++
    if (this.#head === this.#waiting.length) {
      this.#waiting = []
      this.#head = 0
    } else if (this.#head >= 1024) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    return waiting
  }

  /** Removes and returns everything at or above `index`. */
  cut(index: LogIndex): Array<Waiting> {
    let at = this.#waiting.length
    while (at > this.#head && this.#waiting[at - 1]!.index >= index) at--
    return this.#waiting.splice(at)
  }
}

export class Proposals {
  readonly #committed = new IndexQueue()
  readonly #durable = new IndexQueue()
  /** Payload bytes of the proposals that wait. */
  bytes = 0

  get size(): number {
    return this.#committed.size + this.#durable.size
  }

  awaitCommitted(id: EntryId, bytes: number, settle: ProposalWaiter): void {
    this.bytes += bytes
    this.#committed.insert({ term: id.term, index: id.index, bytes, settle })
  }

  awaitDurable(id: EntryId, settle: ProposalWaiter): void {
    this.#durable.insert({ term: id.term, index: id.index, bytes: 0, settle })
  }

  /** The entry at `index` is committed and has this term. Returns the payload bytes settled. */
  committed(index: LogIndex, term: Term): number {
    let bytes = 0
    for (let next = this.#committed.first(); next !== undefined && next.index <= index;) {
      this.#committed.shift()
      bytes += next.bytes
      this.bytes -= next.bytes
      const holds = next.index === index && next.term === term
      next.settle(holds ? { _tag: "committed", index, term } : unknownOutcome)
      next = this.#committed.first()
    }
    return bytes
  }

  /** Everything up to `index` is durable here, in the term in which it was handed out. */
  durable(index: LogIndex, term: Term): void {
    for (let next = this.#durable.first(); next !== undefined && next.index <= index;) {
      this.#durable.shift()
      const holds = next.term === term
      next.settle(holds ? { _tag: "durable", index: next.index, term } : unknownOutcome)
      next = this.#durable.first()
    }
  }

  /**
   * Leadership went. Entries below `committedHi` are known to be committed and are settled when
   * they are applied, by comparing terms; what stands above is unknown from now on. Returns the
   * payload bytes settled.
   */
  leadershipLost(committedHi: LogIndex): number {
    let bytes = 0
    const lost = [...this.#committed.cut(committedHi), ...this.#durable.cut(0)]
    for (const waiting of lost) {
      bytes += waiting.bytes
      this.bytes -= waiting.bytes
    }
    for (const waiting of lost) waiting.settle(unknownOutcome)
    return bytes
  }
}
