/**
 * Witness voters (DESIGN §5, "RF 2"): they vote, and keep the terms of entries but no payload. The
 * leader spares them while the data voters suffice, and gives them an entry only once it has it on
 * its own disk: a witness that is ahead of all data would refuse everybody who could lead.
 */
import { entryCrc, noPayload } from "./entry.ts"
import type { LeaderState } from "./leader-state.ts"
import { cutBehind } from "./log-cut.ts"
import type { Progress } from "./progress.ts"
import { Shipment } from "./shipment.ts"
import type { RaftState } from "./state.ts"
import type { Entry, LogCut, LogIndex } from "./types.ts"

/**
 * The host's word, from which the core departs only on the side of more copies: where data voters
 * are no majority, until the term's no-op is committed, for a configuration that it has not seen,
 * and while a voter is not trusted, be it the witness.
 */
export const isSpared = (s: RaftState, leader: LeaderState, progress: Progress): boolean =>
  progress.witness &&
  !s.witnessesNeeded &&
  leader.dataSuffices &&
  leader.voters.every(isCounted) &&
  leader.votersOutgoing.every(isCounted) &&
  s.log.commitIndex >= leader.noopIndex &&
  progress.matchIndex >= s.membership.currentIndex

const isCounted = ({ counts }: Progress): boolean => counts

/**
 * Without its bytes: a no-op to whoever looks at it, in the same place of the log and of the
 * offsets. Configurations stay whole.
 */
export function stripped(entry: Entry): Entry {
  if (entry.type !== "data") return entry
  const bare = { ...entry, type: "noop", keptCrc: 0, payload: noPayload } as const
  return { ...bare, entryCrc: entryCrc(bare, noPayload) }
}

/**
 * What a witness may be given is on this disk, and on that of a data voter of every majority: a
 * leader that is leaving could otherwise put it ahead of all who stay.
 */
export function witnessLimit(s: RaftState, leader: LeaderState): LogIndex {
  const { voters, votersOutgoing } = leader
  const reached = Math.min(dataReached(voters), dataReached(votersOutgoing))
  return Math.min(s.log.durableIndex, reached)
}

function dataReached(voters: ReadonlyArray<Progress>): LogIndex {
  if (voters.length === 0) return Number.MAX_SAFE_INTEGER
  let reached = 0
  for (const { witness, counts, matchIndex } of voters) {
    if (!witness && counts && matchIndex > reached) reached = matchIndex
  }
  return reached
}

export const strippedFrom = (
  s: RaftState,
  leader: LeaderState,
  lo: LogIndex,
): ReadonlyArray<Entry> =>
  s.log.durableEntries(lo, witnessLimit(s, leader), s.config.appendBytesMax).map(stripped)

/** Up to here a witness may be given an empty snapshot instead of every single entry. */
const shippableIndex = (s: RaftState, leader: LeaderState): LogIndex =>
  Math.min(s.log.commitIndex, witnessLimit(s, leader))

export const isBehindCommit = (s: RaftState, leader: LeaderState, progress: Progress): boolean =>
  progress.nextIndex <= shippableIndex(s, leader)

/**
 * What it lacks of the committed log is nothing but its cut. False: this leader's own log is cut
 * above what is on its disk, which is soon over.
 */
export function shipToWitness(s: RaftState, leader: LeaderState, progress: Progress): boolean {
  const cut = cutAt(s, shippableIndex(s, leader))
  if (cut === null) return false
  leader.round++
  progress.becomeSnapshot()
  progress.shipment = new Shipment({ cut, state: noPayload })
  leader.sendDue = true
  return true
}

function cutAt({ log }: RaftState, index: LogIndex): LogCut | null {
  if (index <= log.cut.index) return index === log.cut.index ? log.cut : null
  const entry = log.durableEntries(index, index, 1)[0]
  if (entry === undefined) return null
  return cutBehind(entry, log.configurationAt(index), log.cut)
}
