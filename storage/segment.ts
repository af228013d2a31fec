/**
 * Reading one file of the log, by a connection that cannot write. Statements are short and nothing
 * stays open between calls: an open read transaction would keep the -wal from being reused.
 */
import { constants, Database, SQLiteError, type Statement } from "bun:sqlite"
import { pathToFileURL } from "node:url"
import type { LogIndex } from "../raft/types.ts"
import type { BoundaryRow } from "./boundary.ts"
import type { CompactedRow } from "./compacted-row.ts"
import type { CheckpointRow, CutRow } from "./cut-record.ts"
import { CorruptRow, Directory } from "./directory.ts"
import { DirectoryCache } from "./directory-cache.ts"
import type { GroupIndexRow } from "./group-index.ts"
import type { Located, RowSource } from "./row-source.ts"
import type { HardStateRow } from "./hard-state.ts"
import { configureReader } from "./schema.ts"
import type { StateSource } from "./sqlite-group-log.ts"
import type { GroupId } from "./wal.ts"

/** A row as recovery sees it: all but its payload. */
export interface RowHead {
  readonly seq: number
  readonly directory: Uint8Array
  readonly payloadBytes: number
}

/** Entries of the group with an index ≥ `index` and a lower seq are gone. */
export interface Amputation {
  readonly group: GroupId
  readonly seq: number
  readonly index: LogIndex
}

/** The row of the table `segment`. */
export interface SegmentInfo {
  readonly first: number
  readonly last: number
  readonly generation: number
  readonly baseSeq: number
  /** Behind the last seq; null until the file is sealed. */
  readonly endSeq: number | null
  /** What payloads and directories take; null until the file is sealed. */
  readonly bytes: number | null
}

export class Segment implements RowSource, StateSource {
  private readonly db: Database
  private readonly directories: DirectoryCache
  private readonly selectDirectory: Statement<unknown, [number]>
  private readonly selectPayload: Statement<unknown, [number, number, number]>
  /** Rows whose payload was read: what a benchmark divides by. */
  payloadReads = 0

  /**
   * Of a sealed file, SQLite is told that nobody changes it: it takes no locks and looks for no
   * journal.
   */
  constructor(path: string, directories: DirectoryCache | number, sealed = false) {
    this.db = sealed
      ? new Database(`${pathToFileURL(path).href}?immutable=1`, immutableFlags)
      : new Database(path, { readonly: true })
    configureReader(this.db)
    this.directories =
      typeof directories === "number" ? new DirectoryCache(directories) : directories
    this.selectDirectory = this.db.prepare("SELECT directory FROM log WHERE seq = ?1")
    // substr counts from 1.
    this.selectPayload = this.db.prepare(
      "SELECT substr(payload, ?2 + 1, ?3) FROM log WHERE seq = ?1",
    )
  }

  locate(row: number, group: GroupId, lo: number, hi: number): Located {
    const directory = this.directory(row)
    return { directory, slots: directory.slotsOf(group, lo, hi) }
  }

  directory(row: number): Directory {
    const cached = this.directories.get(row)
    if (cached !== undefined) return cached
    const bytes = blob(() => this.selectDirectory.values(row)[0]?.[0])
    if (bytes === undefined) throw new CorruptRow(`row ${row} is gone`)
    const directory = new Directory(row, bytes)
    this.directories.add(directory)
    return directory
  }

  payload(row: number, position: number, length: number): Uint8Array {
    this.payloadReads += 1
    const bytes = blob(() => this.selectPayload.values(row, position, length)[0]?.[0])
    if (bytes === undefined || bytes.length !== length) throw new CorruptRow(`row ${row} is short`)
    return bytes
  }

  /** Undefined when the file never began. */
  info(): SegmentInfo | undefined {
    return this.all<SegmentInfo>(selectSegment)[0]
  }

  /** The next rows above a seq, at most `count`. */
  heads(after: number, count: number): ReadonlyArray<RowHead> {
    const sql = `SELECT seq, directory, length(payload) AS payloadBytes
                 FROM log WHERE seq > ?1 ORDER BY seq LIMIT ?2`
    return this.all<RowHead>(sql, after, count)
  }

  hardStates(): ReadonlyArray<HardStateRow> {
    return this.all(`SELECT grp AS "group", term, voted_for AS votedFor,
      commit_index AS commitIndex, accepted_term AS acceptedTerm, standing, crc FROM hard_state`)
  }

  /** Groups that were dropped, and the seq below which nothing of them counts. */
  dropped(): ReadonlyMap<GroupId, number> {
    const sql = `SELECT grp AS "group", seq FROM dropped`
    const rows = this.all<{ readonly group: GroupId; readonly seq: number }>(sql)
    for (const { group, seq } of rows) checkIntegers("dropped", group, seq)
    return new Map(rows.map(({ group, seq }) => [group, seq]))
  }

  cuts(): ReadonlyArray<CutRow> {
    return this.all(selectCuts)
  }

  cutRow(group: GroupId): CutRow | undefined {
    return this.all<CutRow>(`${selectCuts} WHERE grp = ?1`, group)[0]
  }

  /** Of which entries there are checkpoints; their states are not looked at. */
  checkpoints(): ReadonlyArray<Pick<CheckpointRow, "group" | "index" | "term">> {
    return this.all(`SELECT grp AS "group", idx AS "index", term FROM checkpoint`)
  }

  checkpointRow(group: GroupId): CheckpointRow | undefined {
    const sql = `SELECT grp AS "group", idx AS "index", term, state, crc
                 FROM checkpoint WHERE grp = ?1`
    return this.all<CheckpointRow>(sql, group)[0]
  }

  /** None in a file of an earlier version that was sealed. */
  compacted(): ReadonlyArray<CompactedRow> {
    const known = this.all<{ readonly name: string }>(selectTable)
    if (known.length === 0) return []
    return this.all(`SELECT grp AS "group", idx AS "index", tombstones, crc FROM compacted`)
  }

  /** Truncations without an append, in the order of seq. */
  amputations(): ReadonlyArray<Amputation> {
    const sql = `SELECT grp AS "group", seq, idx AS "index" FROM amputated ORDER BY seq, grp`
    const rows = this.all<Amputation>(sql)
    for (const { group, seq, index } of rows) checkIntegers("amputated", group, seq, index)
    return rows
  }

  boundaries(): ReadonlyArray<BoundaryRow> {
    return this.all(
      `SELECT grp AS "group", last_append_ms AS lastAppendMs, runs, crc FROM boundary`,
    )
  }

  groupIndexes(): ReadonlyArray<GroupIndexRow> {
    return this.all(selectGroupIndexes)
  }

  groupIndex(group: GroupId): GroupIndexRow | undefined {
    return this.all<GroupIndexRow>(`${selectGroupIndexes} WHERE grp = ?1`, group)[0]
  }

  /** Nothing is counted in a single file. */
  fileEnd(): number {
    return Infinity
  }

  released(): void {}

  close(): void {
    this.selectDirectory.finalize()
    this.selectPayload.finalize()
    this.db.close()
  }

  /** `Row` says what the statement's columns are. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
  private all<Row>(sql: string, ...parameters: Array<number>): ReadonlyArray<Row> {
    return damageAsCorruptRow(() => this.db.query<Row, Array<number>>(sql).all(...parameters))
  }
}

/** A page that is not what it was may be read as rows of nothing. */
function checkIntegers(table: string, group: GroupId, ...positions: Array<number>): void {
  const sound = positions.every((at) => Number.isSafeInteger(at) && at >= 1)
  if (!Number.isSafeInteger(group) || !sound) throw new CorruptRow(`a row of ${table} is none`)
}

const immutableFlags = constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI

export const selectSegment =
  "SELECT first, last, generation, base_seq AS baseSeq, end_seq AS endSeq, bytes FROM segment"

const selectTable = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'compacted'"

const selectCuts = `SELECT grp AS "group", idx AS "index", term, last_offset AS lastOffset,
    append_ms AS appendMs, configuration, configuration_index AS configurationIndex, chain, state,
    crc FROM cut`

const selectGroupIndexes = `SELECT grp AS "group", first_index AS firstIndex,
    last_index AS lastIndex, first_offset AS firstOffset, last_offset AS lastOffset, records, bytes,
    max_timestamp AS maxTimestamp, terms, configurations, extents, crc FROM group_index`

/** A blob column as bytes; undefined when the row is not there. */
function blob(read: () => unknown): Uint8Array | undefined {
  const value = damageAsCorruptRow(read)
  if (value === undefined) return undefined
  // bun:sqlite hands an empty blob out as null in some positions.
  if (value === null) return new Uint8Array(0)
  if (!(value instanceof Uint8Array)) throw new CorruptRow("column is not a blob")
  return value
}

/** SQLite's own word for damage, in the words of this log. Other errors (I/O, busy) pass. */
function damageAsCorruptRow<A>(read: () => A): A {
  try {
    return read()
  } catch (error) {
    if (error instanceof SQLiteError && /CORRUPT|NOTADB/.test(error.code ?? "")) {
      throw new CorruptRow(error.message)
    }
    throw error
  }
}
