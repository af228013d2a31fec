/**
 * Timestamp → record, for ListOffsets (trap 44): the first record, not the first batch, whose
 * timestamp is at or after the asked one. The log finds the batch by its envelope; only that one
 * batch is read and, if need be, decompressed.
 */
import type { LogIndex } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { GroupLog } from "../../storage/wal.ts"
import { readBatchHeader } from "../protocol/batch-view.ts"
import { iterateRecords } from "../protocol/record.ts"

export interface TimestampedOffset {
  readonly offset: number
  readonly timestamp: number
  /** Epoch of that record. */
  readonly leaderEpoch: number
}

/** The part of a log in which records are looked for. */
export interface Readable {
  readonly log: GroupLog
  readonly logStartOffset: number
  /** Behind the last entry that is committed. */
  readonly hi: LogIndex
  /** An entry whose records cannot be read. */
  readonly onCorrupt: (error: CorruptEntry) => void
}

/** Batches read in vain: their envelopes promise more than their records hold. */
const missesMax = 16
/** Envelopes among which the latest record is looked for when it is not where it was. */
const latestMax = 4096

/** The first record with a timestamp at or after `timestamp`. */
export function recordAtTimestamp(
  readable: Readable,
  timestamp: number,
): TimestampedOffset | undefined {
  const { log, logStartOffset, hi } = readable
  let from = log.indexOfOffset(logStartOffset)
  for (let misses = 0; from !== undefined; misses++) {
    const index = log.indexOfTimestamp(timestamp, from)
    if (index === undefined || index >= hi) return undefined
    // Compaction may have left nothing of it, and of many behind it.
    const next = log.indexOfPayload(index)
    if (next !== index) {
      from = next
      misses--
      continue
    }
    const found = recordInEntry(readable, index, timestamp)
    if (found !== undefined) return found
    if (misses === missesMax) return startOfEntry(readable, index)
    from = index + 1
  }
  return undefined
}

/**
 * The first of the records with the greatest timestamp. `known`: of the log as a whole, also where
 * its front is gone.
 */
export function recordOfMaxTimestamp(
  readable: Readable,
  known: { readonly index: LogIndex; readonly timestamp: number },
): TimestampedOffset | undefined {
  const { log, logStartOffset, hi } = readable
  const from = log.indexOfOffset(logStartOffset)
  if (from === undefined || known.index === 0) return undefined
  if (known.index >= from) {
    const found = recordInEntry(readable, known.index, known.timestamp)
    if (found !== undefined) return found
  }
  // The first batch may begin below the log's start and have its latest record there.
  for (const lo of [from, from + 1]) {
    const timestamp = log.greatestTimestamp(lo, hi)
    const index = timestamp < 0 ? undefined : log.indexOfTimestamp(timestamp, lo)
    if (index === undefined) return undefined
    const found = recordInEntry(readable, index, timestamp)
    if (found !== undefined) return found
    if (index !== from) break
  }
  return recordOfLatestEntries(readable)
}

/**
 * Compaction has taken the record that the envelopes promise. The last batch is always whole; of
 * the entries before it the newest are looked at.
 */
function recordOfLatestEntries(readable: Readable): TimestampedOffset | undefined {
  const { log, hi } = readable
  const lo = Math.max(log.firstIndex, hi - latestMax)
  const latestFirst = log
    .metas(lo, hi, latestMax)
    .filter(({ type, payloadBytes, maxTimestamp }) => {
      return type === "data" && payloadBytes > 0 && maxTimestamp >= 0
    })
    .toSorted((a, b) => b.maxTimestamp - a.maxTimestamp || a.index - b.index)
  let best: TimestampedOffset | undefined
  for (const { index, maxTimestamp } of latestFirst.slice(0, missesMax)) {
    if (best !== undefined && best.timestamp >= maxTimestamp) break
    const found = latestInEntry(readable, index)
    if (found !== undefined && found.timestamp > (best?.timestamp ?? -1)) best = found
  }
  return best
}

function latestInEntry(readable: Readable, index: LogIndex): TimestampedOffset | undefined {
  const batch = readable.log.entries(index, index + 1, 0)[0]?.payload
  const header = batch === undefined ? undefined : readBatchHeader(batch)
  return header && recordInEntry(readable, index, header.maxTimestamp)
}

/** In the readable part of the entry; where it cannot be read its start, which is never too late. */
function recordInEntry(
  readable: Readable,
  index: LogIndex,
  timestamp: number,
): TimestampedOffset | undefined {
  const { log, logStartOffset, onCorrupt } = readable
  try {
    const entry = log.entries(index, index + 1, 0)[0]
    if (entry === undefined || entry.payload.length === 0) return undefined
    for (const record of iterateRecords(entry.payload)) {
      if (record.offset < logStartOffset || record.timestamp < timestamp) continue
      return { offset: record.offset, timestamp: record.timestamp, leaderEpoch: entry.term }
    }
    return undefined
  } catch (error) {
    if (!(error instanceof CorruptEntry)) throw error
    onCorrupt(error)
    return startOfEntry(readable, index)
  }
}

function startOfEntry(
  { log, logStartOffset }: Readable,
  index: LogIndex,
): TimestampedOffset | undefined {
  const meta = log.metas(index, index + 1, 1)[0]
  if (meta === undefined) return undefined
  const offset = Math.max(meta.firstOffset, logStartOffset)
  return { offset, timestamp: meta.maxTimestamp, leaderEpoch: meta.term }
}
