/**
 * Leading: the no-op, followers' answers, commit, heartbeats and check-quorum (§5.3, §5.4.2, §6).
 */
import { appendNoop } from "./append.ts"
import { invariant } from "./assert.ts"
import { LeaderState } from "./leader-state.ts"
import type { AppendEntriesResponse } from "./message.ts"
import type { Progress } from "./progress.ts"
import { askToQuiesce, mayQuiesce } from "./quiesce.ts"
import { releaseReads } from "./read-index.ts"
import { doubt, heardStanding, readmitIfRecovered } from "./readmission.ts"
import { configurationCommitted } from "./reconfigure.ts"
import { sendHeartbeat } from "./replication.ts"
import { becomeFollower } from "./role.ts"
import type { RaftState } from "./state.ts"
import { nominateSuccessor, pushTransfer, tickTransfer } from "./transfer.ts"
import type { LogIndex, MemberId } from "./types.ts"
import { isSpared } from "./witness.ts"

/**
 * The no-op makes everything of earlier terms committable without counting copies of it (§5.4.2,
 * §8).
 */
export function becomeLeader(s: RaftState): void {
  invariant(s.role === "candidate", "only a candidate becomes leader")
  const leader = new LeaderState(s.config, s.log.lastIndex + 1, s.membership.current)
  s.leader = leader
  s.role = "leader"
  s.leaderId = s.id
  ownProgress(s, leader).matchIndex = s.log.durableIndex
  appendNoop(s, leader)
}

function ownProgress(s: RaftState, leader: LeaderState): Progress {
  const own = leader.progress.get(s.id)
  invariant(own !== undefined, "a leader knows its own progress")
  return own
}

/**
 * The leader's own disk is one of the majority, no earlier than it has the entries (§10.2.1 of the
 * dissertation).
 */
export function ownEntriesPersisted(s: RaftState): void {
  const { leader } = s
  if (leader === null) return
  const own = ownProgress(s, leader)
  own.matchIndex = s.log.durableIndex
  own.nextIndex = own.matchIndex + 1
  if (leader.witnesses.length > 0) leader.sendDue = true
  advanceCommit(s, leader)
}

export function handleAppendEntriesResponse(s: RaftState, message: AppendEntriesResponse): void {
  const { leader } = s
  const progress = leader?.progress.get(message.from)
  if (leader === null || progress === undefined || message.from === s.id) return
  if (message.round < progress.countedRound) return
  progress.quietTicks = 0
  if (!message.counts || !progress.counts) {
    if (!heardStanding(s, leader, progress, message, message.success)) return
  }
  if (progress.counts) progress.answeredRound = Math.max(progress.answeredRound, message.round)
  if (message.success) acknowledged(s, leader, progress, message.matchIndex)
  else refusedAt(s, leader, progress, message)
  // Committing may have ended this leadership.
  if (s.leader !== leader) return
  releaseReads(s, leader)
}

export function acknowledged(
  s: RaftState,
  leader: LeaderState,
  progress: Progress,
  matchIndex: LogIndex,
): void {
  invariant(matchIndex <= s.log.lastIndex, "no follower acknowledges more than the leader's log")
  const advanced = progress.acknowledge(matchIndex)
  const found = progress.state === "probe" && matchIndex >= progress.nextIndex - 1
  if (found || (advanced && progress.state !== "replicate")) progress.becomeReplicate()
  if (!advanced && !found) return
  leader.sendDue = true
  pushTransfer(s, leader)
  if (advanced) advanceCommit(s, leader)
}

/**
 * §5.3: back off to where the logs may agree, skipping whole terms by the follower's hint and our
 * own terms.
 */
function refusedAt(
  s: RaftState,
  leader: LeaderState,
  progress: Progress,
  message: AppendEntriesResponse,
): void {
  const refusedIndex = message.matchIndex
  if (message.round < progress.trustedRound) return
  if (refusedIndex <= progress.matchIndex) {
    // Who is not trusted may lose again what it held; from others it is an old answer.
    if (!progress.counts) doubt(s, leader, progress)
    return
  }
  if (progress.state === "snapshot") return
  if (progress.state === "probe" && refusedIndex !== progress.nextIndex - 1) return
  if (refusedIndex >= progress.nextIndex) return
  const hint = Math.min(message.hintIndex, refusedIndex - 1)
  const agree = s.log.lastIndexWithTermAtMost(message.hintTerm, hint, progress.matchIndex)
  leader.round++
  progress.becomeProbe(agree + 1, leader.round)
  leader.sendDue = true
}

/**
 * Commits by count only what this term appended; everything before it follows (§5.4.2, figure 8).
 */
function advanceCommit(s: RaftState, leader: LeaderState): void {
  const index = leader.matchedByQuorum
  if (index <= s.log.commitIndex || index < leader.noopIndex) return
  s.log.commitTo(index)
  leader.sendDue = true
  if (configurationCommitted(s, leader) === "left") {
    nominateSuccessor(s, leader)
    becomeFollower(s, s.term, null)
    return
  }
  releaseReads(s, leader)
}

export function tickLeader(s: RaftState, leader: LeaderState): void {
  leader.idleTicks++
  for (const progress of leader.peers) {
    progress.quietTicks++
    progress.silentTicks++
    progress.commitNoticed = false
    const told = progress.commitSent >= s.log.commitIndex || isSpared(s, leader, progress)
    if (!told) leader.sendDue = true
  }
  tickTransfer(s, leader)
  leader.heartbeatElapsed++
  if (leader.heartbeatElapsed >= s.config.heartbeatTicks) heartbeat(s, leader)
}

function heartbeat(s: RaftState, leader: LeaderState): void {
  leader.heartbeatElapsed = 0
  const { liveRound } = leader
  if (leader.roundOfQuorum < liveRound) {
    becomeFollower(s, s.term, null)
    return
  }
  leader.beginHeartbeat()
  if (mayQuiesce(s, leader, liveRound)) return askToQuiesce(s, leader, liveRound)
  for (const progress of leader.peers) {
    readmitIfRecovered(leader, progress)
    sendHeartbeat(s, leader, progress)
  }
  pushTransfer(s, leader)
}

/**
 * The link to `member` is new: what was under way on the old one may be lost, so ask before sending
 * on.
 */
export function peerReset(s: RaftState, member: MemberId): void {
  const { leader } = s
  const progress = leader?.progress.get(member)
  if (leader === null || progress === undefined || member === s.id) return
  leader.round++
  const next = progress.state === "snapshot" ? s.log.lastIndex + 1 : progress.nextIndex
  progress.becomeProbe(next, leader.round)
  sendHeartbeat(s, leader, progress)
}

/** Somebody campaigns although this leader lives: it may not have been heard. */
export function reassure(s: RaftState, member: MemberId): void {
  const { leader } = s
  const progress = leader?.progress.get(member)
  if (leader === null || progress === undefined || member === s.id) return
  sendHeartbeat(s, leader, progress)
}
