/**
 * A hard state as a row, with a checksum: SQLite does not notice a flipped bit in a column, and a
 * vote is a promise.
 */
import { crc32c } from "../raft/crc32c.ts"
import { emptyHardState } from "../raft/types.ts"
import type { HardState } from "../raft/types.ts"
import { CorruptRow } from "./directory.ts"
import type { GroupId } from "./wal.ts"

/** A row of `hard_state`. */
export interface HardStateRow extends HardState {
  readonly group: GroupId
  readonly crc: number
}

const encoder = new TextEncoder()

export function encodeHardState(group: GroupId, state: HardState): HardStateRow {
  return { ...state, group, crc: hardStateCrc(group, state) }
}

/** Throws `CorruptRow` when the row is not what was written. */
export function decodeHardState({ group, crc, ...state }: HardStateRow): HardState {
  if (hardStateCrc(group, state) !== crc) {
    throw new CorruptRow(`hard state of group ${group}: checksum does not match`)
  }
  return state
}

/** The hard state once the log has lost entries. */
export function distrusted(state: HardState): HardState {
  return state.standing === "trusted" ? { ...state, standing: "recovering" } : state
}

/** Of a group that a forgetful disk does not know (Wal.forgetful). */
export const forgottenHardState: HardState = { ...emptyHardState, standing: "amnesiac" }

/** What stays of a log that is emptied: promises, and no claim to what was acknowledged. */
export function retired(state: HardState): HardState {
  return { ...distrusted(state), commitIndex: 0, acceptedTerm: 0 }
}

/**
 * CRC-32C of the columns but `crc`, in the order of the table, as a JSON array; without the
 * standing while it is "trusted", as in files from before there was one.
 */
function hardStateCrc(group: GroupId, state: HardState): number {
  const { term, votedFor, commitIndex, acceptedTerm, standing } = state
  const columns = [group, term, votedFor, commitIndex, acceptedTerm]
  if (standing !== "trusted") columns.push(standing)
  return crc32c(encoder.encode(JSON.stringify(columns)))
}
