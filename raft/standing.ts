/**
 * A member whose log may have lost what it acknowledged (VERIFICATION D4), as it behaves itself: it
 * does not campaign, and none of its answers counts in full, its vote included (quorum.ts), until
 * the leader has brought it past all that it may ever have acknowledged. The leader's part is in
 * readmission.ts.
 */
import type { AppendEntries } from "./message.ts"
import { becomeFollower } from "./role.ts"
import type { RaftState } from "./state.ts"
import type { MemberId, Standing, Term } from "./types.ts"

/**
 * The host has learned that this log is below what it once acknowledged. False: it was doubted
 * already. Also of a group's only voter: whoever remembers more of it was a member after what is
 * left here, so that this is perhaps not the group any more.
 */
export function distrust(s: RaftState): boolean {
  if (s.standing !== "trusted") return false
  takeBack(s, "recovering")
  return true
}

/**
 * The host has learned that this disk does not know a vote it gave, or a term it promised in. Also
 * of a member that is being filled up: its vote is not known either. False: it was known already.
 */
export function forgetVote(s: RaftState): boolean {
  if (s.standing === "amnesiac") return false
  takeBack(s, "amnesiac")
  return true
}

/** What has not left does not leave any more, and nothing proves anything from now on. */
function takeBack(s: RaftState, standing: Standing): void {
  const asleepUnder = s.quiesced ? s.leaderId : null
  s.outbox.dropPromises()
  s.outbox.dropProofs()
  s.distrustedSequence = s.readySequence
  s.standing = standing
  s.doubtHeardIn = 0
  if (s.role !== "follower") becomeFollower(s, s.term, null)
  s.quiesced = false
  if (asleepUnder !== null && asleepUnder !== s.id) askForWord(s, asleepUnder)
}

/** A sleeping leader has to hear of it; refusing to sleep on is what wakes it. */
function askForWord(s: RaftState, leaderId: string): void {
  s.outbox.send({
    _tag: "QuiesceResponse",
    from: s.id,
    to: leaderId,
    term: s.term,
    lastLogIndex: s.log.lastIndex,
    agreed: false,
  })
}

/**
 * Nobody has spoken for an election timeout, and this member may not campaign, which would wake the
 * group: its host began anew while the group slept, say, and no new link tells of it.
 */
export function askForLeader(s: RaftState): void {
  const { voters, votersOutgoing } = s.membership.current
  askForLeaderAt(s, [...voters, ...votersOutgoing])
}

/**
 * The same of members that the host names: what is left of the log may be older than all of them.
 */
export function askForLeaderAt(s: RaftState, members: ReadonlyArray<MemberId>): void {
  if (s.standing === "trusted" || s.config.quiesceTicks === 0) return
  for (const member of new Set(members)) if (member !== s.id) askForWord(s, member)
}

/**
 * Every other voter has told its term; `term` is the greatest. Whoever got this member's vote was
 * in that vote's term before it asked, so no vote was given in a later one but to itself, which
 * binds nobody (that candidacy is over), and in this one no other is given any more.
 */
export function termsKnown(s: RaftState, term: Term): void {
  if (s.standing !== "amnesiac") return
  if (term > s.term) becomeFollower(s, term, null)
  s.votedFor = s.id
  s.standing = "recovering"
  s.doubtHeardIn = 0
}

/**
 * After the consistency check, on a member that is not trusted. Word of readmission is believed
 * only after the leader of this term has spoken without it since the doubt began: on a link that
 * keeps its order, what was said to an earlier doubt is over by then.
 */
export function heardReadmission(s: RaftState, message: AppendEntries): void {
  if (!message.readmitted) s.doubtHeardIn = s.term
  else if (s.standing === "recovering" && s.doubtHeardIn === s.term) {
    s.standing = "trusted"
    s.trustedSequence = s.readySequence + 1
  }
}
