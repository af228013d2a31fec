/** Who tried to write a value. */
import type { Append, Operation } from "../history/history.ts"

export class Writers {
  readonly #first = new Map<string, Operation<Append>>()
  /** Of values that several appends carry (each attempt is one of its own): all of them. */
  readonly #repeated = new Map<string, Array<Operation<Append>>>()
  /** Of the topic's appends that do not tell their partition. */
  readonly #elsewhere: Writers | undefined

  constructor(appends: Iterable<Operation<Append>>, elsewhere?: Writers) {
    this.#elsewhere = elsewhere
    for (const append of appends) for (const value of append.values) this.#add(value, append)
  }

  #add(value: string, append: Operation<Append>): void {
    const first = this.#first.get(value)
    if (first === undefined) {
      this.#first.set(value, append)
      return
    }
    const known = this.#repeated.get(value)
    if (known === undefined) this.#repeated.set(value, [first, append])
    else known.push(append)
    if (append.invoked < first.invoked) this.#first.set(value, append)
  }

  /** The append that was invoked first. */
  firstOf(value: string): Operation<Append> | undefined {
    return this.#first.get(value) ?? this.#elsewhere?.firstOf(value)
  }

  isRepeated(value: string): boolean {
    return this.#repeated.size > 0 && this.#repeated.has(value)
  }

  allOf(value: string): ReadonlyArray<Operation<Append>> {
    const first = this.#first.get(value)
    if (first === undefined) return this.#elsewhere?.allOf(value) ?? []
    return this.#repeated.get(value) ?? [first]
  }

  /** It has writers, and each of them was told that it definitely did not. */
  didAllFail(value: string): boolean {
    if (!this.isRepeated(value)) return this.firstOf(value)?.outcome === "fail"
    const writers = this.allOf(value)
    return writers.length > 0 && writers.every(({ outcome }) => outcome === "fail")
  }

  /** Of the record's key; undefined where it has none. */
  keyOf(value: string): string | undefined {
    const append = this.firstOf(value)
    return append?.keys?.[append.values.indexOf(value)]
  }

  /** How often the log may hold the value: once per idempotent producer's batch. */
  copiesMax(value: string): number {
    let most = 0
    const batches = new Set<string>()
    for (const append of this.allOf(value)) {
      if (append.outcome === "fail") continue
      const { producer } = append
      if (producer === null || !isIdempotent(append)) most += attemptsMax(append)
      else batches.add(`${producer.id}/${producer.epoch}/${producer.baseSequence}`)
    }
    return Math.max(1, most + batches.size)
  }
}

export const isIdempotent = ({ producer }: Append): boolean =>
  producer !== null && producer.id !== -1

/** Nobody has counted yet how often one was sent that is under way. */
const attemptsMax = (append: Operation<Append>): number =>
  append.outcome === "pending" || append.duplicates === "allowed"
    ? Infinity
    : Math.max(1, append.attempts)
