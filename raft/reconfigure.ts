/** Changing membership: learners singly, voters by joint consensus that is left by itself (§6). */
import { appendConfiguration, refused, type ProposeResult } from "./append.ts"
import {
  configurationError,
  isJoint,
  isVoter,
  membersOf,
  sameConfiguration,
  sameMembers,
} from "./configuration.ts"
import type { LeaderState } from "./leader-state.ts"
import type { RaftState } from "./state.ts"
import type { Configuration } from "./types.ts"

/** `next` is where to go, not joint itself. */
export function proposeConfiguration(
  s: RaftState,
  next: Configuration,
  appendMs: number,
): ProposeResult {
  const { leader } = s
  if (leader === null) return refused("notLeader")
  if (leader.transfer !== null) return refused("transferring")
  if (s.log.commitIndex < leader.noopIndex) return refused("notCommittedInTerm")
  const { current, currentIndex } = s.membership
  if (isJoint(current) || currentIndex > s.log.commitIndex) return refused("configurationInFlight")
  if (!mayBeProposed(next) || !kindsStay(current, next)) return refused("configurationInvalid")
  if (sameConfiguration(current, next)) return refused("configurationUnchanged")
  const proposed = sameMembers(current.voters, next.voters) ? next : enterJoint(current, next)
  return appendConfiguration(s, leader, proposed, appendMs)
}

const mayBeProposed = (next: Configuration): boolean =>
  !isJoint(next) && next.learnersNext.length === 0 && configurationError(next) === null

/** The log of a witness has no payload: it becomes nothing else, and nothing else becomes one. */
const kindsStay = (current: Configuration, next: Configuration): boolean => {
  const known = membersOf(current)
  return membersOf(next).every(
    (member) =>
      !known.includes(member) ||
      current.witnesses.includes(member) === next.witnesses.includes(member),
  )
}

/** A voter that becomes a learner stays an outgoing voter until the joint configuration is left. */
export function enterJoint(current: Configuration, next: Configuration): Configuration {
  const votes = (member: string): boolean =>
    current.voters.includes(member) || next.voters.includes(member)
  const stillVoting = current.witnesses.filter((member) => !next.voters.includes(member))
  return {
    voters: next.voters,
    votersOutgoing: current.voters,
    learners: next.learners.filter((member) => !votes(member)),
    learnersNext: next.learners.filter(votes),
    witnesses: [...next.witnesses, ...stillVoting],
  }
}

export function leaveJoint(joint: Configuration): Configuration {
  return {
    voters: joint.voters,
    votersOutgoing: [],
    learners: [...joint.learners, ...joint.learnersNext],
    learnersNext: [],
    witnesses: joint.witnesses.filter((member) => joint.voters.includes(member)),
  }
}

/**
 * After each commit. "left": the configuration without this leader is committed, it has to go
 * (dissertation §4.2.2).
 */
export function configurationCommitted(s: RaftState, leader: LeaderState): "stays" | "left" {
  const { current, currentIndex } = s.membership
  s.membership.committed(s.log.commitIndex)
  if (currentIndex > s.log.commitIndex) return "stays"
  if (isJoint(current)) {
    appendConfiguration(s, leader, leaveJoint(current), s.log.lastAppendMs)
    return "stays"
  }
  return isVoter(current, s.id) ? "stays" : "left"
}
