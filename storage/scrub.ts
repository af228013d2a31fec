/**
 * Reading what nobody reads: rot is found while the other replicas are still sound. Goes round all
 * groups' entries on disk, a slice at a time, at most so many bytes a second.
 */
import type { LogIndex } from "../raft/types.ts"
import { CorruptEntry, type Damage, type GroupId, type GroupLog } from "./wal.ts"

export interface ScrubOptions {
  readonly groups: () => ReadonlyArray<GroupId>
  readonly logOf: (group: GroupId) => GroupLog
  /** Of payload. 0 = off. */
  readonly bytesPerSecond: number
  /** Once for each entry found damaged, until a round finds it sound or gone. */
  readonly onDamage: (damage: Damage) => void
}

/** What is read at once: one row. */
const sliceBytes = 262_144
const tickMs = 250
/** An entry costs something even without payload. */
const entryOverheadBytes = 128
/** Of one round: a log that is all rot need not be told of entry by entry. */
const damagesMax = 1000

export class Scrub {
  rounds = 0
  private readonly options: ScrubOptions
  private timer: ReturnType<typeof setInterval> | undefined
  /** Groups of this round that are still to be read. */
  private waiting: Array<GroupId> = []
  private next: LogIndex = 1
  /** Of the last round and of this one. */
  private known = new Set<string>()
  private found = new Set<string>()
  /** What may be read; negative after a large entry. */
  private allowance = 0

  constructor(options: ScrubOptions) {
    this.options = options
  }

  start(): void {
    const { bytesPerSecond } = this.options
    if (bytesPerSecond === 0) return
    this.timer = setInterval(() => this.spend((bytesPerSecond * tickMs) / 1000), tickMs)
    // A process that has nothing else to do may end.
    this.timer.unref()
  }

  stop(): void {
    clearInterval(this.timer)
  }

  /** Reads on until about so many bytes are read, or once round. */
  spend(bytes: number): void {
    this.allowance = Math.min(this.allowance + bytes, bytes)
    const { rounds } = this
    while (this.allowance > 0 && this.rounds === rounds) this.allowance -= this.slice()
  }

  /** Answers the bytes that were read. */
  private slice(): number {
    const group = this.waiting[0]
    if (group === undefined) {
      this.beginRound()
      return entryOverheadBytes
    }
    const log = this.options.logOf(group)
    const from = Math.max(this.next, log.firstIndex)
    if (from > log.lastIndex) {
      this.waiting.shift()
      this.next = 1
      return entryOverheadBytes
    }
    try {
      const entries = log.entries(from, log.lastIndex + 1, sliceBytes)
      this.next = from + Math.max(1, entries.length)
      return entries.reduce(
        (total, { payload }) => total + payload.length,
        entries.length * entryOverheadBytes,
      )
    } catch (error) {
      if (!(error instanceof CorruptEntry)) throw error
      this.tell(group, Math.max(error.index, from), error.message)
      this.next = Math.max(error.index, from) + 1
      return sliceBytes
    }
  }

  private beginRound(): void {
    this.rounds += 1
    this.known = this.found
    this.found = new Set()
    this.waiting = [...this.options.groups()]
    this.next = 1
  }

  private tell(group: GroupId, index: LogIndex, what: string): void {
    if (this.found.size >= damagesMax) return
    const name = `${group}:${index}`
    const isNew = !this.known.has(name) && !this.found.has(name)
    this.found.add(name)
    if (isNew) this.options.onDamage({ group, index, what })
  }
}
