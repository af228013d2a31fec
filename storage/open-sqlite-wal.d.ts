import { type SqliteWalOptions } from "./sqlite-wal-options.ts"
import { SqliteWal } from "./sqlite-wal.ts"
export declare const segmentFile = "segment-000001.db"
/** Rejects with `CorruptLog` when the file is damaged; then nothing of it may be used. */
export declare function openSqliteWal(options: SqliteWalOptions): Promise<SqliteWal>
