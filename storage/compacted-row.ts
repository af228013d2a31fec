/** How far a group's log is compacted, as a row; a damaged one is none: the work is done again. */
import { crc32c } from "../raft/crc32c.ts"
import type { LogIndex } from "../raft/types.ts"
import { notCompacted, type CompactedTo, type GroupId } from "./wal.ts"

/** A row of `compacted`. */
export interface CompactedRow {
  readonly group: GroupId
  readonly index: LogIndex
  readonly tombstones: LogIndex
  readonly crc: number
}

/** Entries from `index` on are gone, and may come back as they were appended. */
export function loweredTo(index: LogIndex, compacted: CompactedTo): CompactedTo {
  if (index > compacted.index && index > compacted.tombstones) return compacted
  return {
    index: Math.min(compacted.index, index - 1),
    tombstones: Math.min(compacted.tombstones, index - 1),
  }
}

export function encodeCompacted(group: GroupId, { index, tombstones }: CompactedTo): CompactedRow {
  return { group, index, tombstones, crc: crcOf(group, index, tombstones) }
}

export function decodeCompacted({ group, index, tombstones, crc }: CompactedRow): CompactedTo {
  return crcOf(group, index, tombstones) === crc ? { index, tombstones } : notCompacted
}

const encoder = new TextEncoder()

function crcOf(...numbers: ReadonlyArray<number>): number {
  return crc32c(encoder.encode(JSON.stringify(numbers)))
}
