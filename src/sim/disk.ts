/**
 * A simulated disk with a log on it, at the log's port: commits are atomic and in order, those not
 * fsynced may be lost with a crash, and what is durable can be hurt by faults. The verdict on a log
 * that is opened again is the shipped one (storage/verdict.ts).
 */
import type { Prng } from "../../raft/prng.ts"
import type { LogIndex, Standing } from "../../raft/types.ts"
import { MemoryWal } from "../../storage/memory-wal.ts"
import { judge } from "../../storage/verdict.ts"
import type { JournalVerdict } from "../../storage/verdict.ts"
import type {
  CommitNumber,
  Compaction,
  GroupId,
  GroupLog,
  GroupWrite,
  Wal,
} from "../../storage/wal.ts"
import type { Engine } from "./engine.ts"
import type { Known } from "./old-copies.ts"
import type { DiskOptions } from "./options.ts"
import { withinMs } from "./random.ts"
import { SentinelModel, isSame } from "./sentinel-model.ts"
import type { GroupMark } from "./sentinel-model.ts"
import { SimGroupLog } from "./sim-group-log.ts"

/** What the disk tells its machine. */
export interface DiskEvents {
  wrote(commit: CommitNumber, writes: ReadonlyArray<GroupWrite>): void
  rewrote(group: GroupId): void
  compacted(group: GroupId): void
}

interface Pending {
  readonly number: CommitNumber
  readonly bytes: number
  marks: ReadonlyArray<GroupMark>
}

interface Backup {
  readonly image: MemoryWal
  readonly sentinel: SentinelModel
}

const silent = { onDurable: () => {} }
const copyUsMax = 400_000

export class SimDisk implements Wal {
  pendingBytes = 0
  space: Wal["space"] = "ample"
  unclean = false
  /** Until then no fsync returns. */
  stalledUntilUs = 0
  failNextSync = false
  /** Something durable was lost since the log was last opened. */
  hurt = false
  /** It is an old copy, and nobody has told its broker yet. */
  untold = false
  private readonly engine: Engine
  private readonly options: DiskOptions
  private readonly events: DiskEvents
  private readonly prng: Prng
  private image = new MemoryWal(silent)
  private logs = new Map<GroupId, SimGroupLog>()
  private sentinel = new SentinelModel()
  private journal: JournalVerdict = "absent"
  /** A log was opened on it before. */
  private begun = false
  private backup: Backup | undefined
  private replaced: Backup | undefined
  /** From a crash to the next open: the log with the journal that the dead process left. */
  private imageBefore: MemoryWal | undefined
  private pending: Array<Pending> = []
  private handed: CommitNumber = 0
  private durableThrough: CommitNumber = 0
  /** The commit that gave a group its standing back, while this log is open. */
  private readonly readmittedWith = new Map<GroupId, CommitNumber>()
  /** The running fsync makes durable up to here; 0: none runs. */
  private syncing: CommitNumber = 0

  constructor(engine: Engine, options: DiskOptions, name: string, events: DiskEvents) {
    this.engine = engine
    this.options = options
    this.events = events
    this.prng = engine.stream(`disk ${name}`)
  }

  // ---- the port

  log(group: GroupId): GroupLog {
    return this.simLog(group)
  }

  groups(): ReadonlyArray<GroupId> {
    return this.image.groups()
  }

  commit(writes: ReadonlyArray<GroupWrite>): CommitNumber {
    const before = writes.map(({ group }) => this.standing(group))
    for (const write of writes) this.observe(write)
    const number = this.image.commit(writes)
    writes.forEach(({ group }, at) => {
      if (before[at] !== "trusted" && this.standing(group) === "trusted") {
        this.readmittedWith.set(group, number)
      }
    })
    this.take(number, writes)
    this.events.wrote(number, writes)
    return number
  }

  drop(group: GroupId): void {
    this.image.drop(group)
    this.simLog(group).damaged.clear()
    this.sentinel.forget(group)
    for (const pending of this.pending) {
      pending.marks = pending.marks.filter((mark) => mark.group !== group)
    }
    this.events.rewrote(group)
  }

  get forgetful(): boolean {
    return this.image.forgetful
  }

  remembered(): void {
    this.image.remembered()
    this.engine.met("remembered")
  }

  wasDropped(group: GroupId): boolean {
    return this.image.wasDropped(group)
  }

  amputate(group: GroupId, index: LogIndex): CommitNumber {
    const number = this.image.amputate(group, index)
    this.simLog(group).forget(index, 0)
    this.engine.met("amputated")
    this.take(number, [{ group, entries: [] }])
    this.events.rewrote(group)
    return number
  }

  retire(group: GroupId): CommitNumber {
    const number = this.image.retire(group)
    this.simLog(group).damaged.clear()
    this.take(number, [{ group, entries: [] }])
    this.events.rewrote(group)
    return number
  }

  /** It is done behind the log's back, sooner or later. */
  compaction(): Compaction {
    const { image, engine, prng } = this
    const inner = image.compaction()
    return {
      keep: (group, entry) => {
        this.events.compacted(group)
        inner.keep(group, entry)
      },
      get bytes() {
        return inner.bytes
      },
      finish: (settled) => {
        inner.finish((outcome) => {
          engine.met("compacted")
          settled(outcome)
        })
        engine.act(1000 + prng.below(copyUsMax), () => {
          if (this.image === image) image.flush(0)
          else engine.met("compactionLost")
        })
      },
    }
  }

  private take(number: CommitNumber, writes: ReadonlyArray<GroupWrite>): void {
    let bytes = 0
    const { hash } = this.engine
    const marks = writes.map(({ group, entries }): GroupMark => {
      for (const entry of entries) {
        bytes += entry.payload.length
        if (entry.type === "configuration" && group !== 0) this.engine.met("membershipChanged")
      }
      const { hardState, lastIndex } = this.simLog(group)
      hash.number(group)
      hash.number(lastIndex)
      hash.number(hardState.term)
      hash.number(hardState.commitIndex)
      return { group, hardState, lastIndex }
    })
    this.handed = number
    this.pendingBytes += bytes
    this.pending.push({ number, bytes, marks })
  }

  /** Before the write is in the log. */
  private observe({ group, entries, hardState, cut }: GroupWrite): void {
    const log = this.simLog(group)
    const first = entries[0]?.index ?? Number.POSITIVE_INFINITY
    if (log.damaged.size > 0) log.forget(first, cut?.cut.index ?? 0)
    const gone = log.lastIndex - first + 1
    if (gone > 0) this.engine.met(gone > 10 ? "longTruncation" : "logTruncated")
    if (cut !== undefined) {
      this.engine.met(cut.cut.index > log.lastIndex ? "snapshotInstalled" : "logCut")
    }
    if (hardState !== undefined && hardState.standing !== log.hardState.standing) {
      this.engine.met(hardState.standing === "trusted" ? "readmitted" : hardState.standing)
    }
  }

  private simLog(group: GroupId): SimGroupLog {
    let log = this.logs.get(group)
    if (log === undefined) {
      log = new SimGroupLog(group, this.image.log(group), () => this.engine.met("damageRead"))
      this.logs.set(group, log)
    }
    return log
  }

  // ---- what a power cut would leave

  private standing(group: GroupId): Standing {
    return this.simLog(group).hardState.standing
  }

  /** Durably, and by the sentinel, which may know more than what a crash has left of the log. */
  isTrusted(group: GroupId): boolean {
    if (this.sentinel.distrusts(group) || this.standing(group) !== "trusted") return false
    return (this.readmittedWith.get(group) ?? 0) <= this.durableThrough
  }

  /** Nothing of the group waits for an fsync. */
  isSynced(group: GroupId): boolean {
    return !this.pending.some(({ marks }) => marks.some((mark) => mark.group === group))
  }

  /** Its log as it was written, without a look at what has gone bad. */
  peek(group: GroupId): GroupLog {
    return this.image.log(group)
  }

  // ---- fsync

  get pendingCommits(): number {
    return this.handed - this.durableThrough
  }

  /** How long the fsync takes that begins now; undefined when there is nothing to begin. */
  beginSync(): number | undefined {
    if (this.syncing !== 0 || this.handed === this.durableThrough) return undefined
    this.syncing = this.handed
    const stallUs = Math.max(0, this.stalledUntilUs - this.engine.nowUs)
    return withinMs(this.prng, this.options.fsyncMs) + stallUs
  }

  /** How much longer the running fsync takes: it fell into a stall that began meanwhile. */
  get stalledForUs(): number {
    return Math.max(0, this.stalledUntilUs - this.engine.nowUs)
  }

  /** Undefined: the fsync failed, and the process must not go on. */
  endSync(): CommitNumber | undefined {
    if (this.failNextSync) {
      this.failNextSync = false
      this.engine.met("fsyncFailed")
      return undefined
    }
    const through = this.syncing
    this.syncing = 0
    let taken = 0
    for (const { number, bytes, marks } of this.pending) {
      if (number > through) break
      this.sentinel.durable(marks, this.engine.nowUs)
      this.pendingBytes -= bytes
      taken++
    }
    this.pending.splice(0, taken)
    this.image.flush(through - this.durableThrough)
    this.durableThrough = through
    return through
  }

  // ---- the end of a process

  /**
   * What was not durable goes, but for its first `keep` commits; without `keep` the disk decides.
   * The log is what survived at once, and is judged at the next open.
   */
  crash(keep?: number): void {
    const kept = Math.min(keep ?? this.drawKept(), this.pending.length)
    if (this.pending.length > 0) this.engine.met("crashWithUnsynced")
    if (this.pending.length > kept) this.engine.met("unsyncedLost")
    if (kept > 0) this.engine.met("unsyncedSurvived")
    if (this.prng.below(2) === 0) {
      for (const { marks } of this.pending.slice(0, kept)) {
        this.sentinel.durable(marks, this.engine.nowUs)
      }
    }
    const next = this.pending[kept]
    if (next !== undefined && this.prng.below(2) === 0) this.sentinel.ahead(next.marks)
    this.sentinel.crash(this.engine.nowUs, this.prng)
    this.imageBefore = this.image
    this.reset(this.image.crash({ keep: kept }))
    this.unclean = true
    this.journal = this.prng.below(4) === 0 ? "whole" : "tornTail"
    if (this.prng.below(16) === 0) this.journal = "headerBad"
  }

  private drawKept(): number {
    const flying = Math.max(0, this.syncing - this.durableThrough)
    const draw = this.prng.below(4)
    // What was handed over and not begun may be in the file too: nothing says in which order.
    if (this.options.torn && draw < 2) return this.prng.below(this.pending.length + 1)
    return draw === 2 ? flying : 0
  }

  /** A process that ended in order leaves nothing open. */
  close(): void {
    for (const { marks } of this.pending) this.sentinel.durable(marks, this.engine.nowUs)
    this.sentinel.sync()
    this.reset(this.image.crash({ keep: Number.POSITIVE_INFINITY }))
    this.imageBefore = undefined
    this.unclean = false
    this.journal = "whole"
  }

  /** The log in `image` is reopened: its durable part is all there is, and counting begins anew. */
  private reset(image: MemoryWal): void {
    const damaged = [...this.logs].map(([group, log]) => [group, [...log.damaged]] as const)
    this.image = image
    this.logs = new Map()
    this.pending = []
    this.pendingBytes = 0
    this.handed = 0
    this.durableThrough = 0
    this.syncing = 0
    this.readmittedWith.clear()
    this.failNextSync = false
    for (const [group, indexes] of damaged) {
      const log = this.simLog(group)
      for (const index of indexes) if (index <= log.lastIndex) log.damaged.add(index)
    }
  }

  // ---- the beginning of one

  /** Judges every group and makes the verdicts durable; what is to be said in the log. */
  open(): ReadonlyArray<string> {
    const lines: Array<string> = []
    const groups = this.knownGroups()
    for (const group of groups) {
      const salvaged = this.salvage(group)
      const { hardState, lastIndex } = this.image.log(group)
      const sentinel = this.sentinel.of(group)
      const { journal } = this
      const verdict = judge({ journal, hardState, lastIndex, sentinel, salvaged })
      const { standing } = verdict.hardState
      if (verdict.reasons.length > 0) {
        this.engine.met(standing)
        lines.push(`group ${group} is ${standing}: ${verdict.reasons.join("; ")}`)
      }
      if (!isSame(verdict.hardState, hardState)) this.image.restate(group, verdict.hardState)
    }
    this.reset(this.image.crash({ keep: Number.POSITIVE_INFINITY }))
    if (this.sentinel.lost && this.begun) this.image.forget()
    this.begun = true
    this.sentinel.rewrite(
      groups.map((group) => {
        const { hardState, lastIndex } = this.image.log(group)
        return { group, hardState, lastIndex }
      }),
    )
    this.imageBefore = undefined
    this.hurt = false
    return lines
  }

  private knownGroups(): ReadonlyArray<GroupId> {
    const told = this.sentinel.lost ? [] : this.sentinel.groups
    return [...new Set([...this.image.groups(), ...told])].sort((a, b) => a - b)
  }

  /** Some damage shows when the log is opened: what follows it goes too. */
  private salvage(group: GroupId): boolean {
    const log = this.logs.get(group)
    if (log === undefined || log.damaged.size === 0 || this.prng.below(2) === 0) return false
    const index = Math.min(...log.damaged)
    this.image.restate(group, this.image.log(group).hardState, index - 1)
    log.forget(index, 0)
    this.engine.met("salvaged")
    return true
  }

  /** What a scrub of the whole disk would find first. */
  firstDamaged(): { readonly group: GroupId; readonly index: LogIndex } | undefined {
    for (const [group, { damaged }] of this.logs) {
      if (damaged.size > 0) return { group, index: Math.min(...damaged) }
    }
    return undefined
  }

  /** Groups of which something is damaged and was not found yet. */
  damagedGroups(): ReadonlyArray<GroupId> {
    return [...this.logs].filter(([, log]) => log.damaged.size > 0).map(([group]) => group)
  }

  // ---- what faults do; all but `damage` while nothing runs on it

  /**
   * The journal that a crash left was hurt in the middle: its last `commits` commits are gone.
   * False: nothing was in it.
   */
  loseTail(commits: number): boolean {
    if (this.imageBefore === undefined || commits === 0) return false
    this.reset(this.imageBefore.crash({ lose: commits }))
    this.journal = "corruptMiddle"
    this.hurt = true
    this.engine.met("durableLost")
    return true
  }

  /** One stored payload of these groups is not what was appended any more; false: there is none. */
  damage(pick: number, among: ReadonlySet<GroupId> = new Set(this.image.groups())): boolean {
    const groups = this.image.groups().filter((group) => {
      if (!among.has(group)) return false
      const { firstIndex, lastIndex } = this.image.log(group)
      return lastIndex >= firstIndex
    })
    const group = groups[pick % Math.max(1, groups.length)]
    if (group === undefined) return false
    const log = this.simLog(group)
    const count = log.lastIndex - log.firstIndex + 1
    log.damaged.add(log.firstIndex + (Math.floor(pick / groups.length) % count))
    return true
  }

  takeBackup(): void {
    this.backup = { image: this.image.copy(), sentinel: this.sentinel.copy() }
  }

  /** What the copy would know of a group, with its own sentinel. */
  oldCopyOf(group: GroupId): Known | undefined {
    if (this.backup === undefined) return undefined
    const { hardState, lastIndex } = this.backup.image.log(group)
    const sentinel = this.backup.sentinel.of(group)
    const verdict = judge({ journal: "whole", hardState, lastIndex, sentinel, salvaged: false })
    return { ...verdict.hardState, lastIndex }
  }

  /** False: there is no copy. `sentinel`: the old one comes with it. */
  restore(sentinel: boolean): boolean {
    if (this.backup === undefined) return false
    if (!this.untold) this.replaced = { image: this.image.copy(), sentinel: this.sentinel.copy() }
    this.putBack(this.backup, sentinel)
    this.journal = "whole"
    this.unclean = true
    this.hurt = true
    this.engine.met("oldCopyRestored")
    return true
  }

  /** What the last old copy took the place of; only while the copy has promised nothing. */
  undoRestore(): void {
    if (this.replaced !== undefined) this.putBack(this.replaced, true)
  }

  private putBack({ image, sentinel }: Backup, withSentinel: boolean): void {
    this.logs = new Map()
    this.imageBefore = undefined
    this.reset(image.crash({ keep: Number.POSITIVE_INFINITY }))
    if (withSentinel) this.sentinel = sentinel.copy()
  }

  loseSentinel(): void {
    this.sentinel.lost = true
    this.hurt = true
  }

  /** A new, empty disk. */
  wipe(): void {
    this.logs = new Map()
    this.imageBefore = undefined
    this.reset(new MemoryWal(silent))
    this.sentinel = new SentinelModel()
    this.backup = undefined
    this.replaced = undefined
    this.journal = "absent"
    this.begun = false
    this.unclean = false
    this.hurt = false
    this.untold = false
  }
}
