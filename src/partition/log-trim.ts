/**
 * Takes off the front of a log what lies below its start, a slice at a time: a cut needs the state
 * as it was there, which is computed from the envelopes up to it. Nothing is remembered over a
 * restart: where the log is to begin is in the state, where it does is in the log.
 */
import type { LogIndex } from "../../raft/types.ts"
import type { RaftGroup } from "./raft-group.ts"
import type { StateAt } from "./state-at.ts"

export interface LogTrimParts {
  readonly group: () => RaftGroup
  /** Below it everything is to go. */
  readonly logStartOffset: () => number
  /** The state at the applied index, as bytes. */
  readonly encoded: () => Uint8Array
  readonly stateAt: (index: LogIndex) => StateAt
}

export class LogTrim {
  readonly #parts: LogTrimParts
  /** What is up to here goes; 0 = nothing. */
  #target: LogIndex = 0
  #walk: StateAt | undefined

  constructor(parts: LogTrimParts) {
    this.#parts = parts
  }

  /** Something is left to be taken off. */
  get due(): boolean {
    return this.#target > this.#parts.group().log.cut.index
  }

  /** The log start may have moved. Reads a directory. */
  look(): void {
    const { log, appliedIndex } = this.#parts.group()
    const start = this.#parts.logStartOffset()
    if (start <= log.cut.lastOffset + 1) return
    const holder = log.indexOfOffset(start) ?? log.lastIndex + 1
    this.#target = Math.max(this.#target, Math.min(holder - 1, appliedIndex))
  }

  /** The group is gone from this node. */
  end(): void {
    this.#target = 0
    this.#walk = undefined
  }

  /** Reads at most so many envelopes; returns how many. Throws `CorruptEntry`. */
  step(entriesMax: number): number {
    const group = this.#parts.group()
    // Entries that were found damaged, and will be back.
    const target = Math.min(this.#target, group.log.lastIndex)
    if (target <= group.log.cut.index) return 0
    if (target === group.appliedIndex) {
      this.#cut(target, this.#parts.encoded())
      return 0
    }
    if (this.#walk === undefined || this.#walk.index < group.log.cut.index) {
      this.#walk = this.#parts.stateAt(target)
    }
    const read = this.#advance(this.#walk, target, entriesMax)
    if (this.#walk?.index === target) this.#cut(target, this.#walk.encode())
    return read
  }

  /** A walk that an entry broke off has taken those before it, and must not take them again. */
  #advance(walk: StateAt, target: LogIndex, entriesMax: number): number {
    try {
      return walk.advance(target, entriesMax)
    } catch (error) {
      this.#walk = undefined
      throw error
    }
  }

  #cut(target: LogIndex, state: Uint8Array): void {
    this.#walk = undefined
    this.#parts.group().cut(target, state)
  }
}
