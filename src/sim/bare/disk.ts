/**
 * One member's disk: what the host has taken over is readable at once and durable later; a crash
 * keeps a prefix of the commits, and damage may take a part of what was durable.
 */
import type {
  Entry,
  HardState,
  LogCut,
  LogIndex,
  LogReader,
  Ready,
  Snapshot,
  Term,
} from "../../../raft/index.ts"
import { cutBehind, emptyHardState, noCut } from "../../../raft/index.ts"

interface Commit {
  readonly snapshot: Snapshot | null
  readonly entries: ReadonlyArray<Entry>
  readonly hardState: HardState | null
}

/** A log with its cut and hard state, as one point in time has it. */
export class Image {
  cut: LogCut = noCut
  state = new Uint8Array(0)
  entries: Array<Entry> = []
  hardState: HardState = emptyHardState

  get lastIndex(): LogIndex {
    return this.cut.index + this.entries.length
  }

  term(index: LogIndex): Term | undefined {
    return index === this.cut.index ? this.cut.term : this.at(index)?.term
  }

  at(index: LogIndex): Entry | undefined {
    return this.entries[index - this.cut.index - 1]
  }

  apply({ snapshot, entries, hardState }: Commit): void {
    if (snapshot !== null) this.#cutTo(snapshot)
    this.#write(entries)
    if (hardState !== null) this.hardState = hardState
  }

  /** The suffix stays only behind an entry that is here. */
  #cutTo({ cut, state }: Snapshot): void {
    if (cut.index <= this.cut.index) throw new Error("a cut at or below the present one")
    const kept = this.term(cut.index) === cut.term
    this.entries = kept ? this.entries.slice(cut.index - this.cut.index) : []
    this.cut = cut
    this.state = Uint8Array.from(state)
  }

  #write(entries: ReadonlyArray<Entry>): void {
    const first = entries[0]
    if (first === undefined) return
    if (first.index > this.lastIndex + 1) throw new Error("a hole in the log")
    if (first.index <= this.cut.index) throw new Error("an entry below the cut")
    this.entries.length = first.index - this.cut.index - 1
    this.entries.push(...entries)
  }

  copy(): Image {
    const copy = new Image()
    copy.cut = this.cut
    copy.state = this.state
    copy.entries = [...this.entries]
    copy.hardState = this.hardState
    return copy
  }
}

export class Disk implements LogReader {
  #now = new Image()
  durable = new Image()
  /** What was durable each time that damage took a part, until the member is trusted again. */
  lost: ReadonlyArray<Image> = []
  readonly #pending: Array<Commit> = []

  get hardState(): HardState {
    return this.#now.hardState
  }
  get cut(): LogCut {
    return this.#now.cut
  }
  get firstIndex(): LogIndex {
    return this.#now.cut.index + 1
  }
  get lastIndex(): LogIndex {
    return this.#now.lastIndex
  }
  get lastOffset(): number {
    return this.#now.entries.at(-1)?.lastOffset ?? this.cut.lastOffset
  }
  get lastAppendMs(): number {
    return this.#now.entries.at(-1)?.appendMs ?? this.cut.appendMs
  }
  get all(): ReadonlyArray<Entry> {
    return this.#now.entries
  }
  /** State of the host's machine at the cut. */
  get state(): Uint8Array {
    return this.#now.state
  }

  term(index: LogIndex): Term | undefined {
    return this.#now.term(index)
  }

  entries(lo: LogIndex, hi: LogIndex, bytesMax: number): ReadonlyArray<Entry> {
    const found: Array<Entry> = []
    let bytes = 0
    for (let index = lo; index < hi; index++) {
      const entry = this.#now.at(index)
      if (entry === undefined) break
      bytes += entry.payload.length
      if (found.length > 0 && bytes > bytesMax) break
      found.push(entry)
    }
    return found
  }

  configurationAt(index: LogIndex): Entry | undefined {
    for (let at = index; at >= this.firstIndex; at--) {
      const entry = this.#now.at(at)
      if (entry?.type === "configuration") return entry
    }
    return undefined
  }

  take({ snapshot, entries, hardState }: Ready): void {
    this.write({ snapshot, entries, hardState })
  }

  write(commit: Commit): void {
    this.#now.apply(commit)
    this.#pending.push(commit)
  }

  /** The oldest commit becomes durable. */
  sync(): void {
    const commit = this.#pending.shift()
    if (commit === undefined) throw new Error("nothing to sync")
    const doubted = this.durable.hardState.standing !== "trusted"
    this.durable.apply(commit)
    if (doubted && this.durable.hardState.standing === "trusted") this.lost = []
  }

  /** What a restart finds: commits that were not durable are gone. */
  crash(): void {
    this.#pending.length = 0
    this.#now = this.durable.copy()
  }

  /** While down: entries from `index` on are lost, and the hard state changes as given. */
  damage(index: LogIndex, hardState: Partial<HardState>): void {
    this.lost = [...this.lost, this.durable.copy()]
    this.durable.entries.length = Math.max(0, index - this.durable.cut.index - 1)
    this.durable.hardState = { ...this.durable.hardState, ...hardState }
    this.crash()
  }

  /** The cut behind `index`, which must be readable. */
  cutAt(index: LogIndex): LogCut {
    const last = this.#now.at(index)
    if (last === undefined) throw new Error("a cut behind an entry that is not there")
    return cutBehind(last, this.configurationAt(index), this.cut)
  }
}
