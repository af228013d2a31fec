/** Entries for storage tests, sealed as the core seals them; payloads say where they belong. */
import { sealEntry, sealInternal } from "../../raft/entry.ts"
import type { Entry, HardState, Snapshot } from "../../raft/types.ts"
import type { Checkpoint } from "../../storage/index.ts"

export interface DataOptions {
  readonly term?: number
  readonly records?: number
  readonly bytes?: number
  readonly maxTimestamp?: number
  /** Makes payloads of equal (term, index) differ. */
  readonly salt?: number
}

/** A data entry behind a log that ends at `after`. */
export function data(index: number, lastOffset: number, options: DataOptions = {}): Entry {
  const { term = 1, records = 1, bytes = 10, maxTimestamp = 1000 + index, salt = 0 } = options
  return sealEntry("data", term, index, 5000 + index, {
    appendMs: 0,
    firstOffset: lastOffset + 1,
    lastOffset: lastOffset + records,
    maxTimestamp,
    producerId: 2 ** 40 + index,
    producerEpoch: 7,
    baseSequence: index,
    payload: payloadOf(bytes, index * 31 + term * 7 + salt),
  })
}

export function noop(index: number, lastOffset: number, term = 1): Entry {
  return sealInternal("noop", term, index, 5000 + index, lastOffset, new Uint8Array(0))
}

export function configuration(index: number, lastOffset: number, term = 1): Entry {
  return sealInternal("configuration", term, index, 5000 + index, lastOffset, payloadOf(20, index))
}

/** Consecutive data entries of one record each from (index, offset) on. */
export function run(
  count: number,
  index: number,
  lastOffset: number,
  options: DataOptions = {},
): Array<Entry> {
  return Array.from({ length: count }, (_, n) => data(index + n, lastOffset + n, options))
}

export function hardState(term: number, votedFor: string | null = null): HardState {
  return { term, votedFor, commitIndex: term * 2, acceptedTerm: term, standing: "trusted" }
}

/** A snapshot at an entry of the log, or of another log. */
export function snapshotAt(
  { index, term, lastOffset, appendMs }: Pick<Entry, "index" | "term" | "lastOffset" | "appendMs">,
  stateBytes = 30,
): Snapshot {
  const members = {
    voters: ["a", "b", "ü"],
    votersOutgoing: [],
    learners: ["c"],
    learnersNext: [],
    witnesses: ["b"],
  }
  const cut = {
    index,
    term,
    lastOffset,
    appendMs,
    configuration: members,
    configurationIndex: index - 1,
  }
  return { cut, state: payloadOf(stateBytes, index) }
}

export function checkpointAt(index: number, term: number, stateBytes = 40): Checkpoint {
  return { index, term, state: payloadOf(stateBytes, index * 7 + term) }
}

/** As plain data, for `toEqual`: a view on shared memory equals one on its own. */
export function plain(entry: Entry): object {
  const { payload, ...envelope } = entry
  return { ...envelope, payload: Buffer.from(payload).toString("latin1") }
}

function payloadOf(bytes: number, seed: number): Uint8Array {
  const payload = new Uint8Array(bytes)
  let state = seed >>> 0
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    payload[at] = state >>> 24
  }
  return payload
}
