/**
 * How long a healed cluster may take to be whole again: computed from the parameters of the run,
 * since no fixed time suits both a quick cluster and one with slow disks and a long backlog
 * (VERIFICATION §0, lesson 4).
 */
import type { Range } from "./options.ts"

export interface LivenessParameters {
  /** One way, between brokers. */
  readonly latencyMs: Range
  readonly fsyncMs: Range
  readonly clockDriftPerMille: number
  readonly groups: number
  readonly brokers: number
  /** Raft entries of all groups: the most that a member may have to be sent again. */
  readonly entries: number
  readonly payloadBytes: number
  readonly electionTimeoutMs: number
  readonly dataElectionTimeoutMs: number
  readonly suspectMs: number
}

/** Split votes, assignments that come late, leaders that are deposed by what was under way. */
const electionRounds = 10
/** Requests that wait for a timeout before they look for another broker. */
const clientTriesMs = 20_000
/** Entries in one message, at the least: only those that need a message each count in full. */
const entriesPerRound = 8
const bytesPerRound = 1 << 20

export function livenessBoundMs(parameters: LivenessParameters): number {
  const { latencyMs, fsyncMs, clockDriftPerMille, groups, brokers, entries } = parameters
  // A round: there, on the disk of both, and back.
  const roundMs = 2 * latencyMs[1] + 2 * fsyncMs[1] + 2
  const electionMs =
    2 * parameters.electionTimeoutMs + 2 * parameters.dataElectionTimeoutMs + parameters.suspectMs
  const slowest = 1000 / (1000 - Math.min(500, clockDriftPerMille))
  const electionsMs = electionRounds * (electionMs + 4 * roundMs)
  // Every group is assigned, elected and, at worst, changed in its membership, one after the other.
  const decisionsMs = 8 * groups * roundMs
  const catchUpMs = brokers * roundMs * backlogRounds(entries, parameters.payloadBytes)
  return Math.ceil(slowest * (clientTriesMs + electionsMs + decisionsMs + catchUpMs))
}

/**
 * Raft's own condition for having a leader at all: a round is short against the election timeout
 * (§5.6). Where the slowest round is longer, a cluster that needs every voter that is left may
 * elect and depose for ever, and no bound holds.
 */
export function isTimely(
  parameters: Pick<LivenessParameters, "latencyMs" | "fsyncMs" | "electionTimeoutMs">,
): boolean {
  const { latencyMs, fsyncMs, electionTimeoutMs } = parameters
  return 2 * latencyMs[1] + 2 * fsyncMs[1] <= electionTimeoutMs
}

const backlogRounds = (entries: number, bytes: number): number =>
  Math.ceil(entries / entriesPerRound) + Math.ceil(bytes / bytesPerRound)
