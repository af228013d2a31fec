/**
 * Payloads of entries that are applied one after the other: whoever reads two in a row gets the
 * next ones with them, for a read costs as much as the row it lies in.
 */
import type { Entry, LogIndex } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { GroupId, GroupLog } from "../../storage/wal.ts"

const aheadBytes = 256 << 10

export class PayloadReader {
  readonly #log: GroupLog
  readonly #group: GroupId
  #ahead: ReadonlyArray<Entry> = []
  #last: LogIndex = 0

  constructor(log: GroupLog, group: GroupId) {
    this.#log = log
    this.#group = group
  }

  /** Of the entry at `index`; everything below `hi` is committed. */
  read(index: LogIndex, hi: LogIndex): Uint8Array {
    const held = this.#ahead[index - (this.#ahead[0]?.index ?? 0)]
    const isNext = index === this.#last + 1
    this.#last = index
    if (held !== undefined) return held.payload
    this.#ahead = isNext ? this.#from(index, hi) : this.#log.entries(index, index + 1, 0)
    const entry = this.#ahead[0]
    if (entry === undefined) throw new Error(`group ${this.#group}: entry ${index} is missing`)
    return entry.payload
  }

  /** A later entry that is damaged is found when it is its turn. */
  #from(index: LogIndex, hi: LogIndex): ReadonlyArray<Entry> {
    try {
      return this.#log.entries(index, hi, aheadBytes)
    } catch (error) {
      if (!(error instanceof CorruptEntry) || error.index === index) throw error
      return this.#log.entries(index, index + 1, 0)
    }
  }

  /** What was read ahead is not kept. */
  release(): void {
    this.#ahead = []
  }
}
