/**
 * The sentinel file beside a simulated log, as DESIGN.md of storage promises it: term, vote and
 * standing are on the disk before the commit that carries them is reported durable; heights follow
 * at most 100 ms later.
 */
import type { Prng } from "../../raft/prng.ts"
import type { HardState, LogIndex } from "../../raft/types.ts"
import type { Sentinel } from "../../storage/verdict.ts"
import type { GroupId } from "../../storage/wal.ts"

/** A group as it stood right behind a commit. */
export interface GroupMark {
  readonly group: GroupId
  readonly hardState: HardState
  readonly lastIndex: LogIndex
}

const lagUsMax = 100_000

export class SentinelModel {
  /** The file is gone or cannot be read. */
  lost = false
  /** As the process wrote it last, and as it would be read after a power cut. */
  private written = new Map<GroupId, Sentinel>()
  private synced = new Map<GroupId, Sentinel>()
  private behind = new Set<GroupId>()
  private behindSinceUs = 0

  get groups(): IterableIterator<GroupId> {
    return this.synced.keys()
  }

  of(group: GroupId): Sentinel | "missing" | undefined {
    return this.lost ? "missing" : this.synced.get(group)
  }

  /** So far as it would be read after a power cut. */
  distrusts(group: GroupId): boolean {
    const sentinel = this.of(group)
    if (sentinel === undefined || sentinel === "missing") return false
    return sentinel.standing !== "trusted"
  }

  /** The commit with these marks is durable, and not reported yet. */
  durable(marks: ReadonlyArray<GroupMark>, nowUs: number): void {
    this.catchUp(nowUs)
    let promised = false
    for (const mark of marks) {
      const before = this.written.get(mark.group)
      this.written.set(mark.group, sentinelOf(mark))
      if (this.behind.size === 0) this.behindSinceUs = nowUs
      this.behind.add(mark.group)
      promised ||= before === undefined || isPromise(before, mark.hardState)
    }
    if (promised) this.sync()
  }

  /** The commit was under way when the machine died: its votes may be here already. */
  ahead(marks: ReadonlyArray<GroupMark>): void {
    for (const { group, hardState } of marks) {
      const before = this.synced.get(group)
      if (before === undefined) continue
      const { term, votedFor, standing } = hardState
      this.synced.set(group, { ...before, term, votedFor, standing })
    }
  }

  /** `written` is what a killed process leaves behind; a power cut may take it. */
  crash(nowUs: number, prng: Prng): void {
    this.catchUp(nowUs)
    if (prng.below(2) === 0) this.sync()
    this.written = new Map(this.synced)
    this.behind.clear()
  }

  sync(): void {
    for (const group of this.behind) {
      const sentinel = this.written.get(group)
      if (sentinel !== undefined) this.synced.set(group, sentinel)
    }
    this.behind.clear()
  }

  /** Written anew at an open, with what was found. */
  rewrite(marks: ReadonlyArray<GroupMark>): void {
    this.lost = false
    this.written = new Map(marks.map((mark) => [mark.group, sentinelOf(mark)]))
    this.synced = new Map(this.written)
    this.behind.clear()
  }

  forget(group: GroupId): void {
    this.written.delete(group)
    this.synced.delete(group)
    this.behind.delete(group)
  }

  copy(): SentinelModel {
    const copy = new SentinelModel()
    copy.lost = this.lost
    copy.written = new Map(this.synced)
    copy.synced = new Map(this.synced)
    return copy
  }

  private catchUp(nowUs: number): void {
    if (this.behind.size > 0 && nowUs - this.behindSinceUs >= lagUsMax) this.sync()
  }
}

const isPromise = (before: Sentinel, after: HardState): boolean =>
  before.term !== after.term ||
  before.votedFor !== after.votedFor ||
  before.standing !== after.standing

const sentinelOf = ({ hardState, lastIndex }: GroupMark): Sentinel => ({
  term: hardState.term,
  votedFor: hardState.votedFor,
  height: { acceptedTerm: hardState.acceptedTerm, lastIndex },
  commitIndex: Math.min(hardState.commitIndex, lastIndex),
  standing: hardState.standing,
})

export const isSame = (a: HardState, b: HardState): boolean =>
  a.term === b.term &&
  a.votedFor === b.votedFor &&
  a.commitIndex === b.commitIndex &&
  a.acceptedTerm === b.acceptedTerm &&
  a.standing === b.standing
