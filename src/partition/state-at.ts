/** A partition's derived state as it was at an earlier entry, computed from the log. */
import type { LogIndex } from "../../raft/types.ts"
import type { GroupLog } from "../../storage/wal.ts"
import { decodeCommittedState, encodeCommittedState } from "./committed-state-codec.ts"
import { CommittedState } from "./committed-state.ts"
import { isBatch, joinStates, splitState } from "./observer.ts"
import type { PartitionObserver } from "./observer.ts"
import type { PartitionConfig } from "./partition-config.ts"

const scanChunk = 512

/** With an observer its state stands behind the partition's own. */
export function encodeStates(
  state: CommittedState,
  observer: PartitionObserver | undefined,
): Uint8Array {
  const own = encodeCommittedState(state)
  return observer === undefined ? own : joinStates(own, observer.encode())
}

/** Walks from the nearest written state below an entry up to it, as far at a time as asked. */
export class StateAt {
  /** The state is the one at this entry. */
  index: LogIndex
  readonly #log: GroupLog
  readonly #state: CommittedState
  readonly #observer: PartitionObserver | undefined

  /** `index` is committed and in the log. A fresh `observer` is brought there, too. */
  constructor(
    log: GroupLog,
    index: LogIndex,
    config: PartitionConfig,
    observer: PartitionObserver | undefined,
  ) {
    this.#log = log
    this.#state = new CommittedState(config)
    this.#observer = observer
    this.index = this.#begin(index)
  }

  /** From the nearest written state below; returns where that is. */
  #begin(index: LogIndex): LogIndex {
    const { cut } = this.#log
    const checkpoint = this.#log.checkpoint()
    const usable =
      checkpoint !== undefined && checkpoint.index >= cut.index && checkpoint.index <= index
    const written = usable ? checkpoint : this.#log.snapshot()
    if (written !== undefined) this.#restore(written.state)
    return usable ? checkpoint.index : cut.index
  }

  #restore(bytes: Uint8Array): void {
    const { own, observed } = splitState(bytes)
    this.#state.restore(decodeCommittedState(own))
    if (observed !== undefined) this.#observer?.restore(observed)
  }

  /** On to `target`, over at most so many entries; returns over how many. */
  advance(target: LogIndex, entriesMax: number): number {
    const end = Math.min(target, this.index + entriesMax)
    const from = this.index
    while (this.index < end) {
      const lo = this.index + 1
      const metas = this.#log.metas(lo, end + 1, scanChunk)
      if (metas.length === 0) throw new Error(`entry ${lo} is missing`)
      for (const meta of metas) {
        const payload = () => payloadOf(this.#log, meta.index)
        this.#state.apply(meta, payload)
        if (isBatch(meta)) this.#observer?.applied(meta, payload)
      }
      this.index += metas.length
    }
    return end - from
  }

  encode(): Uint8Array {
    return encodeStates(this.#state, this.#observer)
  }
}

function payloadOf(log: GroupLog, index: LogIndex): Uint8Array {
  const entry = log.entries(index, index + 1, 0)[0]
  if (entry === undefined) throw new Error(`entry ${index} is missing`)
  return entry.payload
}
