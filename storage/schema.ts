/** The file format: tables, version and the settings under which a file is written and read. */
import type { Database } from "bun:sqlite"

/** "varv": lets `file` and SQLite tools tell a segment from other databases. */
export const applicationId = 0x76617276

/** Each brings a file from version n to n + 1; newest last. */
const migrations: ReadonlyArray<ReadonlyArray<string>> = [
  [
    // seq: of the row's first entry; directory before payload, so that reading it touches no
    // payload page.
    `CREATE TABLE log (
       seq INTEGER PRIMARY KEY,
       directory BLOB NOT NULL,
       payload BLOB NOT NULL
     ) STRICT`,
    // crc: CRC-32C of the other columns as JSON text, see hardStateCrc.
    `CREATE TABLE hard_state (
       grp INTEGER PRIMARY KEY,
       term INTEGER NOT NULL,
       voted_for TEXT,
       commit_index INTEGER NOT NULL,
       accepted_term INTEGER NOT NULL,
       crc INTEGER NOT NULL
     ) STRICT`,
    // Entries of the group with a lower seq are gone.
    `CREATE TABLE dropped (
       grp INTEGER PRIMARY KEY,
       seq INTEGER NOT NULL
     ) STRICT`,
  ],
  [
    "ALTER TABLE hard_state ADD COLUMN standing TEXT NOT NULL DEFAULT 'trusted'",
    // The group's entries up to idx are gone; crc: see cut-record.ts.
    `CREATE TABLE cut (
       grp INTEGER PRIMARY KEY,
       idx INTEGER NOT NULL,
       term INTEGER NOT NULL,
       last_offset INTEGER NOT NULL,
       append_ms INTEGER NOT NULL,
       configuration TEXT,
       configuration_index INTEGER NOT NULL,
       chain INTEGER NOT NULL,
       crc INTEGER NOT NULL,
       state BLOB NOT NULL
     ) STRICT`,
    `CREATE TABLE checkpoint (
       grp INTEGER PRIMARY KEY,
       idx INTEGER NOT NULL,
       term INTEGER NOT NULL,
       crc INTEGER NOT NULL,
       state BLOB NOT NULL
     ) STRICT`,
    // Entries of the group with an index ≥ idx and a lower seq are gone.
    `CREATE TABLE amputated (
       grp INTEGER NOT NULL,
       seq INTEGER NOT NULL,
       idx INTEGER NOT NULL,
       PRIMARY KEY (grp, seq)
     ) STRICT, WITHOUT ROWID`,
    // One row, written with the file's first transaction: without it the file never began. Numbers
    // of the files it stands for; seqs [base_seq, end_seq); the end, and what payloads and
    // directories take, once it is sealed.
    `CREATE TABLE segment (
       first INTEGER PRIMARY KEY,
       last INTEGER NOT NULL,
       generation INTEGER NOT NULL,
       base_seq INTEGER NOT NULL,
       end_seq INTEGER,
       bytes INTEGER
     ) STRICT`,
    // See boundary.ts.
    `CREATE TABLE boundary (
       grp INTEGER PRIMARY KEY,
       last_append_ms INTEGER NOT NULL,
       runs TEXT NOT NULL,
       crc INTEGER NOT NULL
     ) STRICT`,
    // Of a sealed file, see group-index.ts.
    `CREATE TABLE group_index (
       grp INTEGER PRIMARY KEY,
       first_index INTEGER NOT NULL,
       last_index INTEGER NOT NULL,
       first_offset INTEGER NOT NULL,
       last_offset INTEGER NOT NULL,
       records INTEGER NOT NULL,
       bytes INTEGER NOT NULL,
       max_timestamp INTEGER NOT NULL,
       terms TEXT NOT NULL,
       configurations TEXT NOT NULL,
       crc INTEGER NOT NULL,
       extents BLOB NOT NULL
     ) STRICT`,
  ],
  [
    // How far the group is compacted; crc: see compacted-row.ts.
    `CREATE TABLE compacted (
       grp INTEGER PRIMARY KEY,
       idx INTEGER NOT NULL,
       tombstones INTEGER NOT NULL,
       crc INTEGER NOT NULL
     ) STRICT`,
  ],
]

export const schemaVersion = migrations.length

/** The version whose tables these are; 0 when they are none of a log. */
export function versionOfTables(names: ReadonlySet<string>): number {
  const isThere = (statements: ReadonlyArray<string>): boolean =>
    statements.every((statement) => {
      const name = /^CREATE TABLE (\w+)/.exec(statement)?.[1]
      return name === undefined || names.has(name)
    })
  return migrations.findLastIndex(isThere) + 1
}

/** Brings a file up to date; refuses one of another program or of a newer version. */
export function migrate(db: Database): void {
  const id = pragma(db, "application_id")
  const version = Number(pragma(db, "user_version"))
  if (version > 0 && id !== applicationId) throw new Error("not a log of varve")
  if (version > schemaVersion) {
    throw new Error(`log format ${version} is newer than this program's (${schemaVersion})`)
  }
  if (version === schemaVersion) return
  db.run("BEGIN IMMEDIATE")
  for (const statement of migrations.slice(version).flat()) db.run(statement)
  db.run(`PRAGMA application_id = ${applicationId}`)
  db.run(`PRAGMA user_version = ${schemaVersion}`)
  db.run("COMMIT")
}

export interface WriterSettings {
  readonly pageBytes: number
  /** Pages in the -wal after which a commit checkpoints. */
  readonly checkpointPages: number
  /** Pages the file may grow to; a commit that needs more fails as on a full disk. 0 = no bound. */
  readonly pagesMax: number
}

/** What the writer's connection answered after it was set up. */
export interface Pragmas {
  readonly journalMode: string
  /** 2 = FULL. */
  readonly synchronous: number
  readonly pageBytes: number
  readonly checkpointPages: number
}

/**
 * In this order on a fresh file (PERFORMANCE.md): the page size cannot change once WAL mode wrote
 * the first page.
 */
export function configureWriter(db: Database, settings: WriterSettings): void {
  db.run(`PRAGMA page_size = ${settings.pageBytes}`)
  db.run("PRAGMA journal_mode = WAL")
  db.run("PRAGMA synchronous = FULL")
  db.run(`PRAGMA wal_autocheckpoint = ${settings.checkpointPages}`)
  db.run("PRAGMA journal_size_limit = -1")
  db.run("PRAGMA cache_size = -16384")
  db.run("PRAGMA busy_timeout = 5000")
  db.run("PRAGMA temp_store = MEMORY")
  if (process.platform === "darwin") {
    db.run("PRAGMA fullfsync = 1")
    db.run("PRAGMA checkpoint_fullfsync = 1")
  }
  if (settings.pagesMax > 0) db.run(`PRAGMA max_page_count = ${settings.pagesMax}`)
}

export function readPragmas(db: Database): Pragmas {
  return {
    journalMode: String(pragma(db, "journal_mode")),
    synchronous: Number(pragma(db, "synchronous")),
    pageBytes: Number(pragma(db, "page_size")),
    checkpointPages: Number(pragma(db, "wal_autocheckpoint")),
  }
}

/** Throws unless commits on this connection are durable when they return (VERIFICATION D6). */
export function checkPragmas(pragmas: Pragmas): void {
  if (pragmas.journalMode !== "wal" || pragmas.synchronous < 2) {
    throw new Error(
      `commits would not be durable: journal_mode=${pragmas.journalMode} synchronous=${pragmas.synchronous}`,
    )
  }
}

export function configureReader(db: Database): void {
  db.run("PRAGMA query_only = 1")
  db.run("PRAGMA synchronous = FULL")
  db.run("PRAGMA mmap_size = 2147418112")
  db.run("PRAGMA cache_size = -2000")
  db.run("PRAGMA busy_timeout = 5000")
}

function pragma(db: Database, name: string): unknown {
  return db.query<Record<string, unknown>, []>(`PRAGMA ${name}`).values()[0]?.[0]
}
