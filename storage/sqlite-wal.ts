/**
 * The log over SQLite. A commit is visible in memory at once, its payloads copied into shared
 * slabs; the storage worker writes one transaction at a time, and whatever is committed meanwhile
 * becomes the next one (group commit).
 */
import { emptyHardState } from "../raft/types.ts"
import type { Entry, LogIndex, Snapshot } from "../raft/types.ts"
import { checkAmputation, checkCommit, holdsCut } from "./append-rules.ts"
import { Batch, type Row } from "./batch.ts"
import { distrusted, forgottenHardState, retired } from "./hard-state.ts"
import type { RecoveryReport } from "./recovery.ts"
import { checkPragmas, type Pragmas } from "./schema.ts"
import type { Boundary } from "./boundary.ts"
import type { Housekeeper } from "./housekeeper.ts"
import type { Reserve } from "./reserve.ts"
import { Scrub } from "./scrub.ts"
import { Housekeeping } from "./housekeeping.ts"
import type { Roll } from "./segment-writer.ts"
import { writtenSegment } from "./segment-files.ts"
import type { Segments } from "./segments.ts"
import type { SqliteWalLimits } from "./sqlite-wal-options.ts"
import { KeptEntries } from "./kept-entries.ts"
import { Slabs } from "./slabs.ts"
import { SqliteGroupLog } from "./sqlite-group-log.ts"
import { TailCache } from "./tail-cache.ts"
import type { Correction } from "./trust.ts"
import type {
  CommitNumber,
  Compaction,
  GroupId,
  GroupLog,
  GroupWrite,
  Wal,
  WalEvents,
} from "./wal.ts"
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
  /** What the cached entries keep in memory, and the shared slabs ever made for the hand-over. */
  readonly cachedBytes: number
  readonly slabsMade: number
  /** Rows read back from the file. */
  readonly payloadReads: number
  /** Files, their size, what payloads and directories take in them, and what of it is alive. */
  readonly segments: number
  readonly diskBytes: number
  readonly storedBytes: number
  readonly liveBytes: number
}

/** What `openSqliteWal` puts together. */
export interface SqliteWalParts {
  readonly dir: string
  readonly segments: Segments
  readonly housekeeper: Housekeeper
  readonly reserve: Reserve
  readonly scrubBytesPerSecond: number
  readonly log: (line: string) => void
  readonly worker: WorkerHandle
  readonly logs: Map<GroupId, SqliteGroupLog>
  /** Groups of which nothing was found but that they were dropped. */
  readonly dropped: ReadonlySet<GroupId>
  readonly recovery: RecoveryReport
  readonly unclean: boolean
  readonly forgetful: boolean
  readonly limits: SqliteWalLimits
  readonly events: WalEvents
}

export class SqliteWal implements Wal {
  readonly recovery: RecoveryReport
  readonly unclean: boolean
  forgetful: boolean
  pendingBytes = 0
  private readonly dir: string
  private readonly segments: Segments
  private readonly housekeeping: Housekeeping
  private readonly housekeeper: Housekeeper
  private readonly reserve: Reserve
  private readonly scrub: Scrub
  private readonly worker: WorkerHandle
  private readonly events: WalEvents
  private readonly limits: SqliteWalLimits
  private readonly logs: Map<GroupId, SqliteGroupLog>
  private readonly dropped: Set<GroupId>
  private readonly slabs: Slabs
  private readonly cache: TailCache
  private nextSeq: number
  private committed: CommitNumber = 0
  private durable: CommitNumber = 0
  /** Oldest first; the last one still grows. */
  private waiting: Array<Batch> = []
  private inFlight: Batch | undefined
  /** Why commits are refused: closed, or failed. */
  private stopped: Error | undefined
  private failure: Error | undefined
  private whenIdle: (() => void) | undefined
  private transactions = 0
  private entryCount = 0
  private rowCount = 0
  private byteCount = 0
  private writeMs = 0

  constructor(parts: SqliteWalParts) {
    this.dir = parts.dir
    this.segments = parts.segments
    this.housekeeper = parts.housekeeper
    this.reserve = parts.reserve
    this.scrub = new Scrub({
      groups: () => this.groups(),
      logOf: (group) => this.logOf(group),
      bytesPerSecond: parts.scrubBytesPerSecond,
      onDamage: (damage) => this.events.onDamage?.(damage),
    })
    this.housekeeping = new Housekeeping({
      ...parts,
      segmentBytes: parts.limits.segmentBytes,
      perform: (job) => parts.housekeeper.perform(job),
      durable: () => this.allDurable(),
      roll: () => this.roll(),
    })
    this.worker = parts.worker
    this.events = parts.events
    this.limits = parts.limits
    this.logs = parts.logs
    this.dropped = new Set(parts.dropped)
    this.recovery = parts.recovery
    this.unclean = parts.unclean
    this.forgetful = parts.forgetful
    if (parts.forgetful) for (const log of this.logs.values()) log.unknown = forgottenHardState
    this.nextSeq = parts.recovery.nextSeq
    this.slabs = new Slabs(parts.limits.slabBytes)
    this.cache = new TailCache(parts.limits.cacheBytes)
  }

  get space(): Wal["space"] {
    return this.reserve.space
  }

  log(group: GroupId): GroupLog {
    return this.logOf(group)
  }

  groups(): ReadonlyArray<GroupId> {
    return [...this.logs].filter(([, log]) => !log.isEmpty).map(([group]) => group)
  }

  commit(writes: ReadonlyArray<GroupWrite>): CommitNumber {
    if (this.stopped !== undefined) throw this.stopped
    checkCommit(writes, (group) => this.logOf(group))
    const batch = this.openBatch()
    for (const write of writes) this.take(batch, write)
    batch.through = ++this.committed
    this.sendNext()
    return batch.through
  }

  amputate(group: GroupId, index: LogIndex): CommitNumber {
    if (this.stopped !== undefined) throw this.stopped
    const log = this.logOf(group)
    checkAmputation(group, log, index)
    const batch = this.openBatch()
    const hardState = distrusted(log.hardState)
    log.truncateFrom(index)
    log.storedHardState = hardState
    batch.amputate(group, this.nextSeq, index)
    batch.rewrite(group, index)
    batch.setHardState(group, hardState)
    batch.setEnd(group, log.lastIndex, log.chain)
    noteCompacted(batch, log)
    batch.through = ++this.committed
    this.sendNext()
    return batch.through
  }

  retire(group: GroupId): CommitNumber {
    if (this.stopped !== undefined) throw this.stopped
    const log = this.logOf(group)
    const hardState = retired(log.hardState)
    log.clear()
    log.storedHardState = hardState
    const batch = this.openBatch()
    batch.drop(group, this.nextSeq)
    batch.setHardState(group, hardState)
    batch.setEnd(group, log.lastIndex, log.chain)
    batch.through = ++this.committed
    this.sendNext()
    return batch.through
  }

  drop(group: GroupId): void {
    if (this.stopped !== undefined) throw this.stopped
    this.logOf(group).clear()
    this.dropped.add(group)
    this.openBatch().drop(group, this.nextSeq)
    this.sendNext()
  }

  remembered(): void {
    if (!this.forgetful) return
    this.forgetful = false
    for (const log of this.logs.values()) log.unknown = emptyHardState
    this.worker.remembered()
  }

  wasDropped(group: GroupId): boolean {
    return this.dropped.has(group) && this.logs.get(group)?.isEmpty !== false
  }

  compaction(): Compaction {
    return new KeptEntries((kept, settled) => {
      if (this.stopped !== undefined) throw this.stopped
      this.housekeeping.compact(kept, settled)
    })
  }

  stats(): SqliteWalStats {
    const files = this.segments.all
    return {
      commits: this.durable,
      transactions: this.transactions,
      entries: this.entryCount,
      rows: this.rowCount,
      bytes: this.byteCount,
      writeMs: this.writeMs,
      pendingBytes: this.pendingBytes,
      cachedBytes: this.cache.bytes,
      slabsMade: this.slabs.made,
      payloadReads: this.segments.payloadReads,
      segments: files.length,
      diskBytes: files.reduce((sum, file) => sum + file.bytesOnDisk(), 0),
      storedBytes: files.reduce((sum, file) => sum + file.bytes, 0),
      liveBytes: files.reduce((sum, file) => sum + file.liveBytes, 0),
    }
  }

  /** Asks for the writer's settings; throws if commits would not be durable (VERIFICATION D6). */
  async selfCheck(): Promise<Pragmas> {
    const pragmas = await this.worker.pragmas()
    checkPragmas(pragmas)
    return pragmas
  }

  /** Everything committed so far becomes durable and is reported, then the file is closed. */
  async close(): Promise<void> {
    this.stopped ??= new Error("the log is closed")
    if (this.failure === undefined && this.inFlight !== undefined) {
      await new Promise<void>((resolve) => (this.whenIdle = resolve))
    }
    // After a failure the reader stays: the writer must not be the last connection, whose end
    // checkpoints (D5).
    await this.housekeeping.stop()
    this.scrub.stop()
    await this.reserve.close()
    await this.housekeeper.close()
    if (this.failure === undefined) this.segments.close()
    await this.worker.close()
  }

  /** Resolves when nothing is left to be sealed, removed or copied forward. */
  async tidied(): Promise<void> {
    await this.housekeeping.idle()
  }

  /** For the opener alone, before anything else: what the judging of the log asks for. */
  async correct(corrections: ReadonlyArray<Correction>): Promise<void> {
    if (corrections.length > 0) await this.writeCorrections(corrections)
    this.scrub.start()
  }

  /** For the opener alone: a transaction is durable. */
  onCommitted(elapsedMs: number): void {
    const batch = this.inFlight
    if (batch === undefined) throw new Error("nothing was under way")
    this.inFlight = undefined
    this.settle(batch, elapsedMs)
    this.sendNext()
    if (batch.through > 0) this.events.onDurable(batch.through)
    if (this.inFlight === undefined) this.whenIdle?.()
  }

  /** For the opener alone: nothing will be durable any more. */
  onFailure(error: Error): void {
    if (this.failure !== undefined) return
    this.failure = error
    this.stopped = error
    for (const batch of [this.inFlight, ...this.waiting]) {
      for (const settle of batch?.settled ?? []) settle(error)
    }
    this.waiting = []
    this.whenIdle?.()
    this.events.onFailure(error)
  }

  private async writeCorrections(corrections: ReadonlyArray<Correction>): Promise<void> {
    const batch = this.openBatch()
    for (const { group, hardState, forget } of corrections) {
      const log = this.logOf(group)
      if (forget === "all") {
        // What is no group at all was not dropped either.
        if (hardState === undefined) batch.forget(group)
        else batch.drop(group, this.nextSeq)
        log.clear()
      }
      if (forget === "end") batch.amputate(group, this.nextSeq, log.lastIndex + 1)
      log.storedHardState = hardState
      noteCompacted(batch, log)
      if (hardState === undefined) this.logs.delete(group)
      else batch.setHardState(group, hardState)
    }
    const written = new Promise<void>((resolve) => (this.whenIdle = resolve))
    this.sendNext()
    await written
    this.whenIdle = undefined
    if (this.failure !== undefined) throw this.failure
  }

  private logOf(group: GroupId): SqliteGroupLog {
    let log = this.logs.get(group)
    if (log === undefined) {
      log = new SqliteGroupLog(group, this.segments)
      if (this.forgetful) log.unknown = forgottenHardState
      this.logs.set(group, log)
    }
    return log
  }

  private openBatch(): Batch {
    const last = this.waiting.at(-1)
    if (last !== undefined && last.payloadBytes < this.limits.transactionBytesMax) return last
    const batch = new Batch(this.nextRoll())
    this.waiting.push(batch)
    return batch
  }

  /** The next transaction begins a file when this one is full, or much of it is dead. */
  private nextRoll(): Roll | undefined {
    const { bytes, liveBytes } = this.segments.active
    const { segmentBytes } = this.limits
    if (bytes < segmentBytes && bytes - liveBytes < segmentBytes / 2) return undefined
    return this.newRoll()
  }

  /** Ends the file that is written to; resolves when the next one is there. */
  private roll(): Promise<void> {
    if (this.stopped !== undefined) return Promise.reject(this.stopped)
    this.waiting.push(new Batch(this.newRoll()))
    this.sendNext()
    return this.allDurable()
  }

  private newRoll(): Roll {
    const { name } = this.segments.active
    const number = name.last + 1
    const next = writtenSegment(this.dir, number)
    const baseSeq = this.nextSeq
    const boundaries = [...this.logs.values()].flatMap((log) => this.boundaryOf(log) ?? [])
    this.segments.roll(next, baseSeq)
    return { path: next.path, number, baseSeq, boundaries }
  }

  private boundaryOf(log: SqliteGroupLog): Boundary | undefined {
    const runs = log.runsByFile((row) => this.segments.fileOf(row)?.endSeq ?? Infinity)
    if (runs.length === 0) return undefined
    return { group: log.group, lastAppendMs: log.lastAppendMs, runs }
  }

  /** Resolves when everything committed so far is durable; rejects when it never will be. */
  private allDurable(): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure)
    const last = this.waiting.at(-1) ?? this.inFlight
    if (last === undefined) return Promise.resolve()
    return new Promise((resolve, reject) => {
      last.settled.push((failure) => (failure === undefined ? resolve() : reject(failure)))
    })
  }

  private take(batch: Batch, write: GroupWrite): void {
    const log = this.logOf(write.group)
    if (write.cut !== undefined) this.cut(batch, log, write.cut)
    const first = write.entries[0]
    if (first !== undefined) {
      if (first.index <= log.lastIndex) batch.rewrite(write.group, first.index)
      log.truncateFrom(first.index)
    }
    for (const entry of write.entries) this.place(batch, log, entry)
    if (write.hardState !== undefined) {
      log.storedHardState = write.hardState
      batch.setHardState(write.group, write.hardState)
    }
    if (write.checkpoint !== undefined) {
      const { index, term } = write.checkpoint
      log.heldCheckpoint = write.checkpoint
      log.checkpointAt = { index, term }
      batch.setCheckpoint(write.group, write.checkpoint)
    }
    if (write.compacted !== undefined) log.compacted = write.compacted
    noteCompacted(batch, log)
    if (first !== undefined || write.cut !== undefined) {
      batch.setEnd(write.group, log.lastIndex, log.chain)
    }
  }

  private cut(batch: Batch, log: SqliteGroupLog, snapshot: Snapshot): void {
    const held = holdsCut(log, snapshot.cut)
    if (!held) batch.rewrite(log.group, 1)
    log.cutAt(snapshot.cut)
    log.heldSnapshot = snapshot
    const stored = { ...snapshot, chain: log.cutChain }
    batch.setCut(log.group, stored, held ? undefined : this.nextSeq)
  }

  private place(batch: Batch, log: SqliteGroupLog, entry: Entry): void {
    const bytes = entry.payload.length
    const row = this.rowFor(batch, bytes)
    this.slabs.place(entry.payload)
    const chain = log.append(entry, bytes, row.seq)
    log.tail.push(entry)
    row.add(log, entry, chain)
    this.cache.hold(entry)
    this.nextSeq += 1
    this.segments.added(bytes)
    batch.payloadBytes += bytes
    this.pendingBytes += bytes
  }

  /** The batch's last row if the payload fits behind its others, else a new one. */
  private rowFor(batch: Batch, bytes: number): Row {
    const last = batch.rows.at(-1)
    if (last?.takes(bytes, this.slabs, this.limits.rowBytesMax) === true) return last
    if (!this.slabs.hasRoom(bytes)) this.slabs.next(bytes)
    const row = batch.addRow(this.nextSeq, this.slabs.current)
    this.cache.add(row)
    return row
  }

  private sendNext(): void {
    if (this.inFlight !== undefined) return
    const batch = this.waiting.shift()
    if (batch === undefined) return
    this.inFlight = batch
    try {
      this.worker.commit(batch.encode(this.transactions + 1))
    } catch (error) {
      // What cannot be written cannot become durable, and is visible already: the broker must stop.
      const failure = error instanceof Error ? error : new Error(String(error))
      this.stopped = failure
      queueMicrotask(() => this.onFailure(failure))
    }
  }

  private settle(batch: Batch, elapsedMs: number): void {
    this.reserve.wrote(batch.payloadBytes)
    this.transactions += 1
    this.writeMs += elapsedMs
    this.byteCount += batch.payloadBytes
    this.pendingBytes -= batch.payloadBytes
    this.rowCount += batch.rows.length
    for (const row of batch.rows) {
      row.durable = true
      this.entryCount += row.slots.length
    }
    if (batch.roll !== undefined) this.segments.rolled()
    this.letGoOfStates(batch)
    batch.release(this.slabs)
    this.cache.evict()
    if (batch.through > 0) this.durable = batch.through
    for (const settle of batch.settled) settle()
    if (this.segments.changed()) this.housekeeping.nudge()
  }

  /** What is in the file now is read from there. */
  private letGoOfStates(batch: Batch): void {
    for (const [group, { cut }] of batch.cuts) {
      const log = this.logOf(group)
      if (log.heldSnapshot?.cut === cut) log.heldSnapshot = undefined
    }
    for (const [group, checkpoint] of batch.checkpoints) {
      const log = this.logOf(group)
      if (log.heldCheckpoint === checkpoint) log.heldCheckpoint = undefined
    }
  }
}

/** It goes with whatever has changed it. */
function noteCompacted(batch: Batch, log: SqliteGroupLog): void {
  if (log.compacted === log.writtenCompacted) return
  log.writtenCompacted = log.compacted
  batch.setCompacted(log.group, log.compacted)
}
