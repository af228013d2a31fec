/**
 * Timestamp → record, for ListOffsets (trap 44): the first record, not the first batch, whose
 * timestamp is at or after the asked one. The log finds the batch by its envelope; only that one
 * batch is read and, if need be, decompressed.
 */
import type { LogIndex } from "../../raft/types.ts"
import { CorruptEntry } from "../../storage/wal.ts"
import type { GroupLog } from "../../storage/wal.ts"
import { iterateRecords } from "../protocol/record.ts"
import type { LogRecord } from "../protocol/record.ts"

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
  const begins = log.metas(from, hi, 1)[0]?.firstOffset
  if (begins === undefined) return undefined
  if (begins >= logStartOffset) return recordOfGreatest(readable, from)
  // The first batch may have its latest record below the log's start.
  const first = latestInEntry(readable, from)
  const behind = recordOfGreatest(readable, from + 1)
  return first !== undefined && first.timestamp >= (behind?.timestamp ?? -1) ? first : behind
}

/** Of the entries from `lo` on. */
function recordOfGreatest(readable: Readable, lo: LogIndex): TimestampedOffset | undefined {
  const { log, hi } = readable
  const timestamp = log.greatestTimestamp(lo, hi)
  const index = timestamp < 0 ? undefined : log.indexOfTimestamp(timestamp, lo)
  if (index === undefined) return undefined
  return recordInEntry(readable, index, timestamp) ?? recordOfLatestEntries(readable)
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

/** Of the records of the entry that can be read the first of the latest. */
function latestInEntry(readable: Readable, index: LogIndex): TimestampedOffset | undefined {
  return lookInto(readable, index, (records, leaderEpoch) => {
    let latest: TimestampedOffset | undefined
    for (const { offset, timestamp } of records) {
      if (offset < readable.logStartOffset || timestamp <= (latest?.timestamp ?? -1)) continue
      latest = { offset, timestamp, leaderEpoch }
    }
    return latest
  })
}

/** The first of its records that can be read with a timestamp at or after `least`. */
function recordInEntry(
  readable: Readable,
  index: LogIndex,
  least: number,
): TimestampedOffset | undefined {
  return lookInto(readable, index, (records, leaderEpoch) => {
    for (const { offset, timestamp } of records) {
      if (offset < readable.logStartOffset || timestamp < least) continue
      return { offset, timestamp, leaderEpoch }
    }
    return undefined
  })
}

type Look = (records: Iterable<LogRecord>, leaderEpoch: number) => TimestampedOffset | undefined

/** Where the entry cannot be read its start is the answer, which is never too late. */
function lookInto(readable: Readable, index: LogIndex, look: Look): TimestampedOffset | undefined {
  try {
    const entry = readable.log.entries(index, index + 1, 0)[0]
    if (entry === undefined || entry.payload.length === 0) return undefined
    return look(iterateRecords(entry.payload), entry.term)
  } catch (error) {
    if (!(error instanceof CorruptEntry)) throw error
    readable.onCorrupt(error)
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
