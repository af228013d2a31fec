/**
 * Where every group's log lay when a file was begun: written with the file's first transaction, so
 * that what the sealed files before it did to each other (overwrites, cuts, drops) need not be
 * worked out again, and none of them is needed once nothing of it is alive.
 */
import { crc32c } from "../raft/crc32c.ts"
import type { LogIndex } from "../raft/types.ts"
import { CorruptRow } from "./directory.ts"
import type { GroupId } from "./wal.ts"

/** Consecutive entries in one file. */
export interface Run {
  /** Seq of the row that the first one is in: says which file. */
  readonly row: number
  readonly first: LogIndex
  readonly last: LogIndex
}

export interface Boundary {
  readonly group: GroupId
  readonly lastAppendMs: number
  /** Ascending, without gaps; empty for a log without entries. */
  readonly runs: ReadonlyArray<Run>
}

/** A row of `boundary`. */
export interface BoundaryRow {
  readonly group: GroupId
  readonly lastAppendMs: number
  /** JSON: a triple for each run. */
  readonly runs: string
  readonly crc: number
}

const encoder = new TextEncoder()

export function encodeBoundary({ group, lastAppendMs, runs }: Boundary): BoundaryRow {
  const row = {
    group,
    lastAppendMs,
    runs: JSON.stringify(runs.map(({ row: at, first, last }) => [at, first, last])),
    crc: 0,
  }
  return { ...row, crc: crcOf(row) }
}

/** Throws `CorruptRow` when the row is not what was written. */
export function decodeBoundary(row: BoundaryRow): Boundary {
  if (crcOf(row) !== row.crc) {
    throw new CorruptRow(`boundary of group ${row.group}: checksum does not match`)
  }
  const triples: ReadonlyArray<readonly [number, number, number]> = JSON.parse(row.runs)
  const runs = triples.map(([at, first, last]) => ({ row: at, first, last }))
  return { group: row.group, lastAppendMs: row.lastAppendMs, runs }
}

function crcOf({ group, lastAppendMs, runs }: BoundaryRow): number {
  return crc32c(encoder.encode(JSON.stringify([group, lastAppendMs, runs])))
}
