/**
 * Cuts and checkpoints as rows, each with a checksum over everything in it: the log begins where a
 * cut says, and applying begins behind a checkpoint, so neither is taken on SQLite's word.
 */
import { crc32c } from "../raft/crc32c.ts"
import type { Configuration, LogCut, LogIndex, Snapshot, Term } from "../raft/types.ts"
import { CorruptRow } from "./directory.ts"
import type { Checkpoint, GroupId } from "./wal.ts"

/** A cut and the chain link of the entry at it. */
export interface StoredCut extends Snapshot {
  readonly chain: number
}

/** A row of `cut`, column by column. */
export interface CutRow {
  readonly group: GroupId
  readonly index: LogIndex
  readonly term: Term
  readonly lastOffset: number
  readonly appendMs: number
  /** JSON; null while it is the one the group was created with. */
  readonly configuration: string | null
  readonly configurationIndex: LogIndex
  readonly chain: number
  readonly state: Uint8Array
  readonly crc: number
}

/** A row of `checkpoint`. */
export interface CheckpointRow {
  readonly group: GroupId
  readonly index: LogIndex
  readonly term: Term
  readonly state: Uint8Array
  readonly crc: number
}

export function encodeCut(group: GroupId, { cut, state, chain }: StoredCut): CutRow {
  const { configuration, ...place } = cut
  const row = {
    ...place,
    group,
    configuration: configuration === null ? null : JSON.stringify(configuration),
    chain,
    state,
    crc: 0,
  }
  return { ...row, crc: cutCrc(row) }
}

/** Throws `CorruptRow` when the row is not what was written. */
export function decodeCut(row: CutRow): StoredCut {
  if (cutCrc(row) !== row.crc) {
    throw new CorruptRow(`cut of group ${row.group}: checksum does not match`)
  }
  const { index, term, lastOffset, appendMs, configurationIndex, chain, state } = row
  // The checksum says that this is the text that `encodeCut` wrote.
  const configuration: Configuration | null =
    row.configuration === null ? null : JSON.parse(row.configuration)
  const cut: LogCut = { index, term, lastOffset, appendMs, configuration, configurationIndex }
  return { cut, state, chain }
}

export function encodeCheckpoint(group: GroupId, checkpoint: Checkpoint): CheckpointRow {
  const { index, term, state } = checkpoint
  const row = { group, index, term, state, crc: 0 }
  return { ...row, crc: checkpointCrc(row) }
}

/** Throws `CorruptRow` when the row is not what was written. */
export function decodeCheckpoint(row: CheckpointRow): Checkpoint {
  if (checkpointCrc(row) !== row.crc) {
    throw new CorruptRow(`checkpoint of group ${row.group}: checksum does not match`)
  }
  return { index: row.index, term: row.term, state: row.state }
}

const encoder = new TextEncoder()

/** CRC-32C of the columns before the state as a JSON array, then the state. */
function crcOf(columns: ReadonlyArray<number | string | null>, state: Uint8Array): number {
  return crc32c(state, 0, state.length, crc32c(encoder.encode(JSON.stringify(columns))))
}

function cutCrc(row: CutRow): number {
  const { group, index, term, lastOffset, appendMs, configuration, configurationIndex } = row
  const columns = [group, index, term, lastOffset, appendMs, configuration, configurationIndex]
  return crcOf([...columns, row.chain], row.state)
}

function checkpointCrc({ group, index, term, state }: CheckpointRow): number {
  return crcOf([group, index, term], state)
}
