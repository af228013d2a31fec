/**
 * What an opened log may be believed to be, from all that testifies of it (VERIFICATION D1, D2).
 * Pure: the simulator's disk asks the same function.
 */
import type { HardState, LogIndex, Standing, Term } from "../raft/types.ts"

/**
 * Of the journal before SQLite saw it. "tornTail" and "headerBad" are ordinary results of a crash;
 * "corruptMiddle": transactions with commit marks follow the first bad frame.
 */
export type JournalVerdict = "absent" | "whole" | "tornTail" | "corruptMiddle" | "headerBad"

/** How high a log stands: compared as a pair, the term first. */
export interface Height {
  readonly acceptedTerm: Term
  readonly lastIndex: LogIndex
}

export const isLower = (a: Height, b: Height): boolean =>
  a.acceptedTerm < b.acceptedTerm ||
  (a.acceptedTerm === b.acceptedTerm && a.lastIndex < b.lastIndex)

/** What the sentinel says of one group. */
export interface Sentinel {
  readonly term: Term
  readonly votedFor: HardState["votedFor"]
  readonly height: Height
  readonly commitIndex: LogIndex
  readonly standing: Standing
}

export interface Testimony {
  readonly journal: JournalVerdict
  /** As the log itself has it. */
  readonly hardState: HardState
  readonly lastIndex: LogIndex
  /**
   * The group's part of the sentinel; "missing": the file is gone or unreadable though the log is
   * not new; undefined: readable, and it does not know the group.
   */
  readonly sentinel: Sentinel | "missing" | undefined
  /**
   * Entries of this group were found damaged or missing in the middle and cut off with what
   * follows.
   */
  readonly salvaged: boolean
}

export interface Verdict {
  /** Term, vote and standing with which the group may begin; to be made durable before anything. */
  readonly hardState: HardState
  /** For the log, when the standing is not "trusted" now: what was missing. */
  readonly reasons: ReadonlyArray<string>
}

/** The rules of D1, D2 and D4. */
export function judge(testimony: Testimony): Verdict {
  const { journal, hardState, lastIndex, sentinel, salvaged } = testimony
  const reasons: Array<string> = []
  if (salvaged) reasons.push("damaged entries were cut off")
  if (journal === "corruptMiddle") reasons.push("committed transactions of the journal are lost")
  if (sentinel === "missing") {
    reasons.push("the sentinel is missing")
    return { hardState: { ...hardState, standing: "amnesiac" }, reasons }
  }
  if (sentinel === undefined) return withStanding(hardState, hardState.standing, reasons)
  if (isLower({ acceptedTerm: hardState.acceptedTerm, lastIndex }, sentinel.height)) {
    const { acceptedTerm, lastIndex: index } = sentinel.height
    reasons.push(`the log ends below term ${acceptedTerm} index ${index}`)
  }
  if (lastIndex < sentinel.commitIndex) reasons.push(`index ${sentinel.commitIndex} was committed`)
  const behind = sentinel.term > hardState.term
  const vote = behind || (sentinel.term === hardState.term && hardState.votedFor === null)
  const known: HardState = {
    ...hardState,
    term: Math.max(sentinel.term, hardState.term),
    votedFor: vote ? sentinel.votedFor : hardState.votedFor,
  }
  return withStanding(known, worse(sentinel.standing, hardState.standing), reasons)
}

function withStanding(
  hardState: HardState,
  before: Standing,
  reasons: ReadonlyArray<string>,
): Verdict {
  const standing = reasons.length > 0 ? worse(before, "recovering") : before
  return { hardState: { ...hardState, standing }, reasons }
}

const order: ReadonlyArray<Standing> = ["trusted", "recovering", "amnesiac"]

const worse = (a: Standing, b: Standing): Standing => (order.indexOf(a) > order.indexOf(b) ? a : b)
