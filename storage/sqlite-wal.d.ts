import type { RecoveryReport } from "./recovery.ts"
import { type Pragmas } from "./schema.ts"
import type { Segment } from "./segment.ts"
import type { SqliteWalLimits } from "./sqlite-wal-options.ts"
import { SqliteGroupLog } from "./sqlite-group-log.ts"
import type { CommitNumber, GroupId, GroupLog, GroupWrite, Wal, WalEvents } from "./wal.ts"
import type { WorkerHandle } from "./worker-handle.ts"
export interface SqliteWalStats {
  /** Commits that became durable, in how many transactions. */
  readonly commits: number
  readonly transactions: number
  readonly entries: number
  readonly rows: number
  /** Payload bytes made durable. */
  readonly bytes: number
  /** Time the worker spent in transactions, fsync included. */
  readonly writeMs: number
  readonly pendingBytes: number
  /** Entries kept in memory, and the shared slabs ever made for them. */
  readonly cachedBytes: number
  readonly slabsMade: number
  /** Rows read back from the file. */
  readonly payloadReads: number
}
/** What `openSqliteWal` puts together. */
export interface SqliteWalParts {
  readonly segment: Segment
  readonly worker: WorkerHandle
  readonly logs: Map<GroupId, SqliteGroupLog>
  readonly recovery: RecoveryReport
  readonly limits: SqliteWalLimits
  readonly events: WalEvents
}
export declare class SqliteWal implements Wal {
  readonly recovery: RecoveryReport
  pendingBytes: number
  private readonly segment
  private readonly worker
  private readonly events
  private readonly limits
  private readonly logs
  private readonly arena
  private readonly cache
  private nextSeq
  private committed
  private durable
  /** Oldest first; the last one still grows. */
  private waiting
  private inFlight
  private stopped
  private whenIdle
  private transactions
  private entryCount
  private rowCount
  private byteCount
  private writeMs
  constructor(parts: SqliteWalParts)
  log(group: GroupId): GroupLog
  groups(): ReadonlyArray<GroupId>
  commit(writes: ReadonlyArray<GroupWrite>): CommitNumber
  drop(group: GroupId): void
  stats(): SqliteWalStats
  /** Asks the writer for its settings; throws when commits would not be durable (VERIFICATION D6). */
  selfCheck(): Promise<Pragmas>
  /** Everything committed so far becomes durable and is reported, then the file is closed. */
  close(): Promise<void>
  /** For the opener alone: a transaction is durable. */
  onCommitted(elapsedMs: number): void
  /** For the opener alone: nothing will be durable any more. */
  onFailure(error: Error): void
  private logOf
  private openBatch
  private take
  private place
  /** The batch's last row if the payload fits behind its others, else a new one. */
  private rowFor
  private sendNext
  private settle
}
