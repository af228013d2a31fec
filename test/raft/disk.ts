/**
 * One member's disk: what the host has taken over is readable at once and durable later; a crash
 * keeps a prefix of the commits.
 */
import type {
  Entry,
  HardState,
  LogCut,
  LogIndex,
  LogReader,
  Ready,
  Term,
} from "../../raft/index.ts"
import { decodeConfiguration, emptyHardState, noCut } from "../../raft/index.ts"

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
  cut: LogCut = noCut

  get firstIndex(): LogIndex {
    return this.cut.index + 1
  }
  get lastIndex(): LogIndex {
    return this.firstIndex + this.#entries.length - 1
  }
  get lastOffset(): number {
    return this.#entries.at(-1)?.lastOffset ?? this.cut.lastOffset
  }
  get lastAppendMs(): number {
    return this.#entries.at(-1)?.appendMs ?? this.cut.appendMs
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
    if (index === this.firstIndex - 1) return this.cut.term
    return this.#entries[index - this.firstIndex]?.term
  }

  entries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    const found: Array<Entry> = []
    let bytes = 0
    for (let index = lo; index < hi; index++) {
      const entry = this.#entries[index - this.firstIndex]
      if (entry === undefined) break
      bytes += entry.payload.length
      if (found.length > 0 && bytes > bytesMax) break
      found.push(entry)
    }
    return found
  }

  configurationAt(index: LogIndex): Entry | undefined {
    for (let at = index; at >= this.firstIndex; at--) {
      const entry = this.#entries[at - this.firstIndex]
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

  /** Forgets everything below `index`; the entry before it must be readable. */
  cutBefore(index: LogIndex): void {
    const last = this.#entries[index - 1 - this.firstIndex]
    if (last === undefined) throw new Error("a cut behind an entry that is not there")
    const configuration = this.configurationAt(last.index)
    const gone = last.index - this.cut.index
    this.#entries = this.#entries.slice(gone)
    this.#durableEntries = this.#durableEntries.slice(gone)
    this.cut = {
      index: last.index,
      term: last.term,
      lastOffset: last.lastOffset,
      appendMs: last.appendMs,
      configuration:
        configuration === undefined
          ? this.cut.configuration
          : decodeConfiguration(configuration.payload),
      configurationIndex: configuration?.index ?? this.cut.configurationIndex,
    }
  }

  #apply(log: Array<Entry>, entries: ReadonlyArray<Entry>): void {
    const first = entries[0]
    if (first === undefined) return
    if (first.index > this.firstIndex + log.length) throw new Error("a hole in the log")
    log.length = first.index - this.firstIndex
    log.push(...entries)
  }
}
