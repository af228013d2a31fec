/**
 * What a partition's log has decided about its compaction: the last round, and since when which
 * part of the log has been through one.
 */
import type { LogIndex } from "../../raft/types.ts"
import type { Compacted } from "./control-entry.ts"

/** Entries up to `index` have been through a round that was decided at `wallMs`. */
export interface CompactionHorizon {
  readonly index: LogIndex
  readonly wallMs: number
}

export interface CompactionMark {
  /** As in the last `Compacted`. */
  readonly upToIndex: LogIndex
  readonly wallMs: number
  readonly tombstonesUpToIndex: LogIndex
  /** Behind the last tombstones that went: ascending, at most `horizonsMax`. */
  readonly horizons: ReadonlyArray<CompactionHorizon>
}

export const noCompaction: CompactionMark = {
  upToIndex: 0,
  wallMs: 0,
  tombstonesUpToIndex: 0,
  horizons: [],
}

export const horizonsMax = 32

/** The mark behind another round; what went before stays gone. */
export function compactedBy(before: CompactionMark, round: Compacted): CompactionMark {
  const upToIndex = Math.max(before.upToIndex, round.upToIndex)
  const tombstonesUpToIndex = Math.max(before.tombstonesUpToIndex, round.tombstonesUpToIndex)
  const known = before.horizons.filter(({ index }) => index > tombstonesUpToIndex)
  const isNew = upToIndex > before.upToIndex && upToIndex > tombstonesUpToIndex
  const horizons = isNew ? [...known, { index: upToIndex, wallMs: round.wallMs }] : known
  return { upToIndex, wallMs: round.wallMs, tombstonesUpToIndex, horizons: thinned(horizons) }
}

/** Without every other one, whose tombstones then wait for the next one's time. */
function thinned(horizons: ReadonlyArray<CompactionHorizon>): ReadonlyArray<CompactionHorizon> {
  if (horizons.length <= horizonsMax) return horizons
  return horizons.filter((_, at) => at % 2 === 1 || at === horizons.length - 1)
}

/** Tombstones up to here were compacted so long ago that they may go; 0 = none. */
export function expiredUpTo(
  { horizons, tombstonesUpToIndex }: CompactionMark,
  wallMs: number,
  deleteRetentionMs: number,
): LogIndex {
  const expired = horizons.findLast((horizon) => wallMs - horizon.wallMs >= deleteRetentionMs)
  return expired?.index ?? tombstonesUpToIndex
}
