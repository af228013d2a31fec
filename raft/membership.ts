/**
 * Which configuration is in force: the newest in the log, committed or not (§6), and the older ones
 * a truncation may bring back. A log holds at most one uncommitted configuration, so the list is
 * short.
 */
import { invariant } from "./assert.ts"
import { decodeConfiguration, isVoter } from "./configuration.ts"
import type { RaftLog } from "./raft-log.ts"
import type { Configuration, Entry, LogIndex, MemberId } from "./types.ts"

interface Placed {
  /** 0 for the bootstrap configuration. */
  readonly index: LogIndex
  readonly configuration: Configuration
}

export class Membership {
  readonly #bootstrap: Configuration
  #placed: Array<Placed>

  constructor(bootstrap: Configuration, log: RaftLog) {
    this.#bootstrap = bootstrap
    this.#placed = this.#read(log)
  }

  /**
   * The log begins behind `cut` now. Its configuration is that of the group's creation only while
   * no entry or cut says otherwise.
   */
  restart(log: RaftLog): void {
    this.#placed = this.#read(log)
  }

  #read(log: RaftLog): Array<Placed> {
    const found: Array<Placed> = []
    for (let index = log.lastIndex; index > log.cut.index;) {
      const entry = log.configurationAt(index)
      if (entry === undefined) break
      found.unshift(placed(entry))
      if (entry.index <= log.commitIndex) break
      index = entry.index - 1
    }
    const first = found[0]
    if (first === undefined || first.index > log.commitIndex) {
      const { configuration, configurationIndex } = log.cut
      found.unshift({
        index: configurationIndex,
        configuration: configuration ?? this.#bootstrap,
      })
    }
    return found
  }

  get current(): Configuration {
    return this.#last.configuration
  }
  get currentIndex(): LogIndex {
    return this.#last.index
  }
  /** The committed one, then those that may still be taken back: voters of any of them vote. */
  get possible(): ReadonlyArray<Configuration> {
    return this.#placed.map(({ configuration }) => configuration)
  }
  get #last(): Placed {
    const last = this.#placed.at(-1)
    invariant(last !== undefined, "some configuration is always in force")
    return last
  }

  /**
   * A voter of the configuration in force, or of one that it may not have replaced for good: who is
   * left out by an uncommitted configuration may be the only one with a log that can be elected
   * (dissertation §4.2.2).
   */
  mayLead(member: MemberId): boolean {
    return this.#placed.some(
      ({ configuration }) =>
        isVoter(configuration, member) && !configuration.witnesses.includes(member),
    )
  }

  appended(entry: Entry): void {
    this.#placed.push(placed(entry))
  }

  /** True when the configuration in force changed. */
  truncatedFrom(index: LogIndex): boolean {
    let changed = false
    while (this.currentIndex >= index) {
      this.#placed.pop()
      changed = true
    }
    return changed
  }

  committed(commitIndex: LogIndex): void {
    while ((this.#placed[1]?.index ?? Number.MAX_SAFE_INTEGER) <= commitIndex) this.#placed.shift()
  }
}

const placed = (entry: Entry): Placed => ({
  index: entry.index,
  configuration: decodeConfiguration(entry.payload),
})
