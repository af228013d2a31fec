/**
 * Timestamp → record, for ListOffsets (trap 44): the first record, not the first batch, whose timestamp is at or after
 * the asked one. The log finds the batch by its envelope; only that one batch is read and, if need be, decompressed.
 */
import type { LogIndex } from "../../raft/types.ts"
import type { Entry } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"
import { iterateRecords } from "../protocol/record.ts"

export interface TimestampedOffset {
  readonly offset: number
  readonly timestamp: number
  /** Epoch of that record. */
  readonly leaderEpoch: number
}

/** First record of the committed log (entries below `hi`) with a timestamp ≥ `timestamp`. */
export function recordAtTimestamp(
  log: GroupLog,
  timestamp: number,
  hi: LogIndex,
): TimestampedOffset | undefined {
  const index = log.indexOfTimestamp(timestamp, log.firstIndex)
  return index === undefined || index >= hi ? undefined : recordInEntry(log, index, timestamp)
}

/** First record of the entry at `index` with a timestamp ≥ `timestamp`; its maxTimestamp says there is one. */
export function recordInEntry(
  log: GroupLog,
  index: LogIndex,
  timestamp: number,
): TimestampedOffset | undefined {
  const entry = log.entries(index, index + 1, 0)[0]
  if (entry === undefined) return undefined
  for (const record of iterateRecords(entry.payload)) {
    if (record.timestamp >= timestamp) {
      return { offset: record.offset, timestamp: record.timestamp, leaderEpoch: entry.term }
    }
  }
  return startOf(entry)
}

/** The records say less than the envelope: the batch's first offset is never too late for a reader. */
function startOf(entry: Entry): TimestampedOffset {
  return { offset: entry.firstOffset, timestamp: entry.maxTimestamp, leaderEpoch: entry.term }
}
