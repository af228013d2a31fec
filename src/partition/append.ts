/** What an append asks and what it is answered. */
import type { BatchHeader } from "../protocol/record-batch.ts"
import { ErrorCode } from "../protocol/error-codes.ts"

/**
 * `records` is one whole v2 batch that `validateProduceBatch` let through; it is taken over and
 * written into.
 */
export interface AppendBatch {
  readonly header: BatchHeader
  readonly records: Uint8Array
  readonly recordCount: number
}

export interface AppendOptions {
  /** −1 = all, 1 = durable on the leader. For acks=0 pass 1 and ignore the reply. */
  readonly acks: -1 | 1
  readonly wallMs: number
}

export interface AppendReply {
  readonly errorCode: ErrorCode
  /** −1 unless the offset is certain. */
  readonly baseOffset: number
  /** −1 for CreateTime. A duplicate carries the time of the batch it repeats, as Kafka answers. */
  readonly logAppendTimeMs: number
  /** −1 when this node does not lead. */
  readonly logStartOffset: number
  readonly errorMessage?: string
}

/** Nothing was proposed: a client may take it as "not written" (VERIFICATION hazard 32). */
export const notLeaderReply: AppendReply = {
  errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER,
  baseOffset: -1,
  logAppendTimeMs: -1,
  logStartOffset: -1,
}

export function failedReply(errorCode: ErrorCode, logStartOffset: number): AppendReply {
  return { errorCode, baseOffset: -1, logAppendTimeMs: -1, logStartOffset }
}
