/** What both logs demand of a commit: a broken rule is the caller's bug and throws before anything is changed. */
import type { Entry, LogIndex, Term } from "../raft/types.ts"
import type { GroupId, GroupWrite } from "./wal.ts"

/** The end of a log as an append sees it. */
export interface LogEnd {
  readonly index: LogIndex
  readonly term: Term
  readonly lastOffset: number
}

export const emptyLogEnd: LogEnd = { index: 0, term: 0, lastOffset: -1 }

/**
 * Rules: 1. a group occurs once in a commit; 2. an append begins inside its log or right behind it; 3. indexes rise
 * by one; 4. terms never fall; 5. offsets never fall (lookups by offset search by halves).
 * `endBefore` answers for the log as it is, without the entries at and above the index.
 */
export function checkCommit(
  writes: ReadonlyArray<GroupWrite>,
  lastIndexOf: (group: GroupId) => LogIndex,
  endBefore: (group: GroupId, index: LogIndex) => LogEnd,
): void {
  const seen = new Set<GroupId>()
  for (const { group, entries } of writes) {
    if (seen.has(group)) throw new Error(`group ${group} occurs twice in a commit`)
    seen.add(group)
    const first = entries[0]
    if (first === undefined) continue
    const lastIndex = lastIndexOf(group)
    if (!Number.isSafeInteger(first.index) || first.index < 1 || first.index > lastIndex + 1) {
      throw new Error(`group ${group}: append at ${first.index} to a log that ends at ${lastIndex}`)
    }
    let end = endBefore(group, first.index)
    for (const entry of entries) {
      checkFollows(group, entry, end)
      end = { index: entry.index, term: entry.term, lastOffset: entry.lastOffset }
    }
  }
}

function checkFollows(group: GroupId, entry: Entry, end: LogEnd): void {
  if (entry.index !== end.index + 1) {
    throw new Error(`group ${group}: index ${entry.index} follows ${end.index}`)
  }
  if (entry.term < end.term) {
    throw new Error(`group ${group} index ${entry.index}: term ${entry.term} follows ${end.term}`)
  }
  if (entry.lastOffset < end.lastOffset || entry.firstOffset > entry.lastOffset + 1) {
    const offsets = `${entry.firstOffset}..${entry.lastOffset}`
    throw new Error(
      `group ${group} index ${entry.index}: offsets ${offsets} follow ${end.lastOffset}`,
    )
  }
}
