/**
 * Opening the sealed files: from the boundaries in the newest file and the indexes in the others,
 * without a look at their directories.
 */
import { decodeBoundary, type Boundary } from "./boundary.ts"
import type { Damages } from "./damages.ts"
import { CorruptRow } from "./directory.ts"
import { decodeGroupIndex, type GroupIndex, type GroupIndexRow } from "./group-index.ts"
import { indexOf } from "./seal.ts"
import type { Segment } from "./segment.ts"
import type { SegmentFile, Segments } from "./segments.ts"
import type { SqliteGroupLog } from "./sqlite-group-log.ts"
import type { GroupId } from "./wal.ts"

/**
 * Gives every log the entries it had when the newest file was begun. What is not in the files any
 * more is left as a hole; the replay of the newest file must do away with every one of them.
 */
export function restoreSealed(
  segments: Segments,
  active: Segment,
  logOf: (group: GroupId) => SqliteGroupLog,
  damages: Damages,
): void {
  const { baseSeq } = segments.active
  const dropped = active.dropped()
  const boundaries: Array<Boundary> = []
  for (const row of active.boundaries()) {
    // Everything of the group that the boundary speaks of is gone since then.
    if ((dropped.get(row.group) ?? 0) >= baseSeq) continue
    const boundary = readBoundary(row, damages)
    if (boundary !== undefined) boundaries.push(boundary)
  }
  const waiting = boundaries.map(({ group, runs }) => ({ log: logOf(group), runs: [...runs] }))
  for (const file of segments.all.slice(0, -1)) {
    const index = new FileIndex(file)
    for (const { log, runs } of waiting) {
      for (let run = runs[0]; run !== undefined && run.row < file.endSeq; run = runs[0]) {
        runs.shift()
        const part = run.row < file.baseSeq ? undefined : index.of(log.group)
        damages.guard(log.group, () => log.restore(run, part))
      }
    }
  }
  for (const { log, runs } of waiting) {
    for (const run of runs) damages.guard(log.group, () => log.restore(run, undefined))
  }
  for (const { group, lastAppendMs } of boundaries) logOf(group).lastAppendMs = lastAppendMs
}

function readBoundary(row: Parameters<typeof decodeBoundary>[0], damages: Damages) {
  try {
    return decodeBoundary(row)
  } catch (error) {
    if (!(error instanceof CorruptRow)) throw error
    damages.group(row.group, error.message, true)
    return undefined
  }
}

/** The indexes of one file, decoded as they are asked for. A damaged one is made again. */
class FileIndex {
  private readonly file: SegmentFile
  private rows: ReadonlyMap<GroupId, GroupIndexRow> | undefined
  private remade: ReadonlyMap<GroupId, GroupIndex> | undefined

  constructor(file: SegmentFile) {
    this.file = file
  }

  of(group: GroupId): GroupIndex | undefined {
    if (this.remade === undefined) {
      try {
        this.rows ??= new Map(this.file.open.groupIndexes().map((row) => [row.group, row]))
        const row = this.rows.get(group)
        if (row !== undefined) return decodeGroupIndex(row)
      } catch (error) {
        if (!(error instanceof CorruptRow)) throw error
      }
    }
    this.remade ??= this.remake()
    return this.remade.get(group)
  }

  private remake(): ReadonlyMap<GroupId, GroupIndex> {
    try {
      return new Map(indexOf(this.file.open).groups.map((index) => [index.group, index]))
    } catch (error) {
      // SQLite cannot read the file any more: its entries are missing.
      if (!(error instanceof CorruptRow)) throw error
      return new Map()
    }
  }
}
