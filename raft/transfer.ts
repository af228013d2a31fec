/**
 * Handing leadership over: stop proposals, let the target catch up, tell it to campaign
 * (dissertation §3.10).
 */
import { isVoter } from "./configuration.ts"
import type { LeaderState } from "./leader-state.ts"
import type { Progress } from "./progress.ts"
import type { RaftState } from "./state.ts"
import type { MemberId } from "./types.ts"

export function transferLeadership(s: RaftState, target: MemberId): "started" | "refused" {
  const { leader } = s
  if (leader === null || target === s.id) return "refused"
  if (leader.transfer !== null) return leader.transfer.target === target ? "started" : "refused"
  const progress = leader.progress.get(target)
  if (progress === undefined || !mayLead(s, target)) return "refused"
  if (!progress.counts || progress.state === "snapshot") return "refused"
  leader.transfer = { target, elapsedTicks: 0 }
  leader.touch()
  leader.sendDue = true
  pushTransfer(s, leader)
  return "started"
}

function mayLead(s: RaftState, member: MemberId): boolean {
  const configuration = s.membership.current
  return isVoter(configuration, member) && !configuration.witnesses.includes(member)
}

/**
 * After each answer and heartbeat: TimeoutNow goes once the target has everything, and again while
 * it may be lost.
 */
export function pushTransfer(s: RaftState, leader: LeaderState): void {
  if (leader.transfer === null) return
  const progress = leader.progress.get(leader.transfer.target)
  if (progress === undefined || !mayLead(s, progress.member)) {
    leader.transfer = null
  } else if (progress.counts && progress.matchIndex === s.log.lastIndex) {
    sendTimeoutNow(s, progress)
  }
}

/** A target that has not taken over within an election timeout never will: serve again. */
export function tickTransfer(s: RaftState, leader: LeaderState): void {
  if (leader.transfer === null) return
  leader.transfer.elapsedTicks++
  if (leader.transfer.elapsedTicks >= s.config.electionTicks) leader.transfer = null
}

/** The most advanced voter that may lead, if any is as far as this leader. */
export function nominateSuccessor(s: RaftState, leader: LeaderState): void {
  for (const progress of leader.voters) {
    const eligible = progress.counts && progress.member !== s.id && mayLead(s, progress.member)
    if (eligible && progress.matchIndex === s.log.lastIndex) return sendTimeoutNow(s, progress)
  }
}

function sendTimeoutNow(s: RaftState, progress: Progress): void {
  s.outbox.send({ _tag: "TimeoutNow", from: s.id, to: progress.member, term: s.term })
}
