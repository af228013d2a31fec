/**
 * Reading the committed part of a group's log, entries below `hi`, as Kafka batches. Nothing is
 * copied.
 */
import type { LogIndex } from "../../raft/types.ts"
import type { EntryMeta, GroupLog } from "../../storage/wal.ts"

export interface Batches {
  readonly batches: ReadonlyArray<Uint8Array>
  readonly bytes: number
}

export const noBatches: Batches = { batches: [], bytes: 0 }

const scanChunk = 64

const hasRecords = (meta: EntryMeta): boolean => meta.lastOffset >= meta.firstOffset

/**
 * Whole batches from the one that holds `offset` on, so the first may begin before it (trap 18), as
 * many as fit in `bytesMax`; with `atLeastOne` the first comes however large it is, without it a
 * first one that does not fit gives nothing, never a piece (trap 19).
 */
export function readBatches(
  log: GroupLog,
  offset: number,
  hi: LogIndex,
  bytesMax: number,
  atLeastOne: boolean,
): Batches {
  const lo = log.indexOfOffset(offset)
  if (lo === undefined || lo >= hi) return noBatches
  if (!atLeastOne) {
    const first = log.metas(lo, lo + 1, 1)[0]
    if (first === undefined || first.payloadBytes > bytesMax) return noBatches
  }
  const batches: Array<Uint8Array> = []
  let bytes = 0
  for (const entry of log.entries(lo, hi, bytesMax)) {
    if (entry.lastOffset < entry.firstOffset) continue
    batches.push(entry.payload)
    bytes += entry.payload.length
  }
  return { batches, bytes }
}

/** Bytes of batches from `offset` on; counting stops at `cap`. Reads no payload. */
export function readableBytes(log: GroupLog, offset: number, hi: LogIndex, cap: number): number {
  let lo = log.indexOfOffset(offset)
  let bytes = 0
  while (lo !== undefined && lo < hi && bytes < cap) {
    const metas = log.metas(lo, hi, scanChunk)
    for (const meta of metas) {
      if (hasRecords(meta)) bytes += meta.payloadBytes
      if (bytes >= cap) return cap
    }
    lo = metas.length === 0 ? undefined : lo + metas.length
  }
  return Math.min(bytes, cap)
}
