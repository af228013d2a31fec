/**
 * Writing one file of the log: the only code that changes it. Runs on the storage worker's thread;
 * knows nothing of threads itself. `commit` returns when the transaction is fsynced; after any
 * error the writer must not be used again.
 */
import { Database, type Statement } from "bun:sqlite"
import { closeSync, existsSync, fsyncSync, openSync, statSync } from "node:fs"
import { dirname } from "node:path"
import type { HardState } from "../raft/types.ts"
import { encodeHardState } from "./hard-state.ts"
import type { JournalReport } from "./recovery.ts"
import {
  checkPragmas,
  configureWriter,
  migrate,
  readPragmas,
  type Pragmas,
  type WriterSettings,
} from "./schema.ts"
import type { GroupId } from "./wal.ts"

export interface RowWrite {
  readonly seq: number
  readonly directory: Uint8Array<ArrayBuffer>
  /** Where the payloads lie: shared memory, not copied for the hand-over. */
  readonly slab: SharedArrayBuffer
  readonly position: number
  readonly bytes: number
}

/** One transaction. Drops count before hard states: a group may be dropped and written again. */
export interface Transaction {
  readonly number: number
  readonly rows: ReadonlyArray<RowWrite>
  readonly dropped: ReadonlyArray<readonly [group: GroupId, seq: number]>
  readonly hardStates: ReadonlyArray<readonly [group: GroupId, state: HardState]>
}

/** Commits between two looks at the connection's settings (VERIFICATION D6). */
const commitsPerCheck = 1024

export class SegmentWriter {
  readonly journal: JournalReport
  private readonly db: Database
  private readonly insertRow: Statement
  private readonly upsertHardState: Statement
  private readonly deleteHardState: Statement
  private readonly upsertDropped: Statement
  private commits = 0

  /** Makes the file if it is not there. When this returns, whatever is in the file is durable. */
  constructor(path: string, settings: WriterSettings) {
    const bytesFound = existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0
    this.db = new Database(path, { create: true, readwrite: true })
    configureWriter(this.db, settings)
    checkPragmas(this.pragmas())
    this.journal = { bytesFound, pagesReplayed: this.checkpoint("PASSIVE") }
    migrate(this.db)
    this.checkpoint("TRUNCATE")
    syncDirectory(dirname(path))
    this.insertRow = this.db.prepare(
      "INSERT INTO log (seq, directory, payload) VALUES (?1, ?2, ?3)",
    )
    this.upsertHardState = this.db.prepare(
      `INSERT INTO hard_state (grp, term, voted_for, commit_index, accepted_term, crc)
       VALUES (?1, ?2, ?3, ?4, ?5, ?6)
       ON CONFLICT (grp) DO UPDATE SET term = ?2, voted_for = ?3, commit_index = ?4,
         accepted_term = ?5, crc = ?6`,
    )
    this.deleteHardState = this.db.prepare("DELETE FROM hard_state WHERE grp = ?1")
    this.upsertDropped = this.db.prepare(
      "INSERT INTO dropped (grp, seq) VALUES (?1, ?2) ON CONFLICT (grp) DO UPDATE SET seq = ?2",
    )
  }

  pragmas(): Pragmas {
    return readPragmas(this.db)
  }

  commit(transaction: Transaction): void {
    if (this.commits++ % commitsPerCheck === 0) checkPragmas(this.pragmas())
    this.db.run("BEGIN IMMEDIATE")
    for (const row of transaction.rows) {
      const payload = new Uint8Array(row.slab, row.position, row.bytes)
      this.insertRow.run(row.seq, row.directory, payload)
    }
    for (const [group, seq] of transaction.dropped) {
      this.upsertDropped.run(group, seq)
      this.deleteHardState.run(group)
    }
    for (const [group, state] of transaction.hardStates) {
      const { term, votedFor, commitIndex, acceptedTerm, crc } = encodeHardState(group, state)
      this.upsertHardState.run(group, term, votedFor, commitIndex, acceptedTerm, crc)
    }
    this.db.run("COMMIT")
  }

  /** Checkpoints and removes the journal: the next open finds one file. */
  close(): void {
    for (const statement of [
      this.insertRow,
      this.upsertHardState,
      this.deleteHardState,
      this.upsertDropped,
    ]) {
      statement.finalize()
    }
    this.db.close()
  }

  /**
   * After a SIGKILL the journal may hold commits whose fsync never ran; they are read as if they
   * were durable, so they are made so before anybody counts on them. A checkpoint fsyncs the
   * journal, then the file.
   */
  private checkpoint(mode: "PASSIVE" | "TRUNCATE"): number {
    const [row] = this.db.query(`PRAGMA wal_checkpoint(${mode})`).values()
    const [busy, pages] = row ?? []
    if (busy !== 0) throw new Error("the log is open elsewhere: its journal cannot be taken over")
    return Math.max(0, Number(pages))
  }
}

/** A file is there for good once its directory is fsynced; SQLite swallows errors of that (E3). */
export function syncDirectory(path: string): void {
  const descriptor = openSync(path, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
