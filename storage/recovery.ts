/**
 * Opening a log: read every directory (no payload), replay them in the order of seq, verify what is
 * there against itself. Damage does not refuse the open: each group keeps its longest sound prefix,
 * and what was found is reported, for a node that does not know its own log must not vote with it.
 */
import type { LogIndex } from "../raft/types.ts"
import type { Autopsy } from "./autopsy.ts"
import { decodeCompacted } from "./compacted-row.ts"
import { decodeCut } from "./cut-record.ts"
import type { Damages } from "./damages.ts"
import { CorruptRow, Directory } from "./directory.ts"
import type { Located, RowSource } from "./row-source.ts"
import { decodeHardState } from "./hard-state.ts"
import type { Pragmas } from "./schema.ts"
import type { Amputation, RowHead, Segment } from "./segment.ts"
import type { SqliteGroupLog } from "./sqlite-group-log.ts"
import { CorruptEntry, type GroupId } from "./wal.ts"

/** Directories fetched by one statement: bounds what recovery holds in memory. */
const rowsPerRead = 256

export interface RecoveryReport {
  readonly groups: number
  readonly segments: number
  /** Of the newest file: only that one's directories are read. */
  readonly rows: number
  /** In it, also those that were replaced, cut off or dropped. */
  readonly slots: number
  readonly entries: number
  readonly payloadBytes: number
  /** Stored and of no use any more. */
  readonly deadBytes: number
  /** The next entry's seq. */
  readonly nextSeq: number
  readonly elapsedMs: number
  readonly pragmas: Pragmas
  /** The journal found: 0 bytes after an orderly close. */
  readonly journal: JournalReport
  /** What was lost and what is done about it; empty when nothing was. */
  readonly losses: ReadonlyArray<string>
}

export interface JournalReport extends Autopsy {
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
  /** Of all slots, also those that do not count any more. */
  readonly payloadBytes: number
  readonly nextSeq: number
}

/**
 * Fills the logs from the segment; rows of files before it are read from `source`. Throws
 * `CorruptRow` when SQLite itself cannot read on.
 */
export function replay(
  segment: Segment,
  source: RowSource,
  logOf: (group: GroupId) => SqliteGroupLog,
  damages: Damages,
): Replayed {
  const replaying = new Replay(segment, source, logOf, damages)
  let rows = 0
  let nextSeq = segment.info()?.baseSeq ?? 1
  let slots = 0
  let payloadBytes = 0
  let known = true
  for (;;) {
    const heads = segment.heads(nextSeq - 1, rowsPerRead)
    for (const head of heads) {
      const found = readHead(head, nextSeq)
      if (typeof found === "string") {
        damages.rows.push(found)
        nextSeq = Math.max(nextSeq, head.seq) + 1
        known = false
        continue
      }
      // How far an unreadable row reached is not known: what is missing behind it may be its own.
      if (known && found.seq > nextSeq) damages.rows.push(`row ${nextSeq} is missing`)
      replaying.row(found)
      nextSeq = found.seq + found.count
      slots += found.count
      payloadBytes += found.payloadBytes
      known = true
    }
    rows += heads.length
    if (heads.length < rowsPerRead) break
  }
  return { rows, slots, payloadBytes, nextSeq: Math.max(nextSeq, replaying.finish()) }
}

/** The order of what happened: rows, and between them drops, installed cuts and amputations. */
class Replay {
  private readonly segment: Segment
  private readonly source: RowSource
  private readonly logOf: (group: GroupId) => SqliteGroupLog
  private readonly dropped: ReadonlyMap<GroupId, number>
  /** Oldest last. */
  private readonly amputations: Array<Amputation>
  private readonly touched = new Set<SqliteGroupLog>()
  private readonly damages: Damages

  constructor(
    segment: Segment,
    source: RowSource,
    logOf: (group: GroupId) => SqliteGroupLog,
    damages: Damages,
  ) {
    this.segment = segment
    this.source = source
    this.damages = damages
    this.logOf = logOf
    this.dropped = segment.dropped()
    this.amputations = [...segment.amputations()].toReversed()
  }

  row(directory: Directory): void {
    const source = new ReplaySource(this.source, directory)
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
      try {
        log.replayAppend(meta, meta.payloadBytes, directory.seq, directory.chain(slot))
      } catch (error) {
        if (!(error instanceof CorruptEntry)) throw error
        this.damages.group(group, error.message)
      }
    }
    for (const log of this.touched) log.readFrom(this.source)
    this.touched.clear()
  }

  /** The tables of the newest states. Answers a seq that is above all that are spoken of. */
  finish(): number {
    const { segment, logOf } = this
    let nextSeq = 1
    for (const { seq } of this.amputations) nextSeq = Math.max(nextSeq, seq)
    for (const seq of this.dropped.values()) nextSeq = Math.max(nextSeq, seq)
    this.amputate(Infinity, this.source)
    for (const row of segment.cuts()) {
      const stored = sound(() => decodeCut(row))
      if (typeof stored === "string") this.damages.group(row.group, stored, true)
      else logOf(row.group).replayCut(stored.cut, stored.chain)
    }
    for (const row of segment.hardStates()) {
      const state = sound(() => decodeHardState(row))
      if (typeof state === "string") this.damages.states.set(row.group, state)
      else logOf(row.group).storedHardState = state
    }
    for (const { group, index, term } of segment.checkpoints()) {
      logOf(group).checkpointAt = { index, term }
    }
    for (const row of segment.compacted()) {
      const log = logOf(row.group)
      log.writtenCompacted = log.compacted = decodeCompacted(row)
    }
    return nextSeq
  }

  /** Carries out the truncations below a seq that no append brought. */
  private amputate(beforeSeq: number, source: RowSource): void {
    for (let next = this.amputations.at(-1); next !== undefined; next = this.amputations.at(-1)) {
      if (next.seq > beforeSeq) return
      this.amputations.pop()
      if (next.seq < (this.dropped.get(next.group) ?? 0)) continue
      const log = this.from(next.group, source)
      if (next.index <= log.lastIndex + 1) this.damages.forgive(next.group)
      const { index } = next
      this.damages.guard(next.group, () => log.truncateFrom(index))
    }
  }

  private from(group: GroupId, source: RowSource): SqliteGroupLog {
    const log = this.logOf(group)
    log.readFrom(source)
    this.touched.add(log)
    return log
  }
}

/** The row's directory, or what is wrong with it. */
function readHead(
  { seq, directory: bytes, payloadBytes }: RowHead,
  expectedSeq: number,
): Directory | string {
  // A flipped bit in the row's own header makes another type of it.
  if (!(bytes instanceof Uint8Array)) return `row ${seq}: directory is not a blob`
  const directory = sound(() => new Directory(seq, bytes))
  if (typeof directory === "string") return `row ${seq}: ${directory}`
  if (directory.seq < expectedSeq) return `row ${seq}: overlaps the one before`
  if (directory.payloadBytes !== payloadBytes) {
    return `row ${seq}: ${payloadBytes} payload bytes of ${directory.payloadBytes}`
  }
  return directory.count === 0 ? `row ${seq}: empty` : directory
}

/** What was read, or why it is not what was written. */
function sound<A>(read: () => A): A | string {
  try {
    return read()
  } catch (error) {
    // Columns of another type than they were written with make the decoders throw these.
    const expected = [CorruptRow, TypeError, RangeError]
    if (error instanceof Error && expected.some((kind) => error instanceof kind)) {
      return error.message
    }
    throw error
  }
}

/** The file before the current slot was appended: later slots of its row are not there yet. */
class ReplaySource implements RowSource {
  slotLimit = 0
  private readonly before: RowSource
  private readonly current: Directory

  constructor(before: RowSource, current: Directory) {
    this.before = before
    this.current = current
  }

  locate(row: number, group: GroupId, lo: LogIndex, hi: LogIndex): Located {
    if (row !== this.current.seq) return this.before.locate(row, group, lo, hi)
    return {
      directory: this.current,
      slots: this.current.slotsOf(group, lo, hi, this.slotLimit),
    }
  }

  payload(row: number, position: number, bytes: number): Uint8Array {
    return this.before.payload(row, position, bytes)
  }

  /** Counting begins when the replay is done. */
  fileEnd(): number {
    return Infinity
  }

  released(): void {}
}
