/**
 * What must hold of a node between any two inputs. For tests and the simulator: it costs a walk
 * over the tail.
 */
import { invariant } from "./assert.ts"
import { configurationError } from "./configuration.ts"
import type { LeaderState } from "./leader-state.ts"
import type { RaftNode } from "./raft-node.ts"
import type { RaftState } from "./state.ts"
import type { Configuration } from "./types.ts"

/** Configurations never change once made: one look at each is enough. */
const sound = new WeakSet<Configuration>()

function checkConfiguration(configuration: Configuration): void {
  if (sound.has(configuration)) return
  invariant(configurationError(configuration) === null, "the configuration is sound")
  sound.add(configuration)
}

export function checkInvariants(node: RaftNode): void {
  const s = node.state
  checkLog(s)
  checkRole(s)
  checkConfiguration(s.membership.current)
  invariant(s.membership.currentIndex <= s.log.lastIndex, "the configuration is in the log")
  invariant(s.durableSequence <= s.readySequence, "only what was handed out is durable")
  if (s.leader !== null) checkLeader(s, s.leader)
}

function checkLog(s: RaftState): void {
  const { log } = s
  invariant(log.appliedIndex <= log.handedCommitIndex, "applied ≤ handed out as committed")
  invariant(log.handedCommitIndex <= log.commitIndex, "handed out as committed ≤ committed")
  invariant(log.commitIndex <= log.lastIndex, "committed ≤ last")
  invariant(log.durableIndex <= log.lastIndex, "durable ≤ last")
  invariant(log.durableIndex < log.tailFirstIndex, "what was not handed out is not durable")
  invariant(log.tailFirstIndex + log.tail.length === log.lastIndex + 1, "the tail ends the log")
  invariant(log.lastTerm <= s.term, "the log is not newer than the term")
  invariant(s.acceptedTerm <= s.term, "acceptedTerm ≤ term")
  let term = log.term(log.tailFirstIndex - 1) ?? 0
  let index = log.tailFirstIndex
  for (const entry of log.tail) {
    invariant(entry.index === index++, "the tail is consecutive")
    invariant(entry.term >= term, "terms ascend along the tail")
    term = entry.term
  }
}

function checkRole(s: RaftState): void {
  invariant((s.role === "leader") === (s.leader !== null), "leader state belongs to the leader")
  if (s.role === "leader") invariant(s.leaderId === s.id, "a leader knows itself")
  else invariant(s.leaderId !== s.id, "only a leader is its own leader")
  if (s.role === "candidate" || s.role === "leader") {
    invariant(s.votedFor === s.id, "a candidate votes for itself")
  }
  invariant(s.counts || s.role === "follower", "who is not trusted follows")
  if (s.role === "candidate" || s.role === "preCandidate") {
    invariant(s.leaderId === null, "a candidate knows no leader")
    invariant(!s.quiesced, "a candidate's timer runs")
  }
}

function checkLeader(s: RaftState, leader: LeaderState): void {
  const { log, config } = s
  invariant((log.term(leader.noopIndex) ?? s.term) === s.term, "the no-op is of this term")
  invariant(
    leader.progress.get(s.id)?.matchIndex === log.durableIndex,
    "own match is what is durable",
  )
  for (const progress of leader.peers) {
    invariant(progress.matchIndex < progress.nextIndex, "match < next")
    invariant(progress.matchIndex <= log.lastIndex, "match ≤ last")
    invariant(progress.nextIndex <= log.lastIndex + 1, "next ≤ last + 1")
    invariant(progress.counts || progress.answeredRound === 0, "who is doubted answers no round")
    invariant(progress.answeredRound <= leader.round, "no answer to a round that has not begun")
    const { inflights } = progress
    invariant(inflights.count <= config.inflightMessagesMax, "the window bounds messages")
    invariant(
      progress.state === "replicate" || inflights.count === 0,
      "pipelining only in replicate",
    )
    const ahead = progress.witness && progress.state === "replicate"
    invariant(!ahead || progress.nextIndex <= log.durableIndex + 1, "no witness is ahead of data")
    invariant(progress.state === "snapshot" || progress.shipment === null, "shipped in snapshot")
  }
}
