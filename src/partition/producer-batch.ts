/** An idempotent batch as the dedup window remembers it, and the arithmetic of sequence numbers. */
import type { LogIndex } from "../../raft/types.ts"

/** The fields of an entry that producer state is made of: a function of the log, no payload. */
export interface ProducerEnvelope {
  readonly index: LogIndex
  readonly appendMs: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
}

export interface ProducerBatch {
  readonly epoch: number
  readonly firstSequence: number
  readonly lastSequence: number
  readonly firstOffset: number
  readonly index: LogIndex
  readonly timestamp: number
  readonly appendMs: number
  /**
   * It continues nothing: new producer, new epoch, or the producer had expired. Older batches do
   * not count.
   */
  readonly startsHistory: boolean
}

/** Kafka's NUM_BATCHES_TO_RETAIN: clients keep at most five batches in flight. */
export const windowBatches = 5

const sequenceMax = 0x7fffffff

/** After 2³¹ − 1 comes 0. */
export function advanceSequence(sequence: number, by: number): number {
  return sequence > sequenceMax - by ? by - (sequenceMax - sequence) - 1 : sequence + by
}

export function producerBatch(envelope: ProducerEnvelope, startsHistory: boolean): ProducerBatch {
  const recordsBeyondFirst = envelope.lastOffset - envelope.firstOffset
  return {
    epoch: envelope.producerEpoch,
    firstSequence: envelope.baseSequence,
    lastSequence: advanceSequence(envelope.baseSequence, recordsBeyondFirst),
    firstOffset: envelope.firstOffset,
    index: envelope.index,
    timestamp: envelope.maxTimestamp,
    appendMs: envelope.appendMs,
    startsHistory,
  }
}
