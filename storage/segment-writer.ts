/**
 * Writing one file of the log: the only code that changes it. Runs on the storage worker's thread;
 * knows nothing of threads itself. `commit` returns when the transaction is fsynced; after any
 * error the writer must not be used again.
 */
import { Database, type Statement } from "bun:sqlite"
import { closeSync, fsyncSync, openSync } from "node:fs"
import { dirname } from "node:path"
import type { HardState } from "../raft/types.ts"
import type { StoredCut } from "./cut-record.ts"
import {
  checkPragmas,
  configureWriter,
  migrate,
  readPragmas,
  type Pragmas,
  type WriterSettings,
} from "./schema.ts"
import type { LogEnding } from "./sentinel.ts"
import type { Amputation } from "./segment.ts"
import { StateWriter } from "./state-writer.ts"
import type { Checkpoint, GroupId } from "./wal.ts"

export interface RowWrite {
  readonly seq: number
  readonly directory: Uint8Array<ArrayBuffer>
  /** Where the payloads lie: shared memory, not copied for the hand-over. */
  readonly slab: SharedArrayBuffer
  readonly position: number
  readonly bytes: number
}

/** One transaction. Drops count before all states: a group may be dropped and written again. */
export interface Transaction {
  readonly number: number
  readonly rows: ReadonlyArray<RowWrite>
  readonly dropped: ReadonlyArray<GroupId>
  /** Entries of the group below the seq are gone: dropped, or replaced by a snapshot. */
  readonly floors: ReadonlyArray<readonly [group: GroupId, seq: number]>
  readonly amputations: ReadonlyArray<Amputation>
  readonly hardStates: ReadonlyArray<readonly [group: GroupId, state: HardState]>
  readonly cuts: ReadonlyArray<readonly [group: GroupId, cut: StoredCut]>
  readonly checkpoints: ReadonlyArray<readonly [group: GroupId, checkpoint: Checkpoint]>
  /** Where the logs it writes to end then: for the sentinel. */
  readonly ends: ReadonlyArray<LogEnding>
}

/** Commits between two looks at the connection's settings (VERIFICATION D6). */
const commitsPerCheck = 1024

export class SegmentWriter {
  /** Pages taken over from the journal that was found. */
  readonly pagesReplayed: number
  private readonly db: Database
  private readonly insertRow: Statement
  private readonly states: StateWriter
  private commits = 0

  /** Makes the file if it is not there. When this returns, whatever is in the file is durable. */
  constructor(path: string, settings: WriterSettings) {
    this.db = new Database(path, { create: true, readwrite: true })
    configureWriter(this.db, settings)
    checkPragmas(this.pragmas())
    this.pagesReplayed = this.checkpoint("PASSIVE")
    migrate(this.db)
    this.checkpoint("TRUNCATE")
    syncDirectory(dirname(path))
    this.insertRow = this.db.prepare(
      "INSERT INTO log (seq, directory, payload) VALUES (?1, ?2, ?3)",
    )
    this.states = new StateWriter(this.db)
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
    this.states.write(transaction)
    this.db.run("COMMIT")
  }

  /** Checkpoints and removes the journal: the next open finds one file. */
  close(): void {
    this.insertRow.finalize()
    this.states.close()
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
