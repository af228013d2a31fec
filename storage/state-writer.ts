/**
 * Everything of a file but its rows: states, boundaries, indexes and what is gone. Writer's side.
 */
import type { Database, Statement } from "bun:sqlite"
import { encodeBoundary, type Boundary } from "./boundary.ts"
import { encodeCompacted } from "./compacted-row.ts"
import { encodeCheckpoint, encodeCut } from "./cut-record.ts"
import { encodeGroupIndex, type GroupIndex } from "./group-index.ts"
import { encodeHardState } from "./hard-state.ts"
import type { SegmentInfo } from "./segment.ts"
import type { Transaction } from "./segment-writer.ts"
import type { GroupId } from "./wal.ts"

type SegmentStart = Omit<SegmentInfo, "endSeq" | "bytes">

/** Of groups as they are now. */
const stateTables = ["hard_state", "cut", "checkpoint", "compacted"] as const

export class StateWriter {
  private readonly statements: Array<Statement> = []
  private readonly deletes: ReadonlyArray<Statement>
  private readonly upsertFloor: Statement
  private readonly upsertAmputated: Statement
  private readonly upsertHardState: Statement
  private readonly upsertCut: Statement
  private readonly upsertCheckpoint: Statement
  private readonly upsertCompacted: Statement

  private readonly db: Database

  constructor(db: Database) {
    this.db = db
    const prepare = (sql: string): Statement => {
      const statement = db.prepare(sql)
      this.statements.push(statement)
      return statement
    }
    this.deletes = stateTables.map((table) => prepare(`DELETE FROM ${table} WHERE grp = ?1`))
    this.upsertFloor = prepare("INSERT OR REPLACE INTO dropped (grp, seq) VALUES (?1, ?2)")
    this.upsertAmputated = prepare(
      `INSERT INTO amputated (grp, seq, idx) VALUES (?1, ?2, ?3)
       ON CONFLICT (grp, seq) DO UPDATE SET idx = min(idx, ?3)`,
    )
    this.upsertHardState = prepare(
      `INSERT INTO hard_state (grp, term, voted_for, commit_index, accepted_term, standing, crc)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
       ON CONFLICT (grp) DO UPDATE SET term = ?2, voted_for = ?3, commit_index = ?4,
         accepted_term = ?5, standing = ?6, crc = ?7`,
    )
    this.upsertCut = prepare(
      `INSERT OR REPLACE INTO cut
         (grp, idx, term, last_offset, append_ms, configuration, configuration_index, chain, crc,
          state)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
    )
    this.upsertCheckpoint = prepare(
      "INSERT OR REPLACE INTO checkpoint (grp, idx, term, crc, state) VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    this.upsertCompacted = prepare(
      "INSERT OR REPLACE INTO compacted (grp, idx, tombstones, crc) VALUES (?1, ?2, ?3, ?4)",
    )
  }

  write(transaction: Transaction): void {
    for (const group of transaction.dropped) this.forget(group)
    for (const [group, seq] of transaction.floors) this.upsertFloor.run(group, seq)
    for (const { group, seq, index } of transaction.amputations) {
      this.upsertAmputated.run(group, seq, index)
    }
    for (const [group, state] of transaction.hardStates) {
      const { term, votedFor, commitIndex, acceptedTerm, standing, crc } = encodeHardState(
        group,
        state,
      )
      this.upsertHardState.run(group, term, votedFor, commitIndex, acceptedTerm, standing, crc)
    }
    for (const [group, cut] of transaction.cuts) {
      const row = encodeCut(group, cut)
      const { index, term, lastOffset, appendMs, configuration, configurationIndex } = row
      const place = [group, index, term, lastOffset, appendMs, configuration, configurationIndex]
      this.upsertCut.run(...place, row.chain, row.crc, row.state)
    }
    for (const [group, checkpoint] of transaction.checkpoints) {
      const { index, term, crc, state } = encodeCheckpoint(group, checkpoint)
      this.upsertCheckpoint.run(group, index, term, crc, state)
    }
    for (const [group, compacted] of transaction.compacted) {
      const { index, tombstones, crc } = encodeCompacted(group, compacted)
      this.upsertCompacted.run(group, index, tombstones, crc)
    }
  }

  /**
   * Of the floors, those that were set in that file, for older ones are in the boundaries; and
   * those of groups of which nothing else is there: that they were dropped is never forgotten.
   */
  copyFrom(previous: Database, baseSeq: number): void {
    for (const table of stateTables) {
      this.copyTable(previous, table, `SELECT * FROM ${table}`)
    }
    this.copyTable(
      previous,
      "dropped",
      `SELECT * FROM dropped
       WHERE seq >= ${baseSeq} OR grp NOT IN (SELECT grp FROM hard_state)`,
    )
  }

  begin({ first, last, generation, baseSeq }: SegmentStart): void {
    const sql = "INSERT INTO segment (first, last, generation, base_seq) VALUES (?, ?, ?, ?)"
    this.db.run(sql, [first, last, generation, baseSeq])
  }

  end(endSeq: number, bytes: number): void {
    this.db.run("UPDATE segment SET end_seq = ?, bytes = ?", [endSeq, bytes])
  }

  writeBoundaries(boundaries: ReadonlyArray<Boundary>): void {
    const insert = this.db.prepare(
      "INSERT INTO boundary (grp, last_append_ms, runs, crc) VALUES (?, ?, ?, ?)",
    )
    for (const boundary of boundaries) {
      const { group, lastAppendMs, runs, crc } = encodeBoundary(boundary)
      insert.run(group, lastAppendMs, runs, crc)
    }
    insert.finalize()
  }

  writeIndexes(indexes: Iterable<GroupIndex>): void {
    this.db.run("DELETE FROM group_index")
    const insert = this.db.prepare(
      `INSERT INTO group_index
         (grp, first_index, last_index, first_offset, last_offset, records, bytes, max_timestamp,
          terms, configurations, crc, extents)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    for (const index of indexes) {
      const row = encodeGroupIndex(index)
      const { group, firstIndex, lastIndex, firstOffset, lastOffset, records, bytes } = row
      const range = [group, firstIndex, lastIndex, firstOffset, lastOffset, records, bytes]
      const { maxTimestamp, terms, configurations, crc, extents } = row
      insert.run(...range, maxTimestamp, terms, configurations, crc, extents)
    }
    insert.finalize()
  }

  close(): void {
    for (const statement of this.statements) statement.finalize()
  }

  private copyTable(previous: Database, table: string, select: string): void {
    const query = previous.prepare<Record<string, string | number | Uint8Array | null>, []>(select)
    let insert: Statement | undefined
    for (const row of query.iterate()) {
      const columns = Object.keys(row)
      const places = columns.map(() => "?").join(", ")
      insert ??= this.db.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`)
      insert.run(...Object.values(row))
    }
    insert?.finalize()
    query.finalize()
  }

  private forget(group: GroupId): void {
    for (const statement of this.deletes) statement.run(group)
  }
}
