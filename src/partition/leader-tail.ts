/**
 * What producers wrote into a leader's log above its applied index: earlier leaders' entries that
 * its no-op will commit, and its own. Valid for one term; built from the leader's own log, dropped
 * with the leadership.
 */
import type { LogIndex, Proposal, Term } from "../../raft/types.ts"
import { ProducerTail } from "./producer-state.ts"
import type { ProducerState } from "./producer-state.ts"
import type { ProducerEnvelope } from "./producer-batch.ts"
import type { RaftGroup } from "./raft-group.ts"

const scanChunk = 512

export class LeaderTail {
  readonly term: Term
  readonly producers: ProducerTail

  private constructor(term: Term, producers: ProducerTail) {
    this.term = term
    this.producers = producers
  }

  /**
   * Undefined while the entries of earlier leaders are not all in the log yet (they are after the
   * next turn): an append that cannot see them must not be accepted.
   */
  static of(group: RaftGroup, state: ProducerState): LeaderTail | undefined {
    const { node, log } = group
    if (log.lastIndex < node.noopIndex - 1) return undefined
    const tail = new LeaderTail(node.term, new ProducerTail(state))
    for (let lo = group.appliedIndex + 1; lo <= log.lastIndex;) {
      const metas = log.metas(lo, log.lastIndex + 1, scanChunk)
      if (metas.length === 0) throw new Error(`group ${group.group}: entry ${lo} is missing`)
      for (const meta of metas) tail.#append(meta)
      lo += metas.length
    }
    return tail
  }

  /** This leader proposed it, and it stands at `index`. */
  proposed(proposal: Proposal, index: LogIndex): void {
    if (proposal.producerId >= 0) this.producers.append({ ...proposal, index })
  }

  #append(entry: ProducerEnvelope): void {
    if (entry.producerId >= 0) this.producers.append(entry)
  }
}
