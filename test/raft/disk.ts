/**
 * One member's disk: what the host has taken over is readable at once and durable later; a crash
 * keeps a prefix of the commits.
 */
import type { Entry, HardState, LogIndex, LogReader, Ready, Term } from "../../raft/index.ts"
import { emptyHardState } from "../../raft/index.ts"

interface Commit {
  readonly entries: ReadonlyArray<Entry>
  readonly hardState: HardState | null
}

export class Disk implements LogReader {
  #entries: Array<Entry> = []
  hardState: HardState = emptyHardState
  #durableEntries: Array<Entry> = []
  #durableHardState: HardState = emptyHardState
  readonly #pending: Array<Commit> = []
  #firstIndex: LogIndex = 1
  #cutTerm: Term = 0

  get firstIndex(): LogIndex {
    return this.#firstIndex
  }
  get lastIndex(): LogIndex {
    return this.#firstIndex + this.#entries.length - 1
  }
  get lastOffset(): number {
    return this.#entries.at(-1)?.lastOffset ?? -1
  }
  get lastAppendMs(): number {
    return this.#entries.at(-1)?.appendMs ?? 0
  }
  get all(): ReadonlyArray<Entry> {
    return this.#entries
  }
  get durableHardState(): HardState {
    return this.#durableHardState
  }
  get durableEntries(): ReadonlyArray<Entry> {
    return this.#durableEntries
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.#firstIndex - 1) return this.#cutTerm
    return this.#entries[index - this.#firstIndex]?.term
  }

  entries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    const found: Array<Entry> = []
    let bytes = 0
    for (let index = lo; index < hi; index++) {
      const entry = this.#entries[index - this.#firstIndex]
      if (entry === undefined) break
      bytes += entry.payload.length
      if (found.length > 0 && bytes > bytesMax) break
      found.push(entry)
    }
    return found
  }

  configurationAt(index: LogIndex): Entry | undefined {
    for (let at = index; at >= this.#firstIndex; at--) {
      const entry = this.#entries[at - this.#firstIndex]
      if (entry?.type === "configuration") return entry
    }
    return undefined
  }

  take(ready: Ready): void {
    this.write({ entries: ready.entries, hardState: ready.hardState })
  }

  write(commit: Commit): void {
    this.#apply(this.#entries, commit.entries)
    if (commit.hardState !== null) this.hardState = commit.hardState
    this.#pending.push(commit)
  }

  /** The oldest commit becomes durable. */
  sync(): void {
    const commit = this.#pending.shift()
    if (commit === undefined) throw new Error("nothing to sync")
    this.#apply(this.#durableEntries, commit.entries)
    if (commit.hardState !== null) this.#durableHardState = commit.hardState
  }

  /** What a restart finds: commits that were not durable are gone. */
  crash(): void {
    this.#pending.length = 0
    this.#entries = [...this.#durableEntries]
    this.hardState = this.#durableHardState
  }

  /** Forgets everything below `index`, which must be readable. */
  cutBefore(index: LogIndex): void {
    this.#cutTerm = this.term(index - 1) ?? 0
    this.#entries = this.#entries.slice(index - this.#firstIndex)
    this.#durableEntries = this.#durableEntries.slice(index - this.#firstIndex)
    this.#firstIndex = index
  }

  #apply(log: Array<Entry>, entries: ReadonlyArray<Entry>): void {
    const first = entries[0]
    if (first === undefined) return
    if (first.index > this.#firstIndex + log.length) throw new Error("a hole in the log")
    log.length = first.index - this.#firstIndex
    log.push(...entries)
  }
}
