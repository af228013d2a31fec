/** The small tables of a file: hard states, cuts, checkpoints and what is gone. Writer's side. */
import type { Database, Statement } from "bun:sqlite"
import { encodeCheckpoint, encodeCut } from "./cut-record.ts"
import { encodeHardState } from "./hard-state.ts"
import type { Transaction } from "./segment-writer.ts"
import type { GroupId } from "./wal.ts"

export class StateWriter {
  private readonly statements: Array<Statement> = []
  private readonly deletes: ReadonlyArray<Statement>
  private readonly upsertFloor: Statement
  private readonly upsertAmputated: Statement
  private readonly upsertHardState: Statement
  private readonly upsertCut: Statement
  private readonly upsertCheckpoint: Statement

  constructor(db: Database) {
    const prepare = (sql: string): Statement => {
      const statement = db.prepare(sql)
      this.statements.push(statement)
      return statement
    }
    this.deletes = ["hard_state", "cut", "checkpoint"].map((table) =>
      prepare(`DELETE FROM ${table} WHERE grp = ?1`),
    )
    this.upsertFloor = prepare("INSERT OR REPLACE INTO dropped (grp, seq) VALUES (?1, ?2)")
    this.upsertAmputated = prepare(
      `INSERT INTO amputated (grp, seq, idx) VALUES (?1, ?2, ?3)
       ON CONFLICT (grp, seq) DO UPDATE SET idx = min(idx, ?3)`,
    )
    this.upsertHardState = prepare(
      `INSERT OR REPLACE INTO hard_state
         (grp, term, voted_for, commit_index, accepted_term, standing, crc)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,
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
  }

  close(): void {
    for (const statement of this.statements) statement.finalize()
  }

  private forget(group: GroupId): void {
    for (const statement of this.deletes) statement.run(group)
  }
}
