/** A partition's derived state as it was at an earlier entry, computed from the log. */
import type { LogIndex } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"
import { decodeCommittedState } from "./committed-state-codec.ts"
import { CommittedState } from "./committed-state.ts"
import { isBatch, splitState } from "./observer.ts"
import type { PartitionObserver } from "./observer.ts"
import type { PartitionConfig } from "./partition-config.ts"

const scanChunk = 512

/** `index` is committed and in the log. A fresh `observer` is brought there, too. */
export function stateAt(
  log: GroupLog,
  index: LogIndex,
  config: PartitionConfig,
  observer?: PartitionObserver,
): CommittedState {
  const state = new CommittedState(config)
  for (let next = begin(log, index, state, observer); next <= index;) {
    const metas = log.metas(next, index + 1, scanChunk)
    if (metas.length === 0) throw new Error(`entry ${next} is missing`)
    for (const meta of metas) {
      const payload = () => payloadOf(log, meta.index)
      state.apply(meta, payload)
      if (observer !== undefined && isBatch(meta)) observer.applied(meta, payload)
    }
    next += metas.length
  }
  return state
}

function payloadOf(log: GroupLog, index: LogIndex): Uint8Array {
  const entry = log.entries(index, index + 1, 0)[0]
  if (entry === undefined) throw new Error(`entry ${index} is missing`)
  return entry.payload
}

/** From the nearest written state below; returns the first entry that is still to be applied. */
function begin(
  log: GroupLog,
  index: LogIndex,
  state: CommittedState,
  observer: PartitionObserver | undefined,
): LogIndex {
  const restore = (bytes: Uint8Array): void => {
    const { own, observed } = splitState(bytes)
    state.restore(decodeCommittedState(own))
    if (observed !== undefined) observer?.restore(observed)
  }
  const checkpoint = log.checkpoint()
  if (checkpoint !== undefined && checkpoint.index >= log.cut.index && checkpoint.index <= index) {
    restore(checkpoint.state)
    return checkpoint.index + 1
  }
  const snapshot = log.snapshot()
  if (snapshot !== undefined) restore(snapshot.state)
  return log.cut.index + 1
}
