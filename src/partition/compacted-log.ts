/** How far one replica's log is compacted, against what was decided. */
import type { LogIndex } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"
import type { CompactionMark } from "./compaction-mark.ts"

/**
 * Up to here nothing on this disk is superseded by anything up to here: rounds were carried out, or
 * it is gone from the log.
 */
export const compactedUpTo = ({ compacted, cut }: GroupLog): LogIndex =>
  Math.max(compacted.index, cut.index)

/** A round that was decided has not been carried out on this disk. */
export const isCompactionDue = (
  log: GroupLog,
  { upToIndex, tombstonesUpToIndex }: CompactionMark,
): boolean =>
  upToIndex > compactedUpTo(log) ||
  tombstonesUpToIndex > Math.max(log.compacted.tombstones, log.cut.index)

/**
 * Tombstones go when every member has compacted beyond them. Who has not, and got what lies behind
 * the log it was opened with (`heldIndex`) in the meantime, an old copy of a disk, may hold a value
 * and never hear that it was deleted.
 */
export const hasMissedTombstones = (
  log: GroupLog,
  { tombstonesUpToIndex }: CompactionMark,
  heldIndex: LogIndex,
): boolean =>
  heldIndex > log.cut.index && tombstonesUpToIndex > Math.max(compactedUpTo(log), heldIndex)
