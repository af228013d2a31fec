/** What was known to be committed at each moment: from acknowledgements, reads and answers. */
import type { Append, ListOffsetsCall, Operation, Poll } from "../history/history.ts"
import { lowerBound } from "./lower-bound.ts"

/** An end of the log that some client had been told at some moment. */
interface Told {
  readonly returned: number
  readonly end: number
  readonly by: Operation
}

export class KnownEnds {
  /** Ascending by `returned`, and by `end`: only what raised it. */
  readonly #told: Array<Told> = []

  constructor(view: {
    readonly appends: ReadonlyArray<Operation<Append>>
    readonly polls: ReadonlyArray<Operation<Poll>>
    readonly lists: ReadonlyArray<Operation<ListOffsetsCall>>
  }) {
    const all: Array<Told> = []
    const told = (by: Operation, end: number): void =>
      void all.push({ returned: by.returned, end, by })
    for (const append of view.appends) {
      if (append.outcome !== "ok" || append.acks !== -1 || append.offset < 0) continue
      told(append, append.offset + append.values.length)
    }
    for (const poll of view.polls) {
      if (poll.outcome !== "ok") continue
      told(poll, Math.max(poll.highWatermark, (poll.records.at(-1)?.[0] ?? -1) + 1))
    }
    for (const list of view.lists) {
      if (list.outcome === "ok" && list.at === -1) told(list, list.offset)
    }
    all.sort((a, b) => a.returned - b.returned)
    for (const one of all) if (one.end > (this.#told.at(-1)?.end ?? -1)) this.#told.push(one)
  }

  /** The highest that had returned before `moment`. */
  before(moment: number): Told | undefined {
    return this.#told[lowerBound(this.#told, moment, ({ returned }) => returned) - 1]
  }
}
