/** Entering and leaving roles (§5.1, §5.2). Becoming leader is in leader.ts: it appends. */
import { invariant } from "./assert.ts"
import type { RaftState } from "./state.ts"
import type { MemberId, Term } from "./types.ts"

/**
 * `term` may be the current one (a candidate that found a leader or lost). The vote is cleared only
 * by a higher term: clearing it by stepping down within a term would allow a second vote.
 */
export function becomeFollower(s: RaftState, term: Term, leaderId: MemberId | null): void {
  invariant(term >= s.term, "the term never decreases")
  if (s.leader !== null) relinquish(s)
  if (term > s.term) raiseTerm(s, term)
  if (s.role !== "follower") s.restartElectionTimer()
  s.role = "follower"
  s.leaderId = leaderId
  s.votes.clear()
}

export function becomePreCandidate(s: RaftState): void {
  invariant(s.role !== "leader", "a leader does not campaign")
  s.role = "preCandidate"
  beginCampaign(s, false)
}

export function becomeCandidate(s: RaftState, leaseWaived: boolean): void {
  invariant(s.role !== "leader", "a leader does not campaign")
  raiseTerm(s, s.term + 1)
  s.votedFor = s.id
  s.role = "candidate"
  beginCampaign(s, leaseWaived)
}

function beginCampaign(s: RaftState, leaseWaived: boolean): void {
  s.leaderId = null
  s.quiesced = false
  s.leaseWaived = leaseWaived
  s.votes.clear()
  s.restartElectionTimer()
}

function raiseTerm(s: RaftState, term: Term): void {
  s.term = term
  s.votedFor = null
  s.incoming = null
  s.outbox.dropPromises()
}

/** Tells everybody, in the term that was led, so that followers without timers start them. */
function relinquish(s: RaftState): void {
  const leader = s.leader
  if (leader === null) return
  for (const { member } of leader.peers) {
    s.outbox.send({ _tag: "SteppedDown", from: s.id, to: member, term: s.term })
  }
  for (const read of leader.reads) s.outbox.readsLost.push(read.context)
  s.leader = null
  s.quiesced = false
}
