/** A partition's derived state as it was at an earlier entry, computed from the log. */
import type { LogIndex } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"
import { decodeCommittedState } from "./committed-state-codec.ts"
import { CommittedState } from "./committed-state.ts"
import type { PartitionConfig } from "./partition-config.ts"

const scanChunk = 512

/** `index` is committed and in the log. */
export function stateAt(log: GroupLog, index: LogIndex, config: PartitionConfig): CommittedState {
  const state = new CommittedState(config)
  for (let next = begin(log, index, state); next <= index;) {
    const metas = log.metas(next, index + 1, scanChunk)
    if (metas.length === 0) throw new Error(`entry ${next} is missing`)
    for (const meta of metas) state.apply(meta)
    next += metas.length
  }
  return state
}

/** From the nearest written state below; returns the first entry that is still to be applied. */
function begin(log: GroupLog, index: LogIndex, state: CommittedState): LogIndex {
  const checkpoint = log.checkpoint()
  if (checkpoint !== undefined && checkpoint.index >= log.cut.index && checkpoint.index <= index) {
    state.restore(decodeCommittedState(checkpoint.state))
    return checkpoint.index + 1
  }
  const snapshot = log.snapshot()
  if (snapshot !== undefined) state.restore(decodeCommittedState(snapshot.state))
  return log.cut.index + 1
}
