/** How a raw producer behaves, and what one batch of it is. */
import type { PartitionRef } from "../partition.ts"
import type { Begun } from "../../history/recorder.ts"

export interface ProducerShape {
  readonly isIdempotent: boolean
  readonly acks: -1 | 0 | 1
  /** Batches of one partition on their way, at most 5 for an idempotent one. */
  readonly inFlightMax: number
  /** Whether an unknown outcome is tried again: an idempotent producer always does. */
  readonly retriesUnknown: boolean
  readonly requestTimeoutMs: number
  /** What is not delivered by then is given up, and the producer goes on as another one. */
  readonly deliveryTimeoutMs: number
  /** Of a hundred acknowledged batches so many are sent once more: the answer must be the same. */
  readonly repeatPercent: number
  /** After a loss: the same producer id with the next epoch (KIP-360), else another id. */
  readonly bumpsEpoch: boolean
}

export interface Batch {
  readonly ref: PartitionRef
  /** Its place among the producer's batches of the partition. */
  readonly index: number
  readonly begun: Begun
  readonly bytes: Uint8Array
  readonly count: number
  readonly deadlineMs: number
  attempts: number
  /** Some attempt may have been appended. */
  isUnknown: boolean
  isSent: boolean
  done: boolean
  /** Of the first acknowledgement, while the batch is sent once more; −1: none yet. */
  offset: number
  node: number
  connection: number
}

/** Of a producer; −1: not idempotent. */
export interface Identity {
  readonly id: number
  readonly epoch: number
}
