/**
 * What else a partition's committed batches drive, on every replica of it (the group coordinator of
 * a partition of `__consumer_offsets`). Its state is a function of the log, as the partition's own
 * is, and is kept in the same checkpoints and snapshots.
 */
import type { LogIndex, Term } from "../../raft/types.ts"
import type { EntryMeta } from "../../storage/wal.ts"
import { DecodeError } from "../protocol/errors.ts"

export interface PartitionObserver {
  /** A committed batch, in order, once each; before anybody hears that it is committed. */
  applied(meta: EntryMeta, payload: () => Uint8Array): void
  /** The same bytes on every replica that has applied as much. */
  encode(): Uint8Array
  /** Becomes what `encode` wrote, here or on another replica. */
  restore(state: Uint8Array): void
  /** This node leads, and everything that was committed before its term is applied. */
  elected(term: Term): void
  /** It leads that term no more. */
  resigned(): void
  /** Another one that has seen nothing and nobody elects: for the state at an earlier entry. */
  fresh(): PartitionObserver
}

/**
 * From where on an observer may be fed again after a restart. What compaction has emptied since
 * must not matter to it: a tombstone that it has not seen leaves what it deleted.
 */
export class WrittenStates {
  /** Certainly durable: another one was written since, or it was read. */
  index: LogIndex = 0
  #last: LogIndex = 0

  written(index: LogIndex): void {
    this.index = this.#last
    this.#last = index
  }

  read(index: LogIndex): void {
    this.index = index
    this.#last = index
  }
}

/**
 * Entries that take no offset are none: no-ops, memberships, what a partition does to its own log;
 * nor is one of which compaction has left nothing.
 */
export const isBatch = (meta: EntryMeta): boolean =>
  meta.type === "data" && meta.lastOffset >= meta.firstOffset && meta.payloadBytes > 0

/** In place of the version that a partition's own state begins with. */
const bothParts = 0x4f42
const headerBytes = 6

/** A partition's own state and its observer's, as one. */
export function joinStates(own: Uint8Array, observed: Uint8Array): Uint8Array {
  const joined = new Uint8Array(headerBytes + own.length + observed.length)
  const view = new DataView(joined.buffer)
  view.setUint16(0, bothParts)
  view.setUint32(2, own.length)
  joined.set(own, headerBytes)
  joined.set(observed, headerBytes + own.length)
  return joined
}

export interface SplitState {
  readonly own: Uint8Array
  /** Undefined: written while the partition had no observer. */
  readonly observed: Uint8Array | undefined
}

export function splitState(state: Uint8Array): SplitState {
  const view = new DataView(state.buffer, state.byteOffset, state.length)
  if (state.length < headerBytes || view.getUint16(0) !== bothParts) {
    return { own: state, observed: undefined }
  }
  const end = headerBytes + view.getUint32(2)
  if (end > state.length) throw new DecodeError("a partition's state cut short")
  return { own: state.subarray(headerBytes, end), observed: state.subarray(end) }
}
