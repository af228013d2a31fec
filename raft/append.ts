/** The leader's own end of the log (§5.3: a leader only appends). */
import { invariant } from "./assert.ts"
import { encodeConfiguration } from "./configuration.ts"
import { noPayload, sealEntry, sealInternal } from "./entry.ts"
import type { LeaderState } from "./leader-state.ts"
import type { RaftState } from "./state.ts"
import type { Configuration, Entry, EntryId, Proposal } from "./types.ts"

export type RefusalReason =
  | "notLeader"
  /** Leadership is being handed over. */
  | "transferring"
  /** A configuration waits for the first commit of this term (Ongaro 2015). */
  | "notCommittedInTerm"
  /** One change at a time; a joint one until it has been left. */
  | "configurationInFlight"
  | "configurationUnchanged"
  | "configurationInvalid"

export type ProposeResult =
  | { readonly _tag: "proposed"; readonly id: EntryId }
  | { readonly _tag: "refused"; readonly reason: RefusalReason }

export const refused = (reason: RefusalReason): ProposeResult => ({ _tag: "refused", reason })

/** Appends; the next Ready hands it out and sends it. `firstOffset` must continue the log's end. */
export function propose(s: RaftState, proposal: Proposal): ProposeResult {
  const { leader, log } = s
  if (leader === null) return refused("notLeader")
  if (leader.transfer !== null) return refused("transferring")
  invariant(proposal.firstOffset === log.lastOffset + 1, "a proposal continues the log's offsets")
  const appendMs = Math.max(proposal.appendMs, log.lastAppendMs)
  return appended(s, leader, sealEntry("data", s.term, log.lastIndex + 1, appendMs, proposal))
}

export function appendNoop(s: RaftState, leader: LeaderState): void {
  const { log } = s
  const index = log.lastIndex + 1
  appended(
    s,
    leader,
    sealInternal("noop", s.term, index, log.lastAppendMs, log.lastOffset, noPayload),
  )
}

/** In force at once (§6). */
export function appendConfiguration(
  s: RaftState,
  leader: LeaderState,
  configuration: Configuration,
  appendMs: number,
): ProposeResult {
  const { log } = s
  invariant(s.membership.currentIndex <= log.commitIndex, "one configuration in flight")
  const payload = encodeConfiguration(configuration)
  const stamp = Math.max(appendMs, log.lastAppendMs)
  const index = log.lastIndex + 1
  const entry = sealInternal("configuration", s.term, index, stamp, log.lastOffset, payload)
  s.membership.appended(entry)
  leader.adopt(configuration, index)
  return appended(s, leader, entry)
}

function appended(s: RaftState, leader: LeaderState, entry: Entry): ProposeResult {
  s.log.append(entry)
  s.acceptedTerm = s.term
  leader.sendDue = true
  leader.touch()
  return { _tag: "proposed", id: { term: entry.term, index: entry.index } }
}
