/** The public face of storage. */
export * from "./wal.ts"
export { MemoryWal, type MemoryWalEvents } from "./memory-wal.ts"
export { openSqliteWal } from "./open-sqlite-wal.ts"
export { beginLog, expectLog, LogGone } from "./admission.ts"
export { defaultLimits, type SqliteWalLimits, type SqliteWalOptions } from "./sqlite-wal-options.ts"
export { SqliteWal, type SqliteWalStats } from "./sqlite-wal.ts"
export { CorruptLog, type JournalReport, type RecoveryReport } from "./recovery.ts"
export { acquireLock, LockHeld, type Lock } from "./lock.ts"
export {
  IdentityMismatch,
  readIdentity,
  replaceIdentity,
  writeIdentity,
  type Identity,
} from "./identity.ts"
