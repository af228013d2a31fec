/**
 * Opening a log: read every directory (no payload), replay them in the order of seq, verify what is
 * there against itself. Damage found here refuses the open: a node that does not know its own log
 * must not vote with it.
 */
import type { LogIndex } from "../raft/types.ts"
import { decodeCut } from "./cut-record.ts"
import { CorruptRow, Directory } from "./directory.ts"
import type { Located, RowSource } from "./group-state.ts"
import { decodeHardState } from "./hard-state.ts"
import type { Pragmas } from "./schema.ts"
import type { Amputation, RowHead, Segment } from "./segment.ts"
import type { SqliteGroupLog } from "./sqlite-group-log.ts"
import type { GroupId } from "./wal.ts"

/** Directories fetched by one statement: bounds what recovery holds in memory. */
const rowsPerRead = 256

export interface RecoveryReport {
  readonly groups: number
  readonly rows: number
  /** Entries in the log, and those in the file that were replaced or whose group was dropped. */
  readonly entries: number
  readonly entriesReplaced: number
  readonly payloadBytes: number
  /** The next entry's seq. */
  readonly nextSeq: number
  readonly elapsedMs: number
  readonly pragmas: Pragmas
  /**
   * The journal found: 0 bytes after an orderly close. SQLite drops what follows its first bad
   * frame unsaid.
   */
  readonly journal: JournalReport
}

export interface JournalReport {
  /** Length of the -wal before SQLite opened it. */
  readonly bytesFound: number
  /** Pages taken over from it into the database. */
  readonly pagesReplayed: number
}

/** The file holds rows that are not what was written. */
export class CorruptLog extends Error {
  readonly damages: ReadonlyArray<string>
  constructor(path: string, damages: ReadonlyArray<string>) {
    super(`${path}: ${damages.join("; ")}`)
    this.name = "CorruptLog"
    this.damages = damages
  }
}

export interface Replayed {
  readonly rows: number
  readonly slots: number
  readonly nextSeq: number
}

/** Fills the logs from the segment. Throws `CorruptRow` or `CorruptEntry` at the first damage. */
export function replay(segment: Segment, logOf: (group: GroupId) => SqliteGroupLog): Replayed {
  const replaying = new Replay(segment, logOf)
  let rows = 0
  let nextSeq = 1
  let slots = 0
  for (;;) {
    const heads = segment.heads(nextSeq - 1, rowsPerRead)
    for (const head of heads) {
      const directory = readHead(head, nextSeq)
      replaying.row(directory)
      nextSeq = directory.seq + directory.count
      slots += directory.count
    }
    rows += heads.length
    if (heads.length < rowsPerRead) break
  }
  return { rows, slots, nextSeq: Math.max(nextSeq, replaying.finish()) }
}

/** The order of what happened: rows, and between them drops, installed cuts and amputations. */
class Replay {
  private readonly segment: Segment
  private readonly logOf: (group: GroupId) => SqliteGroupLog
  private readonly dropped: ReadonlyMap<GroupId, number>
  /** Oldest last. */
  private readonly amputations: Array<Amputation>
  private readonly touched = new Set<SqliteGroupLog>()

  constructor(segment: Segment, logOf: (group: GroupId) => SqliteGroupLog) {
    this.segment = segment
    this.logOf = logOf
    this.dropped = segment.dropped()
    this.amputations = [...segment.amputations()].toReversed()
  }

  row(directory: Directory): void {
    const source = new ReplaySource(this.segment, directory)
    for (let slot = 0; slot < directory.count; slot++) {
      const seq = directory.seq + slot
      source.slotLimit = slot
      this.amputate(seq, source)
      const group = directory.group(slot)
      if (seq < (this.dropped.get(group) ?? 0)) continue
      if (directory.kind(slot) !== "append") {
        throw new CorruptRow(
          `row ${directory.seq}: a kind of entry that this version does not know`,
        )
      }
      const log = this.from(group, source)
      const meta = directory.meta(slot)
      log.replayAppend(meta, meta.payloadBytes, directory.seq, directory.chain(slot))
    }
    for (const log of this.touched) log.readFrom(this.segment)
    this.touched.clear()
  }

  /** The tables of the newest states. Answers a seq that is above all that are spoken of. */
  finish(): number {
    const { segment, logOf } = this
    let nextSeq = 1
    for (const { seq } of this.amputations) nextSeq = Math.max(nextSeq, seq)
    for (const seq of this.dropped.values()) nextSeq = Math.max(nextSeq, seq)
    this.amputate(Infinity, segment)
    for (const row of segment.cuts()) {
      const { cut, chain } = decodeCut(row)
      logOf(row.group).replayCut(cut, chain)
    }
    for (const row of segment.hardStates()) {
      logOf(row.group).storedHardState = decodeHardState(row)
    }
    for (const { group, index, term } of segment.checkpoints()) {
      logOf(group).checkpointAt = { index, term }
    }
    return nextSeq
  }

  /** Carries out the truncations below a seq that no append brought. */
  private amputate(beforeSeq: number, source: RowSource): void {
    for (let next = this.amputations.at(-1); next !== undefined; next = this.amputations.at(-1)) {
      if (next.seq > beforeSeq) return
      this.amputations.pop()
      if (next.seq < (this.dropped.get(next.group) ?? 0)) continue
      this.from(next.group, source).truncateFrom(next.index)
    }
  }

  private from(group: GroupId, source: RowSource): SqliteGroupLog {
    const log = this.logOf(group)
    log.readFrom(source)
    this.touched.add(log)
    return log
  }
}

/** Seqs are handed out without gaps, so a missing row in the middle shows. */
function readHead(
  { seq, directory: bytes, payloadBytes }: RowHead,
  expectedSeq: number,
): Directory {
  if (seq !== expectedSeq) throw new CorruptRow(`row ${expectedSeq} is missing, next is ${seq}`)
  const directory = new Directory(seq, bytes)
  if (directory.payloadBytes !== payloadBytes) {
    throw new CorruptRow(`row ${seq}: ${payloadBytes} payload bytes of ${directory.payloadBytes}`)
  }
  if (directory.count === 0) throw new CorruptRow(`row ${seq} is empty`)
  return directory
}

/** The file before the current slot was appended: later slots of its row are not there yet. */
class ReplaySource implements RowSource {
  slotLimit = 0
  private readonly segment: Segment
  private readonly current: Directory

  constructor(segment: Segment, current: Directory) {
    this.segment = segment
    this.current = current
  }

  locate(row: number, group: GroupId, lo: LogIndex, hi: LogIndex): Located {
    if (row !== this.current.seq) return this.segment.locate(row, group, lo, hi)
    return {
      directory: this.current,
      slots: this.current.slotsOf(group, lo, hi, this.slotLimit),
    }
  }

  payload(row: number, position: number, bytes: number): Uint8Array {
    return this.segment.payload(row, position, bytes)
  }
}
