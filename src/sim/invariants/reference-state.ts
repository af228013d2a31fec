/**
 * What a partition must know of its committed log, computed from the envelopes alone by code that
 * shares nothing with the shipped one: the last five batches of each idempotent producer's epoch,
 * where leader epochs begin, where the log ends.
 */
import type { EntryEnvelope } from "../../../raft/types.ts"

export interface ReferenceLimits {
  readonly expirationMs: number
  readonly producersMax: number
}

interface ReferenceBatch {
  readonly epoch: number
  readonly firstSequence: number
  readonly firstOffset: number
  readonly index: number
}

interface ReferenceProducer {
  readonly id: number
  lastMs: number
  batches: Array<ReferenceBatch>
}

const kept = 5

export class ReferenceState {
  index = 0
  endOffset = 0
  #producers: Array<ReferenceProducer> = []
  readonly #starts: Array<{ epoch: number; startOffset: number }> = []
  readonly #limits: ReferenceLimits

  constructor(limits: ReferenceLimits) {
    this.#limits = limits
  }

  apply(entry: EntryEnvelope): void {
    this.index = entry.index
    this.#epoch(entry)
    if (entry.type !== "data") return
    this.endOffset = entry.lastOffset + 1
    if (entry.producerId >= 0) this.#batch(entry)
  }

  #epoch({ term, firstOffset }: EntryEnvelope): void {
    const last = this.#starts.at(-1)
    if (last !== undefined && last.epoch === term) return
    // Epochs that held no record are not told.
    const empty = this.#starts.findIndex(({ startOffset }) => startOffset >= firstOffset)
    if (empty >= 0) this.#starts.length = empty
    this.#starts.push({ epoch: term, startOffset: firstOffset })
  }

  #batch(entry: EntryEnvelope): void {
    const { expirationMs, producersMax } = this.#limits
    const { producerId, appendMs, producerEpoch } = entry
    const living = this.#producers.filter(({ lastMs }) => appendMs - lastMs <= expirationMs)
    const known = living.find(({ id }) => id === producerId)
    const others = living.filter(({ id }) => id !== producerId)
    const sameEpoch = known?.batches.at(-1)?.epoch === producerEpoch
    const batches = sameEpoch ? (known?.batches ?? []) : []
    const batch = {
      epoch: producerEpoch,
      firstSequence: entry.baseSequence,
      firstOffset: entry.firstOffset,
      index: entry.index,
    }
    others.push({ id: producerId, lastMs: appendMs, batches: [...batches, batch].slice(-kept) })
    this.#producers = others.slice(-producersMax)
  }

  /** In the order of the last write. */
  producers(): string {
    return this.#producers
      .map(({ id, batches }) => `${id}: ${batches.map(batchText).join(" ")}`)
      .join("\n")
  }

  epochs(): string {
    return this.#starts.map(({ epoch, startOffset }) => `${epoch}@${startOffset}`).join(" ")
  }
}

export const batchText = (batch: ReferenceBatch): string =>
  `${batch.epoch}/${batch.firstSequence}@${batch.firstOffset}#${batch.index}`
