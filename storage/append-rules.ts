/**
 * What both logs demand of a commit: a broken rule is the caller's bug and throws before anything
 * is changed.
 */
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
 * Rules: 1. a group occurs once in a commit; 2. an append begins inside its log or right behind it;
 * 3. indexes rise by one; 4. terms never fall; 5. offsets never fall (lookups by offset search by
 * halves). `endBefore` answers for the log as it is, without the entries at and above the index.
 */
export function checkCommit(
  writes: ReadonlyArray<GroupWrite>,
  lastIndexOf: (group: GroupId) => LogIndex,
  endBefore: (group: GroupId, index: LogIndex) => LogEnd,
): void {
  checkOnce(writes)
  for (const { group, entries } of writes) {
    const first = entries[0]
    if (first === undefined) continue
    const lastIndex = lastIndexOf(group)
    if (!Number.isSafeInteger(first.index) || first.index < 1 || first.index > lastIndex + 1) {
      throw new Error(`group ${group}: append at ${first.index} to a log that ends at ${lastIndex}`)
    }
    let { index, term, lastOffset } = endBefore(group, first.index)
    for (const entry of entries) {
      const fault = faultOf(entry, index, term, lastOffset)
      if (fault !== undefined) throw new Error(`group ${group} index ${entry.index}: ${fault}`)
      index = entry.index
      term = entry.term
      lastOffset = entry.lastOffset
    }
  }
}

function checkOnce(writes: ReadonlyArray<GroupWrite>): void {
  if (writes.length < 2) return
  const seen = new Set<GroupId>()
  for (const { group } of writes) {
    if (seen.has(group)) throw new Error(`group ${group} occurs twice in a commit`)
    seen.add(group)
  }
}

/**
 * Why the entry may not follow one with this index, term and last offset. Runs per entry: numbers,
 * no objects.
 */
function faultOf(
  entry: Entry,
  index: LogIndex,
  term: Term,
  lastOffset: number,
): string | undefined {
  if (entry.index !== index + 1) return `follows index ${index}`
  if (entry.term < term) return `term ${entry.term} follows ${term}`
  if (entry.lastOffset < lastOffset || entry.firstOffset > entry.lastOffset + 1) {
    return `offsets ${entry.firstOffset}..${entry.lastOffset} follow ${lastOffset}`
  }
  return undefined
}
