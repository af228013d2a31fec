/**
 * When a group's derived state is worth writing down, so that a start need not read the whole log:
 * after so many entries or bytes, and never so often that the state outweighs what it saves.
 */
import type { EntryMeta } from "../../storage/wal.ts"

export interface CheckpointLimits {
  readonly entries: number
  readonly bytes: number
}

export const defaultCheckpointLimits: CheckpointLimits = { entries: 10_000, bytes: 16 << 20 }

/** Bytes that reading an entry's envelope at a start is counted as. */
const envelopeBytes = 64
/** The state may take this part of what was written since the last one. */
const stateShare = 4

export class CheckpointPlan {
  readonly #limits: CheckpointLimits
  #entries = 0
  #bytes = 0
  #stateBytes = 0

  constructor(limits: CheckpointLimits) {
    this.#limits = limits
  }

  applied(meta: EntryMeta): void {
    this.#entries++
    this.#bytes += meta.payloadBytes + envelopeBytes
  }

  get due(): boolean {
    const { entries, bytes } = this.#limits
    if (this.#entries < entries && this.#bytes < bytes) return false
    return this.#bytes >= stateShare * this.#stateBytes
  }

  /** A state of that size was written. */
  written(stateBytes: number): void {
    this.#entries = 0
    this.#bytes = 0
    this.#stateBytes = stateBytes
  }
}
