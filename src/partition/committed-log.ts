/**
 * Reading the committed part of a group's log, entries below `hi`, as Kafka batches. Nothing is
 * copied; what compaction has emptied is passed over.
 */
import type { EntryEnvelope, LogIndex } from "../../raft/types.ts"
import type { EntryMeta, GroupLog } from "../../storage/wal.ts"

export interface Batches {
  readonly batches: ReadonlyArray<Uint8Array>
  readonly bytes: number
}

export const noBatches: Batches = { batches: [], bytes: 0 }

const scanChunk = 64

const hasRecords = ({ firstOffset, lastOffset }: EntryEnvelope): boolean =>
  lastOffset >= firstOffset

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
  let next = nextBatch(log, log.indexOfOffset(offset), hi)
  const batches: Array<Uint8Array> = []
  let bytes = 0
  while (next !== undefined) {
    const isAlone = batches.length === 0 && atLeastOne
    if (!isAlone && bytes + next.payloadBytes > bytesMax) break
    const entries = log.entries(next.index, hi, bytesMax - bytes)
    for (const entry of entries) {
      if (entry.payload.length === 0 || !hasRecords(entry)) continue
      batches.push(entry.payload)
      bytes += entry.payload.length
    }
    next = nextBatch(log, next.index + Math.max(1, entries.length), hi)
  }
  return { batches, bytes }
}

/** The next entry with records at or above `from`, below `hi`. */
function nextBatch(log: GroupLog, from: LogIndex | undefined, hi: LogIndex): EntryMeta | undefined {
  let index = from
  while (index !== undefined && index < hi) {
    index = log.indexOfPayload(index)
    if (index === undefined || index >= hi) return undefined
    const meta = log.metas(index, index + 1, 1)[0]
    if (meta === undefined || hasRecords(meta)) return meta
    index += 1
  }
  return undefined
}

/** Bytes of batches from `offset` on; counting stops at `cap`. Reads no payload. */
export function readableBytes(log: GroupLog, offset: number, hi: LogIndex, cap: number): number {
  let next = nextBatch(log, log.indexOfOffset(offset), hi)
  let bytes = 0
  while (next !== undefined) {
    const metas = log.metas(next.index, hi, scanChunk)
    for (const meta of metas) {
      if (hasRecords(meta)) bytes += meta.payloadBytes
      if (bytes >= cap) return cap
    }
    next = nextBatch(log, next.index + Math.max(1, metas.length), hi)
  }
  return Math.min(bytes, cap)
}
