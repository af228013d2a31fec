/**
 * The state machine of the tests: a chain of the CRCs of all that was applied. Its state is that,
 * and as many more bytes as make it a few chunks long.
 */
import type { Entry, LogIndex, Snapshot } from "../../../raft/index.ts"
import { crc32c } from "../../../raft/index.ts"

const empty = 0

export class Machine {
  index: LogIndex = 0
  #chain = empty
  /** The chain at each index since it began. */
  readonly #chains = new Map<LogIndex, number>([[0, empty]])

  get chain(): number {
    return this.#chain
  }

  apply(entry: Entry): void {
    if (entry.index !== this.index + 1) throw new Error(`applied ${entry.index} at ${this.index}`)
    this.index = entry.index
    this.#chain = next(this.#chain, entry)
    this.#chains.set(this.index, this.#chain)
  }

  /** An empty state is that of an empty machine, or of one that nobody reads. */
  restore({ cut, state }: Snapshot): void {
    this.index = cut.index
    this.#chain = state.length === 0 ? empty : chainIn(state)
    this.#chains.clear()
    this.#chains.set(this.index, this.#chain)
  }

  stateAt(index: LogIndex): Uint8Array {
    const chain = this.#chains.get(index)
    if (chain === undefined) throw new Error(`the state at ${index} is not known`)
    const state = new Uint8Array(4 + (index % 60)).fill(index)
    new DataView(state.buffer).setUint32(0, chain)
    return state
  }
}

export const chainIn = (state: Uint8Array): number =>
  new DataView(state.buffer, state.byteOffset, state.byteLength).getUint32(0)

const bytes = new Uint8Array(4)
const view = new DataView(bytes.buffer)

export const next = (chain: number, entry: Entry): number => {
  view.setUint32(0, entry.entryCrc)
  return crc32c(bytes, 0, 4, chain)
}
