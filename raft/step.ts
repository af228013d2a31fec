/** The term gate (§5.1), then dispatch by message. */
import { invariant } from "./assert.ts"
import {
  handlePreVote,
  handlePreVoteResponse,
  handleRequestVote,
  handleRequestVoteResponse,
} from "./candidate.ts"
import { membersOf } from "./configuration.ts"
import { handleAppendEntries, handleSteppedDown, handleTimeoutNow, hearLeader } from "./follower.ts"
import { handleAppendEntriesResponse, reassure } from "./leader.ts"
import type { AppendEntries, InstallSnapshot, Message } from "./message.ts"
import { handleQuiesce, handleQuiesceResponse, wake } from "./quiesce.ts"
import { becomeFollower } from "./role.ts"
import { handleInstallSnapshot } from "./snapshot-receiver.ts"
import { handleInstallSnapshotResponse } from "./snapshot-sender.ts"
import type { RaftState } from "./state.ts"

export function step(s: RaftState, message: Message): void {
  invariant(message.to === s.id, "a message reaches the member it is for")
  if (s.holdVotes && isLeaders(message)) return
  if (s.quiesced && !keepsAsleep(s, message)) wake(s)
  if (message.term > s.term && !passesAbove(s, message)) return
  if (message.term < s.term) return answerBelow(s, message)
  dispatch(s, message)
}

/** A witness's entries are no-ops in a log with data, and its snapshot a hole. */
const isForUs = ({ config }: RaftState, { stripped }: AppendEntries | InstallSnapshot): boolean =>
  config.keepsPayloads === undefined || config.keepsPayloads !== stripped

/**
 * Not heard on hold: whoever acknowledges promises, too, and what has accepted a later leader's
 * entries looks whole.
 */
const isLeaders = ({ _tag }: Message): boolean =>
  _tag === "AppendEntries" || _tag === "InstallSnapshot" || _tag === "Quiesce"

/**
 * Who was removed and never heard of it pre-votes, or asks for its leader, for ever: nobody loses
 * sleep over it.
 */
function keepsAsleep(s: RaftState, message: Message): boolean {
  switch (message._tag) {
    case "Quiesce":
      return true
    case "QuiesceResponse":
      return message.agreed || !membersOf(s.membership.current).includes(message.from)
    case "PreVote":
      return !membersOf(s.membership.current).includes(message.from)
    default:
      return false
  }
}

/**
 * A higher term ends this one, except for PreVote, which asks without raising anybody's. False: say
 * no more.
 */
function passesAbove(s: RaftState, message: Message): boolean {
  switch (message._tag) {
    case "PreVote":
      return true
    case "PreVoteResponse":
      if (!message.granted) becomeFollower(s, message.term, null)
      return message.granted
    case "RequestVote":
      if (s.leaseHeld && !message.leaderLeaseWaived) return false
      becomeFollower(s, message.term, null)
      return true
    case "AppendEntries":
    case "InstallSnapshot":
    case "Quiesce":
      becomeFollower(s, message.term, message.from)
      return true
    default:
      becomeFollower(s, message.term, null)
      return true
  }
}

const refusal = { granted: false, counts: false } as const

/**
 * Whoever leads or campaigns in an old term learns of the new one; late answers say nothing any
 * more.
 */
function answerBelow(s: RaftState, message: Message): void {
  const { from } = message
  const { id, term } = s
  switch (message._tag) {
    case "AppendEntries":
    case "InstallSnapshot":
    case "Quiesce":
      s.outbox.send({
        _tag: "AppendEntriesResponse",
        from: id,
        to: from,
        term,
        success: false,
        matchIndex: message._tag === "AppendEntries" ? message.prevLogIndex : 0,
        hintIndex: 0,
        hintTerm: 0,
        round: 0,
        counts: s.counts,
      })
      return
    case "PreVote":
      s.outbox.send({ _tag: "PreVoteResponse", from: id, to: from, term, ...refusal })
      return
    case "RequestVote":
      s.outbox.send({ _tag: "RequestVoteResponse", from: id, to: from, term, ...refusal })
      return
    default:
  }
}

function dispatch(s: RaftState, message: Message): void {
  switch (message._tag) {
    case "PreVote":
      handlePreVote(s, message)
      return reassure(s, message.from)
    case "PreVoteResponse":
      return handlePreVoteResponse(s, message)
    case "RequestVote":
      return handleRequestVote(s, message)
    case "RequestVoteResponse":
      return handleRequestVoteResponse(s, message)
    case "AppendEntries":
      return isForUs(s, message) ? handleAppendEntries(s, message) : hearLeader(s, message.from)
    case "AppendEntriesResponse":
      return handleAppendEntriesResponse(s, message)
    case "InstallSnapshot":
      return isForUs(s, message) ? handleInstallSnapshot(s, message) : hearLeader(s, message.from)
    case "InstallSnapshotResponse":
      return handleInstallSnapshotResponse(s, message)
    case "TimeoutNow":
      return handleTimeoutNow(s, message)
    case "Quiesce":
      hearLeader(s, message.from)
      return handleQuiesce(s, message)
    case "QuiesceResponse":
      return handleQuiesceResponse(s, message)
    case "SteppedDown":
      return handleSteppedDown(s, message)
  }
}
