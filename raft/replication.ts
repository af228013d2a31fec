/** What a leader sends to its followers: entries, heartbeats, and word of commits (§5.3). */
import { ENTRY_OVERHEAD_BYTES } from "./raft-log.ts"
import type { LeaderState } from "./leader-state.ts"
import type { AppendEntries } from "./message.ts"
import type { Progress } from "./progress.ts"
import { releaseReads } from "./read-index.ts"
import { pushSnapshot, shipChunks } from "./shipment.ts"
import type { RaftState } from "./state.ts"
import type { Entry, LogIndex, Term } from "./types.ts"
import { isBehindCommit, isSpared, shipToWitness, strippedFrom, witnessLimit } from "./witness.ts"

/**
 * Called once per Ready: one message per follower carries everything since the last, when it fits.
 */
export function replicate(s: RaftState, leader: LeaderState): void {
  if (leader.readRoundDue) beginReadRound(s, leader)
  if (!leader.sendDue) return
  leader.sendDue = false
  for (const progress of leader.peers) replicateTo(s, leader, progress)
}

/** Who is to be probed anyway gets its entries, not an empty question that would hold them up. */
function beginReadRound(s: RaftState, leader: LeaderState): void {
  leader.readRoundDue = false
  leader.round++
  for (const progress of leader.peers) {
    if (progress.state === "probe" && !progress.probeOutstanding) leader.sendDue = true
    else sendHeartbeat(s, leader, progress)
  }
  releaseReads(s, leader)
}

function replicateTo(s: RaftState, leader: LeaderState, progress: Progress): void {
  if (progress.witness && isSpared(s, leader, progress)) return
  if (progress.state === "probe") {
    if (!progress.probeOutstanding) sendEntries(s, leader, progress)
    return
  }
  if (progress.state === "snapshot") return shipChunks(s, leader, progress)
  const limit = progress.witness ? witnessLimit(s, leader) : s.log.lastIndex
  while (
    progress.state === "replicate" &&
    progress.nextIndex <= limit &&
    !progress.inflights.full
  ) {
    sendEntries(s, leader, progress)
  }
  if (noticeDue(s, progress)) {
    progress.commitNoticed = true
    sendEmpty(s, leader, progress, progress.matchIndex)
  }
}

/**
 * Whoever has everything would hear of a commit only by the next heartbeat. At most one such
 * message per tick, and none while entries keep coming.
 */
function noticeDue(s: RaftState, progress: Progress): boolean {
  return (
    progress.state === "replicate" &&
    !progress.commitNoticed &&
    progress.silentTicks >= s.config.commitNoticeTicks &&
    progress.commitSent < Math.min(s.log.commitIndex, progress.matchIndex) &&
    progress.inflights.count === 0 &&
    progress.nextIndex > s.log.lastIndex
  )
}

function sendEntries(s: RaftState, leader: LeaderState, progress: Progress): void {
  const prevLogIndex = progress.nextIndex - 1
  const prevLogTerm = s.log.term(prevLogIndex)
  if (prevLogTerm === undefined || (progress.witness && isBehindCommit(s, leader, progress))) {
    return needSnapshot(s, leader, progress)
  }
  const entries = progress.witness
    ? strippedFrom(s, leader, progress.nextIndex)
    : s.log.entriesFrom(progress.nextIndex, s.config.appendBytesMax)
  send(s, leader, progress, prevLogIndex, prevLogTerm, entries)
  progress.sent(prevLogIndex + entries.length, bytesOf(entries))
}

/** What it needs next is not in the log any more. */
function needSnapshot(s: RaftState, leader: LeaderState, progress: Progress): void {
  if (progress.witness) return needCut(s, leader, progress)
  progress.becomeSnapshot()
  s.outbox.snapshotsNeeded.push(progress.member)
}

/** Should there be none to send yet, its turn comes with a later heartbeat. */
function needCut(s: RaftState, leader: LeaderState, progress: Progress): void {
  if (shipToWitness(s, leader, progress)) return shipChunks(s, leader, progress)
  progress.becomeProbe(progress.nextIndex, leader.round)
  progress.probeOutstanding = true
}

function bytesOf(entries: ReadonlyArray<Entry>): number {
  let bytes = entries.length * ENTRY_OVERHEAD_BYTES
  for (const entry of entries) bytes += entry.payload.length
  return bytes
}

/**
 * Normally about what the follower has acknowledged: it can answer at once, without waiting for its
 * disk. When nothing has moved since the last heartbeat although messages are out, or while
 * probing, it asks about nextIndex − 1: a refusal shows what was lost, and only then is anything
 * sent again.
 */
export function sendHeartbeat(s: RaftState, leader: LeaderState, progress: Progress): void {
  if (isSpared(s, leader, progress)) return sendEmpty(s, leader, progress, progress.matchIndex)
  if (progress.state === "snapshot") pushSnapshot(s, leader, progress)
  const asking = progress.state === "probe" || progress.stalled()
  if (asking && s.log.term(progress.nextIndex - 1) === undefined) needSnapshot(s, leader, progress)
  if (progress.state === "probe") progress.probeOutstanding = true
  sendEmpty(s, leader, progress, asking ? progress.nextIndex - 1 : progress.matchIndex)
}

function sendEmpty(
  s: RaftState,
  leader: LeaderState,
  progress: Progress,
  prevLogIndex: LogIndex,
): void {
  const prevLogTerm = s.log.term(prevLogIndex)
  if (prevLogTerm === undefined) send(s, leader, progress, 0, 0, nothing)
  else send(s, leader, progress, prevLogIndex, prevLogTerm, nothing)
}

function send(
  s: RaftState,
  leader: LeaderState,
  progress: Progress,
  prevLogIndex: LogIndex,
  prevLogTerm: Term,
  entries: ReadonlyArray<Entry>,
): void {
  const message: AppendEntries = {
    _tag: "AppendEntries",
    from: s.id,
    to: progress.member,
    term: s.term,
    prevLogIndex,
    prevLogTerm,
    entries,
    leaderCommit: s.log.commitIndex,
    round: leader.round,
    durableIndex: s.log.durableIndex,
    readmitted:
      progress.readmitRound > 0 && prevLogIndex + entries.length >= progress.recoverThrough,
    stripped: progress.witness,
  }
  s.outbox.send(message)
  progress.silentTicks = 0
  progress.commitSent = Math.max(
    progress.commitSent,
    Math.min(s.log.commitIndex, prevLogIndex + entries.length),
  )
}

const nothing: ReadonlyArray<Entry> = Object.freeze([])
