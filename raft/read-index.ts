/**
 * Linearizable reads without an entry: note commitIndex, prove leadership by a round, then wait for
 * apply (§8).
 */
import type { LeaderState } from "./leader-state.ts"
import type { RaftState } from "./state.ts"

/** False when not leader. A read asked before the term's no-op has committed waits for that too. */
export function readIndex(s: RaftState, context: number): boolean {
  const { leader } = s
  if (leader === null) return false
  const committedInTerm = s.log.commitIndex >= leader.noopIndex
  leader.touch()
  leader.reads.push({
    context,
    index: committedInTerm ? s.log.commitIndex : null,
    round: leader.round + 1,
  })
  leader.readRoundDue = true
  return true
}

export function releaseReads(s: RaftState, leader: LeaderState): void {
  if (leader.reads.length === 0 || s.log.commitIndex < leader.noopIndex) return
  const confirmed = leader.roundOfQuorum
  let released = 0
  for (const read of leader.reads) {
    read.index ??= s.log.commitIndex
    if (read.round > confirmed) break
    s.outbox.readStates.push({ context: read.context, index: read.index })
    released++
  }
  if (released > 0) leader.reads = leader.reads.slice(released)
}
