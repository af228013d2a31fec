/**
 * What tells the log of a witness from that of a replica: it keeps no payloads (raft/witness.ts).
 */
import type { EntryMeta, GroupLog } from "../../storage/wal.ts"

const scanChunk = 512

export const isCutByWitness = (log: GroupLog): boolean =>
  log.cut.index > 0 && log.snapshot()?.state.length === 0

/** Reads up to the first entry that has offsets. */
export function isWrittenByWitness(log: GroupLog): boolean {
  for (let lo = log.firstIndex; lo <= log.lastIndex;) {
    const metas = log.metas(lo, log.lastIndex + 1, scanChunk)
    if (metas.length === 0) return false
    const telling = metas.find((meta) => meta.type === "data" || isStripped(meta))
    if (telling !== undefined) return isStripped(telling)
    lo += metas.length
  }
  return false
}

/** A no-op in the place of records. */
const isStripped = ({ type, firstOffset, lastOffset }: EntryMeta): boolean =>
  type === "noop" && lastOffset >= firstOffset
