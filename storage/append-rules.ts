/**
 * What both logs demand of a commit: a broken rule is the caller's bug and throws before anything
 * is changed.
 */
import type { Entry, LogCut, LogIndex, Snapshot, Term } from "../raft/types.ts"
import type { Checkpoint, GroupId, GroupWrite } from "./wal.ts"

/** The end of a log as an append sees it. */
export interface LogEnd {
  readonly index: LogIndex
  readonly term: Term
  readonly lastOffset: number
}

export const emptyLogEnd: LogEnd = { index: 0, term: 0, lastOffset: -1 }

/** A group's log before the commit. */
export interface CheckedLog {
  readonly cut: LogCut
  readonly lastIndex: LogIndex
  term(index: LogIndex): Term | undefined
  /** The log as it is, without the entries at and above the index. */
  endBefore(index: LogIndex): LogEnd
}

/**
 * Whether the log has the entry at the cut: then it keeps what is behind it, else nothing is left.
 */
export const holdsCut = (log: CheckedLog, cut: LogCut): boolean =>
  cut.index <= log.lastIndex && log.term(cut.index) === cut.term

/**
 * Rules: 1. a group occurs once in a commit; 2. cuts rise; then those of entries and checkpoints.
 */
export function checkCommit(
  writes: ReadonlyArray<GroupWrite>,
  logOf: (group: GroupId) => CheckedLog,
): void {
  checkOnce(writes)
  for (const write of writes) {
    if (write.cut === undefined && write.entries.length === 0 && write.checkpoint === undefined) {
      continue
    }
    const fault = faultOfWrite(write, logOf(write.group))
    if (fault !== undefined) throw new Error(`group ${write.group}: ${fault}`)
  }
}

/** No entry at or above this index may be forgotten by an amputation below it. */
export function checkAmputation(group: GroupId, log: CheckedLog, index: LogIndex): void {
  if (!Number.isSafeInteger(index) || index <= log.cut.index) {
    throw new Error(
      `group ${group}: amputation at ${index}, the log begins behind ${log.cut.index}`,
    )
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

function faultOfWrite(
  { cut: snapshot, entries, checkpoint }: GroupWrite,
  log: CheckedLog,
): string | undefined {
  const after = snapshot === undefined ? log : new LogBehindCut(log, snapshot)
  return (
    (snapshot === undefined ? undefined : faultOfCut(snapshot, log)) ??
    faultOfEntries(entries, after) ??
    (checkpoint === undefined ? undefined : faultOfCheckpoint(checkpoint, entries, after))
  )
}

function faultOfCut({ cut }: Snapshot, log: CheckedLog): string | undefined {
  if (!Number.isSafeInteger(cut.index) || cut.index <= log.cut.index) {
    return `cut at ${cut.index} behind one at ${log.cut.index}`
  }
  if (!holdsCut(log, cut)) return undefined
  const { lastOffset } = log.endBefore(cut.index + 1)
  if (lastOffset === cut.lastOffset) return undefined
  return `cut at ${cut.index} with offset ${cut.lastOffset} where the log has ${lastOffset}`
}

/**
 * An append begins inside its log or right behind it; indexes rise by one; terms never fall;
 * offsets never fall (lookups by offset search by halves).
 */
function faultOfEntries(entries: ReadonlyArray<Entry>, log: CheckedLog): string | undefined {
  const first = entries[0]
  if (first === undefined) return undefined
  if (
    !Number.isSafeInteger(first.index) ||
    first.index <= log.cut.index ||
    first.index > log.lastIndex + 1
  ) {
    const { cut, lastIndex } = log
    return `append at ${first.index} to a log that holds ${cut.index + 1}..${lastIndex}`
  }
  let { index, term, lastOffset } = log.endBefore(first.index)
  for (const entry of entries) {
    const fault = faultOf(entry, index, term, lastOffset)
    if (fault !== undefined) return `index ${entry.index}: ${fault}`
    index = entry.index
    term = entry.term
    lastOffset = entry.lastOffset
  }
  return undefined
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

/** A checkpoint speaks of an entry of the log as it is after the commit, or of its cut. */
function faultOfCheckpoint(
  { index, term }: Checkpoint,
  entries: ReadonlyArray<Entry>,
  log: CheckedLog,
): string | undefined {
  const first = entries[0]?.index ?? Infinity
  const known = index >= first ? entries[index - first]?.term : log.term(index)
  if (index >= log.cut.index && known === term) return undefined
  return `checkpoint at ${index} of term ${term} where the log has ${known ?? "nothing"}`
}

class LogBehindCut implements CheckedLog {
  readonly cut: LogCut
  readonly lastIndex: LogIndex
  private readonly log: CheckedLog

  constructor(log: CheckedLog, { cut }: Snapshot) {
    this.log = log
    this.cut = cut
    this.lastIndex = holdsCut(log, cut) ? log.lastIndex : cut.index
  }

  term(index: LogIndex): Term | undefined {
    if (index === this.cut.index) return this.cut.term
    return index > this.cut.index && index <= this.lastIndex ? this.log.term(index) : undefined
  }

  endBefore(index: LogIndex): LogEnd {
    return index === this.cut.index + 1 ? this.cut : this.log.endBefore(index)
  }
}
