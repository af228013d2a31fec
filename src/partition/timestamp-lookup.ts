/**
 * Timestamp → record, for ListOffsets (trap 44): the first record, not the first batch, whose
 * timestamp is at or after the asked one. The log finds the batch by its envelope; only that one
 * batch is read and, if need be, decompressed.
 */
import type { LogIndex } from "../../raft/types.ts"
import type { EntryMeta, GroupLog } from "../../storage/wal.ts"
import { iterateRecords } from "../protocol/record.ts"

export interface TimestampedOffset {
  readonly offset: number
  readonly timestamp: number
  /** Epoch of that record. */
  readonly leaderEpoch: number
}

/** Index of the first committed entry (below `hi`) with a record at or after `timestamp`. */
export function entryAtTimestamp(
  log: GroupLog,
  timestamp: number,
  hi: LogIndex,
): LogIndex | undefined {
  const index = log.indexOfTimestamp(timestamp, log.firstIndex)
  return index === undefined || index >= hi ? undefined : index
}

/**
 * The first of the readable entries below `hi` with the greatest timestamp. Reads every envelope:
 * for a log whose latest record by time was cut off.
 */
export function entryOfMaxTimestamp(log: GroupLog, hi: LogIndex): EntryMeta | undefined {
  let best: EntryMeta | undefined
  for (let lo = log.firstIndex; lo < hi;) {
    const metas = log.metas(lo, hi, scanChunk)
    if (metas.length === 0) break
    for (const meta of metas) {
      const isData = meta.type === "data" && meta.maxTimestamp >= 0
      if (isData && (best === undefined || meta.maxTimestamp > best.maxTimestamp)) best = meta
    }
    lo += metas.length
  }
  return best
}

const scanChunk = 512

/**
 * First record of the entry at `index` with a timestamp ≥ `timestamp`; its maxTimestamp says there
 * is one.
 */
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
  return startOfEntry(log, index)
}

/**
 * What the envelope alone says: when the records cannot be read, their batch's first offset is
 * never too late.
 */
export function startOfEntry(log: GroupLog, index: LogIndex): TimestampedOffset | undefined {
  const meta = log.metas(index, index + 1, 1)[0]
  if (meta === undefined) return undefined
  return { offset: meta.firstOffset, timestamp: meta.maxTimestamp, leaderEpoch: meta.term }
}
