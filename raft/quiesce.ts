/**
 * A fully replicated, idle group stops its timers by agreement; the liveness of its leader is then
 * its host's matter (DESIGN §5, "Thousands of groups"). Whoever is not sure stays awake, which at
 * worst wakes the others.
 */
import type { LeaderState } from "./leader-state.ts"
import type { Quiesce, QuiesceResponse } from "./message.ts"
import { sendHeartbeat } from "./replication.ts"
import type { RaftState } from "./state.ts"
import type { MemberId } from "./types.ts"
import { isSpared } from "./witness.ts"

export function wake(s: RaftState): void {
  if (!s.quiesced) return
  s.quiesced = false
  s.restartElectionTimer()
  const { leader } = s
  if (leader === null) return
  leader.touch()
  leader.heartbeatElapsed = 0
  leader.forgetRounds()
  leader.beginHeartbeat()
  for (const progress of leader.peers) sendHeartbeat(s, leader, progress)
}

/**
 * A heartbeat of an idle group: who lives is asked to quiesce, the others may come back by an
 * ordinary one.
 */
export function askToQuiesce(s: RaftState, leader: LeaderState, liveRound: number): void {
  const awaited = new Set<MemberId>()
  for (const progress of leader.peers) {
    if (progress.answeredRound < liveRound) {
      sendHeartbeat(s, leader, progress)
      continue
    }
    awaited.add(progress.member)
    s.outbox.send({
      _tag: "Quiesce",
      from: s.id,
      to: progress.member,
      term: s.term,
      lastLogIndex: s.log.lastIndex,
      commitIndex: s.log.commitIndex,
    })
  }
  leader.quiesceAwaited = awaited
  if (awaited.size === 0) fallAsleep(s, leader)
}

export function mayQuiesce(s: RaftState, leader: LeaderState, liveRound: number): boolean {
  const { quiesceTicks } = s.config
  const { lastIndex, commitIndex, durableIndex } = s.log
  if (quiesceTicks === 0 || leader.idleTicks < quiesceTicks) return false
  if (commitIndex !== lastIndex || durableIndex !== lastIndex) return false
  if (leader.transfer !== null || leader.reads.length > 0) return false
  return leader.peers.every((p) => {
    if (!p.counts) return p.quietTicks >= s.config.electionTicks
    if (p.answeredRound < liveRound || isSpared(s, leader, p)) return true
    return p.matchIndex === lastIndex && p.commitSent === commitIndex
  })
}

/**
 * A follower agrees only when it holds, durably, exactly what the leader holds and knows that it is
 * committed.
 */
export function handleQuiesce(s: RaftState, message: Quiesce): void {
  const { lastIndex, durableIndex } = s.log
  const agreed =
    agreesOnEnd(s, message) && durableIndex === lastIndex && s.counts && s.hardStateDurable
  s.quiesced = agreed
  s.outbox.send({
    _tag: "QuiesceResponse",
    from: s.id,
    to: message.from,
    term: s.term,
    lastLogIndex: agreed ? message.lastLogIndex : lastIndex,
    agreed,
  })
}

function agreesOnEnd({ id, log, membership }: RaftState, message: Quiesce): boolean {
  if (membership.current.witnesses.includes(id)) return message.lastLogIndex >= log.lastIndex
  return message.lastLogIndex === log.lastIndex && message.commitIndex === log.commitIndex
}

export function handleQuiesceResponse(s: RaftState, message: QuiesceResponse): void {
  const { leader } = s
  const progress = leader?.progress.get(message.from)
  if (leader === null || progress === undefined || leader.quiesceAwaited === null) return
  // As good as an answer to the heartbeat that the question stood for.
  progress.quietTicks = 0
  if (progress.counts) progress.answeredRound = leader.round
  if (!message.agreed || message.lastLogIndex !== s.log.lastIndex) {
    leader.touch()
    return
  }
  leader.quiesceAwaited.delete(message.from)
  if (leader.quiesceAwaited.size === 0) fallAsleep(s, leader)
}

function fallAsleep(s: RaftState, leader: LeaderState): void {
  leader.quiesceAwaited = null
  s.quiesced = true
}
