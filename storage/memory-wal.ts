/**
 * The log in memory: the reference that the SQLite log is compared with, and the simulator's disk.
 * Nothing becomes durable by itself: `flush` is the fsync, `crash` is the power cut.
 */
import { emptyHardState } from "../raft/types.ts"
import type { Entry, HardState, LogIndex } from "../raft/types.ts"
import { checkAmputation, checkCommit } from "./append-rules.ts"
import { distrusted, forgottenHardState, retired } from "./hard-state.ts"
import { MemoryGroupLog } from "./memory-group-log.ts"
import type {
  CommitNumber,
  Compaction,
  GroupId,
  GroupLog,
  GroupWrite,
  Kept,
  Wal,
  WalEvents,
} from "./wal.ts"

/** A change of some groups' logs; a drop becomes durable no later than the commit behind it. */
type Change =
  | {
      readonly _tag: "commit"
      readonly number: CommitNumber
      readonly writes: ReadonlyArray<GroupWrite>
      readonly bytes: number
    }
  | {
      readonly _tag: "amputate"
      readonly number: CommitNumber
      readonly group: GroupId
      readonly index: LogIndex
      readonly bytes: 0
    }
  | {
      readonly _tag: "retire"
      readonly number: CommitNumber
      readonly group: GroupId
      readonly bytes: 0
    }
  | { readonly _tag: "drop"; readonly group: GroupId }

export type MemoryWalEvents = Pick<WalEvents, "onDurable">

/** What became of the disk in a power cut. */
export interface Crash {
  /** Commits whose fsync had not returned and that are there all the same. Default 0. */
  readonly keep?: number
  /**
   * Durable commits that are gone: a bad frame in the journal, behind which SQLite forgets. Reaches
   * back no further than the journal. Default 0.
   */
  readonly lose?: number
}

class Logs extends Map<GroupId, MemoryGroupLog> {
  readonly dropped = new Set<GroupId>()
  private unknown = emptyHardState
  private readonly rotten: ReadonlySet<Entry>

  constructor(rotten: ReadonlySet<Entry>) {
    super()
    this.rotten = rotten
  }

  of(group: GroupId): MemoryGroupLog {
    let log = this.get(group)
    if (log === undefined) {
      log = new MemoryGroupLog(group, this.rotten, this.unknown)
      this.set(group, log)
    }
    return log
  }

  /** Groups that are not there have this one. */
  sayOfUnknown(hardState: HardState): void {
    this.unknown = hardState
    for (const log of this.values()) log.unknown = hardState
  }

  drop(group: GroupId): void {
    this.of(group).clear()
    this.dropped.add(group)
  }

  copyOf(other: Logs): void {
    for (const [group, log] of other) this.of(group).copyOf(log)
    for (const group of other.dropped) this.dropped.add(group)
  }
}

/** About what an entry costs in the other log. */
const keptOverheadBytes = 48

/** Durable changes that are still in the journal: what a bad frame can take away. */
const journalLengthMax = 64

interface FinishedCompaction {
  /** Its entries are durable with this commit. */
  readonly after: CommitNumber
  readonly entries: ReadonlyArray<KeptEntry>
  readonly settled: Kept
}

interface KeptEntry {
  readonly group: GroupId
  readonly entry: Entry
}

export class MemoryWal implements Wal {
  pendingBytes = 0
  /** Set by whoever plays the disk. */
  space: Wal["space"] = "ample"
  unclean = false
  forgetful = false
  private readonly events: MemoryWalEvents
  private readonly visible: Logs
  /** The file: durable without the journal. */
  private readonly file: Logs
  private readonly rotten: Set<Entry>
  private journal: Array<Change> = []
  private pending: Array<Change> = []
  private committed: CommitNumber = 0
  private durable: CommitNumber = 0
  private compactions: Array<FinishedCompaction> = []

  constructor(events: MemoryWalEvents, rotten: ReadonlySet<Entry> = new Set()) {
    this.events = events
    this.rotten = new Set(rotten)
    this.visible = new Logs(this.rotten)
    this.file = new Logs(this.rotten)
  }

  /** Commits taken over and not durable. */
  get pendingCommits(): number {
    return this.pending.filter(({ _tag }) => _tag !== "drop").length
  }

  log(group: GroupId): GroupLog {
    return this.visible.of(group)
  }

  groups(): ReadonlyArray<GroupId> {
    return [...this.visible].filter(([, log]) => !log.isEmpty).map(([group]) => group)
  }

  commit(writes: ReadonlyArray<GroupWrite>): CommitNumber {
    checkCommit(writes, (group) => this.visible.of(group))
    const bytes = writes.reduce((sum, write) => sum + payloadBytesOf(write), 0)
    return this.take({ _tag: "commit", number: ++this.committed, writes, bytes })
  }

  amputate(group: GroupId, index: LogIndex): CommitNumber {
    checkAmputation(group, this.visible.of(group), index)
    return this.take({ _tag: "amputate", number: ++this.committed, group, index, bytes: 0 })
  }

  retire(group: GroupId): CommitNumber {
    return this.take({ _tag: "retire", number: ++this.committed, group, bytes: 0 })
  }

  /** For whoever plays the disk: what told of its groups is lost. */
  forget(): void {
    this.forgetful = true
    this.visible.sayOfUnknown(forgottenHardState)
  }

  remembered(): void {
    this.forgetful = false
    this.visible.sayOfUnknown(emptyHardState)
  }

  drop(group: GroupId): void {
    const change = { _tag: "drop", group } as const
    applyTo(this.visible, change)
    this.pending.push(change)
  }

  wasDropped(group: GroupId): boolean {
    return this.visible.dropped.has(group) && this.visible.of(group).isEmpty
  }

  /** Makes the next `count` commits durable and reports the last; drops between them go along. */
  flush(count = Infinity): void {
    let left = count
    let through: CommitNumber | undefined
    while (this.pending.length > 0) {
      const next = this.pending[0]
      if (next === undefined || (next._tag !== "drop" && left === 0)) break
      this.pending.shift()
      this.toJournal(next)
      if (next._tag === "drop") continue
      left -= 1
      through = next.number
      this.pendingBytes -= next.bytes
    }
    this.durable = through ?? this.durable
    this.carryOutCompactions()
    if (through !== undefined) this.events.onDurable(through)
  }

  compaction(): Compaction {
    return new MemoryCompaction((entries, settled) => {
      this.compactions.push({ after: this.committed, entries, settled })
    })
  }

  /** A copy is made of files that are sealed: what is in them is in no journal any more. */
  private carryOutCompactions(): void {
    for (let next = this.compactions[0]; next !== undefined; next = this.compactions[0]) {
      if (next.after > this.durable) return
      this.compactions.shift()
      while (this.journal.length > 0) this.oldestToFile()
      for (const { group, entry } of next.entries) {
        this.visible.of(group).keep(entry)
        this.file.of(group).keep(entry)
      }
      next.settled("done")
    }
  }

  /**
   * What a log reopened after a power cut holds. This log must not be used any more. A number is
   * short for `{ keep }`.
   */
  crash(how: number | Crash = {}, events: MemoryWalEvents = this.events): MemoryWal {
    const { keep = 0, lose = 0 } = typeof how === "number" ? { keep: how } : how
    const reopened = this.emptied(events)
    for (const change of keptOf(this.journal, this.pending, keep, lose)) reopened.toJournal(change)
    return reopened.begun()
  }

  /** An old copy of the disk, to be put back later: what is durable now. */
  copy(): MemoryWal {
    return this.crash()
  }

  /** Bytes of an entry rot where it is stored. False when there is no such entry. */
  damage(group: GroupId, index: LogIndex): boolean {
    const found = [this.visible, this.file].map((logs) => logs.of(group).at(index))
    for (const entry of found) if (entry !== undefined) this.rotten.add(entry)
    return found.some((entry) => entry !== undefined)
  }

  /**
   * Entries and hard state as an opener's verdict has them, durable at once: the simulator's disk
   * judges a log before it hands it out.
   */
  restate(group: GroupId, hardState: HardState, lastIndex = Infinity): void {
    if (this.pending.length > 0) throw new Error("restate is for a log just opened")
    for (const log of [this.visible.of(group), this.settled(group)]) {
      log.truncateFrom(lastIndex + 1)
      log.storedHardState = hardState
    }
  }

  private take(change: Exclude<Change, { _tag: "drop" }>): CommitNumber {
    applyTo(this.visible, change)
    this.pending.push(change)
    this.pendingBytes += change.bytes
    return change.number
  }

  private toJournal(change: Change): void {
    this.journal.push(change)
    while (this.journal.length > journalLengthMax) this.oldestToFile()
  }

  private oldestToFile(): void {
    const oldest = this.journal.shift()
    if (oldest !== undefined) applyTo(this.file, oldest)
  }

  /** The group's log in the file, with nothing of it left in the journal. */
  private settled(group: GroupId): MemoryGroupLog {
    while (this.journal.length > 0) this.oldestToFile()
    return this.file.of(group)
  }

  /** The same file with an empty journal. */
  private emptied(events: MemoryWalEvents): MemoryWal {
    const reopened = new MemoryWal(events, this.rotten)
    reopened.unclean = true
    if (this.forgetful) reopened.forget()
    reopened.file.copyOf(this.file)
    return reopened
  }

  /** Opening takes the journal over: afterwards everything is in the file, and visible. */
  private begun(): this {
    while (this.journal.length > 0) this.oldestToFile()
    this.visible.copyOf(this.file)
    return this
  }
}

class MemoryCompaction implements Compaction {
  bytes = 0
  private readonly entries: Array<KeptEntry> = []
  private readonly onFinish: (entries: ReadonlyArray<KeptEntry>, settled: Kept) => void

  constructor(onFinish: (entries: ReadonlyArray<KeptEntry>, settled: Kept) => void) {
    this.onFinish = onFinish
  }

  keep(group: GroupId, entry: Entry): void {
    this.entries.push({ group, entry })
    this.bytes += entry.payload.length + keptOverheadBytes
  }

  finish(settled: Kept): void {
    this.onFinish(this.entries, settled)
  }
}

function applyTo(logs: Logs, change: Change): void {
  switch (change._tag) {
    case "commit":
      for (const write of change.writes) logs.of(write.group).apply(write)
      return
    case "amputate":
      return amputated(logs.of(change.group), change.index)
    case "retire":
      return emptied(logs.of(change.group))
    case "drop":
      return logs.drop(change.group)
    default:
      return change satisfies never
  }
}

function amputated(log: MemoryGroupLog, index: LogIndex): void {
  log.truncateFrom(index)
  log.storedHardState = distrusted(log.hardState)
}

function emptied(log: MemoryGroupLog): void {
  const hardState = retired(log.hardState)
  log.clear()
  log.storedHardState = hardState
}

/**
 * The changes that survive: the journal without its end, or all of it and the first pending ones.
 */
function keptOf(
  journal: ReadonlyArray<Change>,
  pending: ReadonlyArray<Change>,
  keep: number,
  lose: number,
): ReadonlyArray<Change> {
  if (lose > 0) return journal.slice(0, lastKept(journal, lose))
  let left = keep
  const end = pending.findIndex(({ _tag }) => _tag !== "drop" && left-- === 0)
  return [...journal, ...(end < 0 ? pending : pending.slice(0, end))]
}

/** Length of the journal without its last `lose` commits. */
function lastKept(journal: ReadonlyArray<Change>, lose: number): number {
  let left = lose
  for (let at = journal.length - 1; at >= 0; at--) {
    if (journal[at]?._tag !== "drop" && --left === 0) return at
  }
  return 0
}

function payloadBytesOf(write: GroupWrite): number {
  return write.entries.reduce((sum, entry) => sum + entry.payload.length, 0)
}
