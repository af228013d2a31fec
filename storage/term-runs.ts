/** The terms of a log as runs: there are few, so this answers `term(index)` without an entry. */
import type { LogIndex, Term } from "../raft/types.ts"

export interface TermRun {
  readonly term: Term
  readonly firstIndex: LogIndex
}

export class TermRuns {
  private runs: Array<TermRun> = []

  get all(): ReadonlyArray<TermRun> {
    return this.runs
  }

  get lastTerm(): Term {
    return this.runs.at(-1)?.term ?? 0
  }

  append(term: Term, index: LogIndex): void {
    if (this.runs.at(-1)?.term !== term) this.runs.push({ term, firstIndex: index })
  }

  truncateFrom(index: LogIndex): void {
    while ((this.runs.at(-1)?.firstIndex ?? -1) >= index) this.runs.pop()
  }

  /** The log begins at `index` now. */
  cutBefore(index: LogIndex): void {
    const term = this.termAt(index)
    this.runs = this.runs.filter(({ firstIndex }) => firstIndex > index)
    if (term !== undefined) this.runs.unshift({ term, firstIndex: index })
  }

  /** Term of an index known to lie in the log. */
  termAt(index: LogIndex): Term | undefined {
    let lo = 0
    let hi = this.runs.length
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      if ((this.runs[middle]?.firstIndex ?? Infinity) <= index) lo = middle + 1
      else hi = middle
    }
    return this.runs[lo - 1]?.term
  }
}
