/** AppendEntries and TimeoutNow as seen by a follower (§5.3). */
import { invariant } from "./assert.ts"
import { campaign } from "./candidate.ts"
import type { AppendEntries, SteppedDown, TimeoutNow } from "./message.ts"
import { becomeFollower } from "./role.ts"
import { heardReadmission } from "./standing.ts"
import type { RaftState } from "./state.ts"
import type { Entry, LogIndex, MemberId } from "./types.ts"

/** Word from the leader of the current term. */
export function hearLeader(s: RaftState, from: MemberId): void {
  invariant(s.role !== "leader", "a term has one leader")
  invariant(s.leaderId === null || s.leaderId === from, "a term has one leader")
  if (s.role !== "follower" || s.leaderId === null) becomeFollower(s, s.term, from)
  s.electionElapsed = 0
}

export function handleAppendEntries(s: RaftState, message: AppendEntries): void {
  hearLeader(s, message.from)
  if (!agreesAt(s, message)) return refuse(s, message)
  const matchIndex = takeEntries(s, message)
  if (s.standing !== "trusted") heardReadmission(s, message)
  advanceCommit(s, Math.min(message.leaderCommit, matchIndex))
  answerAppend(s, message, matchIndex)
}

/** Says that everything up to `matchIndex` is here, as soon as it is durable. */
export function answerAppend(
  s: RaftState,
  message: { readonly from: MemberId; readonly round: number },
  matchIndex: LogIndex,
): void {
  const answer = {
    _tag: "AppendEntriesResponse",
    from: s.id,
    to: message.from,
    term: s.term,
    success: true,
    matchIndex,
    hintIndex: 0,
    hintTerm: 0,
    round: message.round,
    // Leaves no earlier than this is durable.
    counts: s.standing === "trusted",
  } as const
  // What is durable already need not wait behind what is not: heartbeats are answered at once.
  if (matchIndex <= s.log.durableIndex && s.hardStateDurable) s.outbox.send(answer)
  else s.outbox.acknowledge(answer)
}

/**
 * The consistency check. What is committed here agrees with every later leader (§5.4, Leader
 * Completeness).
 */
function agreesAt(s: RaftState, message: AppendEntries): boolean {
  return (
    message.prevLogIndex <= s.log.commitIndex ||
    s.log.term(message.prevLogIndex) === message.prevLogTerm
  )
}

function refuse(s: RaftState, message: AppendEntries): void {
  const { log } = s
  const { prevLogIndex, prevLogTerm } = message
  const hintIndex = log.lastIndexWithTermAtMost(prevLogTerm, prevLogIndex, log.commitIndex)
  s.outbox.send({
    _tag: "AppendEntriesResponse",
    from: s.id,
    to: message.from,
    term: s.term,
    success: false,
    matchIndex: prevLogIndex,
    hintIndex,
    hintTerm: log.term(hintIndex) ?? 0,
    round: message.round,
    counts: s.counts,
  })
}

/**
 * Appends what is new. An entry that is there already stays, and so does everything after it: only
 * a conflict truncates, so that a late message never takes back what was acknowledged (§5.3 step
 * 3).
 */
function takeEntries(s: RaftState, message: AppendEntries): LogIndex {
  const { entries } = message
  const { log } = s
  let index = message.prevLogIndex
  for (const entry of entries) {
    invariant(entry.index === ++index, "entries of a message are consecutive")
    invariant(entry.term <= message.term, "no entry is newer than its leader")
    if (index > log.lastIndex) append(s, entry)
    else if (index > log.commitIndex && log.term(index) !== entry.term) replaceFrom(s, entry)
    else invariant((log.term(index) ?? entry.term) === entry.term, "committed entries agree")
  }
  return index
}

function append(s: RaftState, entry: Entry): void {
  s.log.append(entry)
  accepted(s, entry)
}

function replaceFrom(s: RaftState, entry: Entry): void {
  s.membership.truncatedFrom(entry.index)
  s.log.replaceFrom(entry)
  s.outbox.dropAcknowledgementAbove(entry.index - 1)
  accepted(s, entry)
}

/** A configuration is in force as soon as it is in the log (§6). */
function accepted(s: RaftState, entry: Entry): void {
  s.acceptedTerm = s.term
  if (entry.type === "configuration") s.membership.appended(entry)
}

/** Never beyond what this leader's message showed to agree. */
function advanceCommit(s: RaftState, index: LogIndex): void {
  if (index <= s.log.commitIndex) return
  s.log.commitTo(index)
  s.membership.committed(index)
}

/**
 * Only the leader of this term may ask, and only a voter campaigns: the rest is late or
 * misdirected.
 */
export function handleTimeoutNow(s: RaftState, message: TimeoutNow): void {
  if (s.leaderId === message.from) campaign(s, "transfer")
}

export function handleSteppedDown(s: RaftState, message: SteppedDown): void {
  if (s.leaderId === message.from && s.role === "follower") s.leaderId = null
}
