/**
 * The log in memory: the reference that the SQLite log is compared with, and the simulator's disk.
 * Nothing becomes durable by itself: `flush` is the fsync, `crash` is the power cut.
 */
import { checkCommit } from "./append-rules.ts"
import { MemoryGroupLog } from "./memory-group-log.ts"
import type { CommitNumber, GroupId, GroupLog, GroupWrite, Wal, WalEvents } from "./wal.ts"

/** What is not durable yet, in order; a drop becomes durable no later than the commit behind it. */
type Pending =
  | {
      readonly _tag: "commit"
      readonly number: CommitNumber
      readonly writes: ReadonlyArray<GroupWrite>
      readonly bytes: number
    }
  | { readonly _tag: "drop"; readonly group: GroupId }

export type MemoryWalEvents = Pick<WalEvents, "onDurable">

export class MemoryWal implements Wal {
  pendingBytes = 0
  private readonly events: MemoryWalEvents
  private readonly visible = new Map<GroupId, MemoryGroupLog>()
  private readonly durable = new Map<GroupId, MemoryGroupLog>()
  private pending: Array<Pending> = []
  private committed: CommitNumber = 0

  constructor(events: MemoryWalEvents) {
    this.events = events
  }

  /** Commits taken over and not durable. */
  get pendingCommits(): number {
    return this.pending.filter(({ _tag }) => _tag === "commit").length
  }

  log(group: GroupId): GroupLog {
    return logIn(this.visible, group)
  }

  groups(): ReadonlyArray<GroupId> {
    return [...this.visible].filter(([, log]) => !log.isEmpty).map(([group]) => group)
  }

  commit(writes: ReadonlyArray<GroupWrite>): CommitNumber {
    checkCommit(
      writes,
      (group) => this.log(group).lastIndex,
      (group, index) => logIn(this.visible, group).endBefore(index),
    )
    const number = ++this.committed
    const bytes = writes.reduce((sum, write) => sum + payloadBytesOf(write), 0)
    applyAll(this.visible, writes)
    this.pending.push({ _tag: "commit", number, writes, bytes })
    this.pendingBytes += bytes
    return number
  }

  drop(group: GroupId): void {
    logIn(this.visible, group).clear()
    this.pending.push({ _tag: "drop", group })
  }

  /** Makes the next `count` commits durable and reports the last; drops between them go along. */
  flush(count = Infinity): void {
    let left = count
    let through: CommitNumber | undefined
    while (this.pending.length > 0) {
      const next = this.pending[0]
      if (next === undefined || (next._tag === "commit" && left === 0)) break
      this.pending.shift()
      applyTo(this.durable, next)
      if (next._tag === "drop") continue
      left -= 1
      through = next.number
      this.pendingBytes -= next.bytes
    }
    if (through !== undefined) this.events.onDurable(through)
  }

  /**
   * What a log reopened after a power cut holds: everything durable and the first `keep` commits of
   * the rest, whose fsync had not returned. This log must not be used any more.
   */
  crash(keep = 0, events: MemoryWalEvents = this.events): MemoryWal {
    const reopened = new MemoryWal(events)
    for (const [group, log] of this.durable) logIn(reopened.durable, group).copyOf(log)
    let left = keep
    for (const next of this.pending) {
      if (next._tag === "commit" && left-- === 0) break
      applyTo(reopened.durable, next)
    }
    for (const [group, log] of reopened.durable) logIn(reopened.visible, group).copyOf(log)
    return reopened
  }
}

function logIn(logs: Map<GroupId, MemoryGroupLog>, group: GroupId): MemoryGroupLog {
  let log = logs.get(group)
  if (log === undefined) logs.set(group, (log = new MemoryGroupLog()))
  return log
}

function applyTo(logs: Map<GroupId, MemoryGroupLog>, pending: Pending): void {
  if (pending._tag === "drop") logIn(logs, pending.group).clear()
  else applyAll(logs, pending.writes)
}

function applyAll(logs: Map<GroupId, MemoryGroupLog>, writes: ReadonlyArray<GroupWrite>): void {
  for (const write of writes) logIn(logs, write.group).apply(write)
}

function payloadBytesOf(write: GroupWrite): number {
  return write.entries.reduce((sum, entry) => sum + entry.payload.length, 0)
}
