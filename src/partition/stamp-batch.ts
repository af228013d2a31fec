/**
 * A batch becomes a proposal: its offsets, epoch and, if the topic says so, its time are written
 * into its header.
 */
import type { Proposal, Term } from "../../raft/types.ts"
import { assignOffsets, setLogAppendTime } from "../protocol/record-batch.ts"
import type { AppendBatch } from "./append.ts"

export function stampBatch(
  { header, records }: AppendBatch,
  baseOffset: number,
  term: Term,
  timestampType: "CreateTime" | "LogAppendTime",
  appendMs: number,
): Proposal {
  const logAppendTime = timestampType === "LogAppendTime"
  // The timestamp lies inside the batch's CRC, offset and epoch before it.
  if (logAppendTime) setLogAppendTime(records, appendMs)
  assignOffsets(records, baseOffset, term)
  return {
    appendMs,
    firstOffset: baseOffset,
    lastOffset: baseOffset + header.lastOffsetDelta,
    maxTimestamp: logAppendTime ? appendMs : header.maxTimestamp,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    payload: records,
  }
}
