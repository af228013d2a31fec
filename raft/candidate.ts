/** Campaigning, voting and counting votes (§5.2, §5.4.1; PreVote: dissertation §9.6). */
import type { PreVote, PreVoteResponse, RequestVote, RequestVoteResponse } from "./message.ts"
import { becomeLeader } from "./leader.ts"
import { jointVote, type VoteResult } from "./quorum.ts"
import { becomeCandidate, becomeFollower, becomePreCandidate } from "./role.ts"
import type { RaftState } from "./state.ts"
import type { MemberId } from "./types.ts"

/**
 * "timeout": the election timer fired, or the host wants an ordinary election. "assigned": the
 * metadata group chose this node; "transfer": the leader itself did. The last two skip pre-vote and
 * waive the lease, never the log check.
 */
export type CampaignKind = "timeout" | "assigned" | "transfer"

export function campaign(s: RaftState, kind: CampaignKind): void {
  if (s.role === "leader" || !s.promotable) return
  if (kind === "timeout") return campaignForPreVotes(s)
  const undecided = s.role === "candidate" && s.leaseWaived
  if (!undecided) campaignForVotes(s, true)
}

function campaignForPreVotes(s: RaftState): void {
  becomePreCandidate(s)
  s.votes.set(s.id, "granted")
  for (const to of otherVoters(s)) {
    const { lastIndex, lastTerm } = s.log
    s.outbox.send({
      _tag: "PreVote",
      from: s.id,
      to,
      term: s.term + 1,
      lastLogIndex: lastIndex,
      lastLogTerm: lastTerm,
    })
  }
  countVotes(s)
}

/** The own vote is counted once it is durable: see `ownVotePersisted`. */
function campaignForVotes(s: RaftState, leaseWaived: boolean): void {
  becomeCandidate(s, leaseWaived)
  for (const to of otherVoters(s)) {
    const { lastIndex, lastTerm } = s.log
    s.outbox.promise({
      _tag: "RequestVote",
      from: s.id,
      to,
      term: s.term,
      lastLogIndex: lastIndex,
      lastLogTerm: lastTerm,
      leaderLeaseWaived: leaseWaived,
    })
  }
}

export function ownVotePersisted(s: RaftState): void {
  if (s.role !== "candidate" || s.votes.has(s.id)) return
  s.votes.set(s.id, "granted")
  countVotes(s)
}

/**
 * Grants when it would vote, without changing anything; refused while a leader is believed to live.
 */
export function handlePreVote(s: RaftState, message: PreVote): void {
  const granted =
    s.mayVote &&
    !s.leaseHeld &&
    (message.term > s.term || (message.term === s.term && mayVoteFor(s, message.from))) &&
    s.log.isUpToDate(message.lastLogIndex, message.lastLogTerm)
  s.outbox.send({
    _tag: "PreVoteResponse",
    from: s.id,
    to: message.from,
    term: granted ? message.term : s.term,
    granted,
    counts: s.counts,
  })
}

export function handlePreVoteResponse(s: RaftState, message: PreVoteResponse): void {
  if (s.role !== "preCandidate") return
  if (message.granted && message.term !== s.term + 1) return
  recordVote(s, message)
}

/** `message.term` is the current one. The answer leaves when the vote is durable. */
export function handleRequestVote(s: RaftState, message: RequestVote): void {
  const granted =
    s.mayVote &&
    mayVoteFor(s, message.from) &&
    s.log.isUpToDate(message.lastLogIndex, message.lastLogTerm)
  if (granted && s.votedFor === null) {
    s.votedFor = message.from
    s.restartElectionTimer()
  }
  const answer = {
    _tag: "RequestVoteResponse",
    from: s.id,
    to: message.from,
    term: s.term,
    granted,
    counts: s.counts,
  } as const
  if (granted) s.outbox.promise(answer)
  else s.outbox.send(answer)
}

export function handleRequestVoteResponse(s: RaftState, message: RequestVoteResponse): void {
  if (s.role === "candidate") recordVote(s, message)
}

/** At most one vote per term, first come first served; none against a leader that is known. */
function mayVoteFor(s: RaftState, candidate: MemberId): boolean {
  return s.votedFor === candidate || (s.votedFor === null && s.leaderId === null)
}

function recordVote(
  s: RaftState,
  { from, granted, counts }: PreVoteResponse | RequestVoteResponse,
): void {
  if (s.votes.has(from)) return
  s.votes.set(from, !granted ? "refused" : counts ? "granted" : "uncounted")
  countVotes(s)
}

function countVotes(s: RaftState): void {
  const result = voteResult(s)
  if (result === "lost") becomeFollower(s, s.term, null)
  else if (result === "won" && s.role === "preCandidate") campaignForVotes(s, false)
  else if (result === "won") becomeLeader(s)
}

/** Only votes of voters of the configuration in force count, whoever else has answered. */
function voteResult(s: RaftState): VoteResult {
  const { voters, votersOutgoing } = s.membership.current
  return jointVote(voters, votersOutgoing, (voter) => s.votes.get(voter))
}

function otherVoters(s: RaftState): ReadonlyArray<MemberId> {
  const { voters, votersOutgoing } = s.membership.current
  return [...new Set([...voters, ...votersOutgoing])].filter((member) => member !== s.id)
}
