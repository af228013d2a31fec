/**
 * The leader's part in doubting a member and trusting it again (VERIFICATION D4). A doubted
 * member's answers move its window, and count neither for commit nor for a round.
 *
 * Why it is safe: what may have been, or may still be, committed by help of the lost copies is
 * either of an earlier term, hence before this leader's no-op (Leader Completeness: every majority
 * holds one of the members whose votes counted in full, quorum.ts), or was counted by this leader,
 * hence at most the matchIndex noted when the doubt began.
 */
import type { LeaderState } from "./leader-state.ts"
import type { Progress } from "./progress.ts"
import type { RaftState } from "./state.ts"

/** What every answer of a follower says about the follower itself. */
interface Standing {
  readonly round: number
  readonly counts: boolean
}

/** An answer from or to somebody doubted. False: it says nothing more. */
export function heardStanding(
  s: RaftState,
  leader: LeaderState,
  progress: Progress,
  answer: Standing,
  agreed: boolean,
): boolean {
  if (progress.counts) {
    if (answer.counts) return true
    doubt(s, leader, progress)
    return false
  }
  const told = progress.readmitRound > 0 && answer.round >= progress.readmitRound
  if (!told) return true
  if (answer.counts) progress.trustAgain()
  else if (agreed) {
    // It was told that it is trusted and is not: it has begun anew since, or its vote is not known.
    doubt(s, leader, progress)
    return false
  }
  return true
}

/** Every answer to a round that has begun already may be of before the loss. */
export function doubt(s: RaftState, leader: LeaderState, progress: Progress): void {
  leader.round++
  progress.doubt(s.log.lastIndex + 1, leader.round, leader.noopIndex)
  leader.touch()
  leader.sendDue = true
}

/**
 * With each heartbeat, so that a member that will not be readmitted costs no more than that. What
 * it must hold need not be committed: of two voters one could not commit it without the other.
 */
export function readmitIfRecovered(leader: LeaderState, progress: Progress): void {
  if (progress.counts || progress.readmitRound > 0) return
  if (progress.matchIndex < progress.recoverThrough) return
  leader.round++
  progress.readmitRound = leader.round
}
