/**
 * What a partition knows of idempotent producers (PROTOCOL trap 32, Kafka's ProducerStateManager
 * without transactions): per producer id the last five batches of its current epoch.
 *
 * `ProducerState` is a function of the committed log alone: every replica and every restart
 * computes the same. What a leader has proposed and not yet committed lies beside it in a
 * `ProducerTail`, so truncation is forgetting the tail.
 */
import { ErrorCode } from "../protocol/error-codes.ts"
import { advanceSequence, producerBatch, windowBatches } from "./producer-batch.ts"
import type { ProducerBatch, ProducerEnvelope } from "./producer-batch.ts"

export interface ProducerLimits {
  /** producer.id.expiration.ms, against the appendMs of later entries. */
  readonly expirationMs: number
  /** Producers remembered per partition; beyond it the one that wrote longest ago is forgotten. */
  readonly producersMax: number
}

/** A batch that asks to be appended; `appendMs` is what its entry would carry. */
export interface SequenceCheck {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastOffsetDelta: number
  readonly appendMs: number
}

export type SequenceVerdict =
  | { readonly _tag: "accept" }
  | { readonly _tag: "duplicate"; readonly batch: ProducerBatch }
  | { readonly _tag: "error"; readonly errorCode: ErrorCode }

const accept: SequenceVerdict = { _tag: "accept" }
const staleEpoch: SequenceVerdict = {
  _tag: "error",
  errorCode: ErrorCode.INVALID_PRODUCER_EPOCH,
}
const outOfOrder: SequenceVerdict = {
  _tag: "error",
  errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
}

export interface ProducerSnapshot {
  readonly producerId: number
  readonly batches: ReadonlyArray<ProducerBatch>
}

export class ProducerState {
  #limits: ProducerLimits
  /** Oldest batch first, never empty. Insertion order of the map = order of the last write. */
  readonly #producers = new Map<number, Array<ProducerBatch>>()

  constructor(limits: ProducerLimits) {
    this.#limits = limits
  }

  configure(limits: ProducerLimits): void {
    this.#limits = limits
  }

  get size(): number {
    return this.#producers.size
  }

  batchesOf(producerId: number): ReadonlyArray<ProducerBatch> | undefined {
    return this.#producers.get(producerId)
  }

  /** Does a write at `appendMs` still see what this batch left behind? */
  remembers(batch: ProducerBatch, appendMs: number): boolean {
    return appendMs - batch.appendMs <= this.#limits.expirationMs
  }

  /** A committed entry with a producer id, in log order. */
  apply(entry: ProducerEnvelope): void {
    this.#expire(entry.appendMs)
    const known = this.#producers.get(entry.producerId)
    const last = known?.at(-1)
    const continues = last !== undefined && last.epoch === entry.producerEpoch
    const batch = producerBatch(entry, !continues)
    if (known === undefined || !continues) {
      this.#producers.delete(entry.producerId)
      this.#producers.set(entry.producerId, [batch])
    } else {
      known.push(batch)
      if (known.length > windowBatches) known.shift()
      this.#producers.delete(entry.producerId)
      this.#producers.set(entry.producerId, known)
    }
    this.#evict()
  }

  /** Plain data in the order of the last write, for DescribeProducers, checkpoints and tests. */
  snapshot(): ReadonlyArray<ProducerSnapshot> {
    return [...this.#producers].map(([producerId, batches]) => ({
      producerId,
      batches: [...batches],
    }))
  }

  /** What `snapshot` gave, in its order. */
  restore(producers: ReadonlyArray<ProducerSnapshot>): void {
    this.#producers.clear()
    for (const { producerId, batches } of producers) this.#producers.set(producerId, [...batches])
  }

  /** appendMs never decreases along the log, so whoever wrote longest ago stands first. */
  #expire(appendMs: number): void {
    for (const [producerId, batches] of this.#producers) {
      if (this.remembers(batches.at(-1)!, appendMs)) return
      this.#producers.delete(producerId)
    }
  }

  #evict(): void {
    if (this.#producers.size <= this.#limits.producersMax) return
    for (const producerId of this.#producers.keys()) {
      this.#producers.delete(producerId)
      return
    }
  }
}

/**
 * Batches of a leader's log above its applied index. Valid for one term; a new leader fills it from
 * its own log.
 */
export class ProducerTail {
  readonly #state: ProducerState
  readonly #tail = new Map<number, Array<ProducerBatch>>()

  constructor(state: ProducerState) {
    this.#state = state
  }

  /** Producers with batches above the applied index. */
  get size(): number {
    return this.#tail.size
  }

  /** An entry with a producer id was appended to the log, not yet committed. */
  append(entry: ProducerEnvelope): void {
    const last = this.#last(entry.producerId)
    const continues =
      last !== undefined &&
      last.epoch === entry.producerEpoch &&
      this.#state.remembers(last, entry.appendMs)
    const batch = producerBatch(entry, !continues)
    const tail = this.#tail.get(entry.producerId)
    if (tail === undefined) this.#tail.set(entry.producerId, [batch])
    else tail.push(batch)
  }

  /** The entry has been applied to the state below: it leaves the tail. */
  applied(entry: ProducerEnvelope): void {
    const tail = this.#tail.get(entry.producerId)
    if (tail === undefined || tail[0]!.index > entry.index) return
    tail.shift()
    if (tail.length === 0) this.#tail.delete(entry.producerId)
  }

  check(asked: SequenceCheck): SequenceVerdict {
    const last = this.#last(asked.producerId)
    if (last === undefined || !this.#state.remembers(last, asked.appendMs)) return accept
    if (asked.producerEpoch < last.epoch) return staleEpoch
    if (asked.producerEpoch > last.epoch) return asked.baseSequence === 0 ? accept : outOfOrder
    const duplicate = this.#find(asked)
    if (duplicate !== undefined) return { _tag: "duplicate", batch: duplicate }
    const expected = advanceSequence(last.lastSequence, 1)
    return asked.baseSequence === expected ? accept : outOfOrder
  }

  #last(producerId: number): ProducerBatch | undefined {
    return this.#tail.get(producerId)?.at(-1) ?? this.#state.batchesOf(producerId)?.at(-1)
  }

  /** Among the newest five of the current history, over both layers. */
  #find(asked: SequenceCheck): ProducerBatch | undefined {
    const lastSequence = advanceSequence(asked.baseSequence, asked.lastOffsetDelta)
    let seen = 0
    for (const layer of [
      this.#tail.get(asked.producerId),
      this.#state.batchesOf(asked.producerId),
    ]) {
      for (let at = (layer?.length ?? 0) - 1; at >= 0; at--) {
        const batch = layer![at]!
        const same =
          batch.firstSequence === asked.baseSequence && batch.lastSequence === lastSequence
        if (same) return batch
        if (batch.startsHistory || ++seen === windowBatches) return undefined
      }
    }
    return undefined
  }
}
