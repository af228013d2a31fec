/**
 * The one committed log of a group, over all its members: whoever commits an index first fixes its
 * entry for ever.
 */
import type { EntryEnvelope, LogIndex, MemberId, Term } from "../../../raft/types.ts"
import type { GroupId } from "../../../storage/wal.ts"
import type { GroupCopy } from "./group-copy.ts"
import { LogStartRules } from "./log-start-rules.ts"
import type { TopicConfigs } from "./log-start-rules.ts"
import { ReferenceState } from "./reference-state.ts"
import type { ReferenceLimits } from "./reference-state.ts"
import type { Report } from "./violation.ts"

export class CommittedLog {
  readonly group: GroupId
  readonly leaders = new Map<Term, MemberId>()
  /** The metadata has committed that the group is gone: nothing is asked of it any more. */
  isDeleted = false
  readonly #entries: Array<EntryEnvelope> = []
  readonly #chains: Array<number> = []
  /** Term of the leader that was seen to commit it. */
  readonly #inTerms: Array<Term> = []
  /** By (term, index): the chain there. */
  readonly #written = new Map<number, number>()
  readonly #report: Report
  readonly reference: ReferenceState
  readonly logStart: LogStartRules

  constructor(group: GroupId, limits: ReferenceLimits, configs: TopicConfigs, report: Report) {
    this.group = group
    this.logStart = new LogStartRules(configs)
    this.reference = new ReferenceState(limits)
    this.#report = report
  }

  get lastIndex(): LogIndex {
    return this.#entries.length
  }

  get endOffset(): number {
    return (this.#entries.at(-1)?.lastOffset ?? -1) + 1
  }

  entry(index: LogIndex): EntryEnvelope | undefined {
    return this.#entries[index - 1]
  }

  chain(index: LogIndex): number | undefined {
    return index === 0 ? 0 : this.#chains[index - 1]
  }

  /** Log Matching: one entry per (term, index), and one log below it. */
  written(copy: GroupCopy, entries: ReadonlyArray<EntryEnvelope>): void {
    if (copy.isWitness) return
    for (const { term, index } of entries) {
      const chain = copy.chain(index)
      const key = term * 2 ** 32 + index
      const known = this.#written.get(key)
      if (known === undefined && chain !== undefined) this.#written.set(key, chain)
      else if (known !== chain) {
        this.#report("Log Matching", `${copy.member}: group ${this.group} term ${term} #${index}`)
      }
    }
  }

  /** State Machine Safety: `copy` counts everything up to `index` as committed, in `term`. */
  committed(copy: GroupCopy, from: LogIndex, index: LogIndex, term: Term): void {
    const both = Math.min(index, this.lastIndex)
    if (both > from) this.#same(copy, both)
    for (let at = this.lastIndex + 1; at <= index; at++) this.#extend(copy, at, term)
  }

  #same(copy: GroupCopy, index: LogIndex): void {
    if (index < copy.cut.index) return
    const mine = copy.isWitness ? copy.term(index) : copy.chain(index)
    const fixed = copy.isWitness ? this.entry(index)?.term : this.chain(index)
    if (mine === fixed || (mine === undefined && index === copy.cut.index)) return
    const at = this.#firstDifference(copy, index)
    this.#report("State Machine Safety", `${copy.member}: group ${this.group} #${at} differs`)
  }

  #firstDifference(copy: GroupCopy, index: LogIndex): LogIndex {
    let at = index
    while (at - 1 > copy.cut.index && copy.chain(at - 1) !== this.chain(at - 1)) at--
    return at
  }

  #extend(copy: GroupCopy, index: LogIndex, term: Term): void {
    const entry = copy.entry(index)
    const chain = copy.chain(index)
    if (entry === undefined || chain === undefined) {
      this.#report("State Machine Safety", `${copy.member}: group ${this.group} lacks #${index}`)
    }
    // What only a witness was seen to commit is fixed by the first who holds it.
    if (copy.isWitness) return
    this.#translation(entry)
    this.#entries.push(entry)
    this.#chains.push(chain)
    this.#inTerms.push(Math.max(term, this.#inTerms.at(-1) ?? 0))
    if (this.group === 0) return
    this.reference.apply(entry)
    const wrong = this.logStart.apply(entry)
    if (wrong !== undefined) this.#report("log start", `group ${this.group}: ${wrong}`)
  }

  /**
   * Kafka's offsets are counted along the log: every entry goes on where the last one ended. Those
   * of a partition hold records, or say something of the log itself and take none.
   */
  #translation(entry: EntryEnvelope): void {
    const { firstOffset, lastOffset, index, type } = entry
    const expected = this.endOffset
    const isRight =
      firstOffset === expected &&
      (type === "data" && this.group !== 0
        ? lastOffset >= firstOffset - 1
        : lastOffset === expected - 1)
    if (isRight) return
    const what = `group ${this.group} #${index}: [${firstOffset}, ${lastOffset}] after ${expected}`
    this.#report("offset translation", what)
  }

  /** Election Safety, and Leader Completeness when it is seen first. */
  leads(copy: GroupCopy, term: Term): void {
    const known = this.leaders.get(term)
    if (known === copy.member) return
    if (known !== undefined) {
      const both = `${known} and ${copy.member} lead term ${term} of group ${this.group}`
      this.#report("Election Safety", both)
    }
    this.leaders.set(term, copy.member)
    const index = this.#committedBelow(term)
    if (index <= copy.cut.index || copy.chain(index) === this.chain(index)) return
    const what = `${copy.member} leads term ${term} of group ${this.group} without #${index}`
    this.#report("Leader Completeness", what)
  }

  /** The highest index committed in a term below `term`. */
  #committedBelow(term: Term): LogIndex {
    let lo = 0
    let hi = this.#inTerms.length
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      if ((this.#inTerms[middle] ?? 0) < term) lo = middle + 1
      else hi = middle
    }
    return lo
  }

  /** First index whose last offset is at or above `offset`, as far as the log is committed. */
  indexOfOffset(offset: number): LogIndex | undefined {
    let lo = 0
    let hi = this.#entries.length
    while (lo < hi) {
      const middle = (lo + hi) >>> 1
      if ((this.#entries[middle]?.lastOffset ?? 0) < offset) lo = middle + 1
      else hi = middle
    }
    return this.#entries[lo]?.index
  }
}
