/**
 * Writing one file of the log: the only code that changes it. Runs on the storage worker's thread;
 * knows nothing of threads itself. `commit` returns when the transaction is fsynced; after any
 * error the writer must not be used again.
 */
import { Database, SQLiteError, type Statement } from "bun:sqlite"
import { closeSync, fsyncSync, openSync } from "node:fs"
import { dirname } from "node:path"
import type { HardState, LogIndex } from "../raft/types.ts"
import type { Boundary } from "./boundary.ts"
import type { StoredCut } from "./cut-record.ts"
import type { FileContents } from "./group-index.ts"
import {
  checkPragmas,
  configureWriter,
  migrate,
  readPragmas,
  type Pragmas,
  type WriterSettings,
} from "./schema.ts"
import type { LogEnding } from "./sentinel.ts"
import { selectSegment, type Amputation, type SegmentInfo } from "./segment.ts"
import { StateWriter } from "./state-writer.ts"
import type { Checkpoint, CompactedTo, GroupId } from "./wal.ts"

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
  readonly compacted: ReadonlyArray<readonly [group: GroupId, compacted: CompactedTo]>
  /** Logs of which entries from an index on are replaced or gone: for the sentinel. */
  readonly rewrites: ReadonlyArray<readonly [group: GroupId, from: LogIndex]>
  /** Where the logs it writes to end then: for the sentinel. */
  readonly ends: ReadonlyArray<LogEnding>
  readonly roll?: Roll
}

/** The transaction goes into a new file. */
export interface Roll {
  readonly path: string
  readonly number: number
  readonly baseSeq: number
  readonly boundaries: ReadonlyArray<Boundary>
}

export interface Rolling extends Transaction {
  readonly roll: Roll
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
    this.migrate()
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
    this.write(transaction)
    this.db.run("COMMIT")
  }

  /**
   * The file's first transaction: all states of the file before it and where the logs lie, with
   * what is to be written anyway. Only when it is durable does this file count.
   */
  takeOverFrom(previous: SegmentWriter, { roll, ...transaction }: Rolling): void {
    this.db.run("BEGIN IMMEDIATE")
    this.states.copyFrom(previous.db, previous.info()?.baseSeq ?? 0)
    this.states.begin({ first: roll.number, last: roll.number, generation: 0, ...roll })
    this.states.writeBoundaries(roll.boundaries)
    this.write(transaction)
    this.db.run("COMMIT")
  }

  /** Undefined when the file never began. */
  info(): SegmentInfo | undefined {
    return this.db.query<SegmentInfo, []>(selectSegment).all()[0]
  }

  /** Nothing is known of logs before this file. */
  begin(number: number, baseSeq: number): void {
    this.db.run("BEGIN IMMEDIATE")
    this.states.begin({ first: number, last: number, generation: 0, baseSeq })
    this.db.run("COMMIT")
  }

  /** The file has its index now, and ends. */
  seal(endSeq: number, { groups, bytes }: FileContents): void {
    this.db.run("BEGIN IMMEDIATE")
    this.states.writeIndexes(groups)
    this.states.end(endSeq, bytes)
    this.db.run("COMMIT")
    this.checkpoint("TRUNCATE")
  }

  /** A file is written to again when the one behind it was lost. */
  unseal(): void {
    this.db.run("BEGIN IMMEDIATE")
    this.db.run("DELETE FROM group_index")
    this.db.run("UPDATE segment SET end_seq = NULL, bytes = NULL")
    this.db.run("COMMIT")
  }

  /** Checkpoints and removes the journal: the next open finds one file. */
  close(): void {
    this.insertRow.finalize()
    this.states.close()
    this.db.close()
  }

  /**
   * Another's file is left at once as it was; after an error of SQLite nothing is done any more.
   */
  private migrate(): void {
    try {
      migrate(this.db)
    } catch (error) {
      if (!(error instanceof SQLiteError)) this.db.close()
      throw error
    }
  }

  private write(transaction: Transaction): void {
    for (const row of transaction.rows) {
      const payload = new Uint8Array(row.slab, row.position, row.bytes)
      this.insertRow.run(row.seq, row.directory, payload)
    }
    this.states.write(transaction)
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
