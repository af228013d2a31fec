import type { GroupView } from "../group-view.ts"
import type { GroupSettings } from "../settings.ts"
import type { CommittedOffset } from "./committed-offset.ts"

const minuteMs = 60_000

/** Whether an offset of a topic that the group does not read has been kept long enough. */
export const isExpired = (
  committed: CommittedOffset,
  group: GroupView,
  { offsetsRetentionMinutes }: GroupSettings,
  wallMs: number,
): boolean => {
  const sinceMs = group.retainedSince(committed)
  if (sinceMs === undefined) return false
  if (committed.expireTimestamp !== -1) return wallMs >= committed.expireTimestamp
  return wallMs - sinceMs >= offsetsRetentionMinutes * minuteMs
}
