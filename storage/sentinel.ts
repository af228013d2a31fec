/**
 * The sentinel as the storage worker keeps it. A change of term, vote or standing is durable here
 * before its commit is reported; heights and commit indexes follow within `lagMs`, many in one
 * write.
 */
import type { HardState, LogIndex } from "../raft/types.ts"
import { emptyHardState } from "../raft/types.ts"
import { chainStart } from "./checksum.ts"
import { SentinelFile, type Marks } from "./sentinel-file.ts"
import type { Cell, GroupSentinel } from "./sentinel-record.ts"
import type { GroupId } from "./wal.ts"

/** Where a group's log ends: its last index and that entry's chain link. */
export type LogEnding = readonly [group: GroupId, lastIndex: LogIndex, chain: number]

/** What a transaction does to the groups it touched. */
export interface Changes {
  readonly dropped: ReadonlyArray<GroupId>
  /** Logs of which entries from an index on are replaced or gone. */
  readonly rewrites: ReadonlyArray<readonly [group: GroupId, from: LogIndex]>
  readonly hardStates: ReadonlyArray<readonly [group: GroupId, state: HardState]>
  /** Where the logs it wrote to end now. */
  readonly ends: ReadonlyArray<LogEnding>
}

const unknownGroup: GroupSentinel = {
  term: emptyHardState.term,
  votedFor: emptyHardState.votedFor,
  height: { acceptedTerm: emptyHardState.acceptedTerm, lastIndex: 0 },
  chain: chainStart,
  commitIndex: emptyHardState.commitIndex,
  standing: emptyHardState.standing,
}

/** The end was lowered ahead of a transaction: which entry is there is not said. */
export const chainUnknown = -1

/** Says no more of the commit than that the log has reached it: an amputated one has not. */
export function sentinelOf(state: HardState, lastIndex: LogIndex, chain: number): GroupSentinel {
  const { term, votedFor, acceptedTerm, standing } = state
  const commitIndex = Math.min(state.commitIndex, lastIndex)
  return { term, votedFor, height: { acceptedTerm, lastIndex }, chain, commitIndex, standing }
}

/** How far heights may lag behind the log. */
export const lagMs = 100

export class SentinelKeeper {
  private readonly file: SentinelFile
  private readonly groups: Map<GroupId, GroupSentinel>
  private readonly changed = new Map<GroupId, Cell["_tag"]>()
  private forgetful: boolean
  private writtenMs: number
  /** Writes and their time, for figures. */
  writes = 0
  writeMs = 0

  /** Replaces what is at the path. Takes the map over. */
  constructor(
    path: string,
    groups: Map<GroupId, GroupSentinel>,
    forgetful: boolean,
    nowMs: number,
  ) {
    this.groups = groups
    this.forgetful = forgetful
    this.file = new SentinelFile(path, groups, { forgetful })
    this.writtenMs = nowMs
  }

  get bytesWritten(): number {
    return this.file.bytesWritten
  }

  /**
   * Before the transaction: what will not be there any more must not be expected after a crash in
   * the middle of it.
   */
  prepare({ dropped, rewrites }: Changes, nowMs: number): void {
    let lowered = false
    for (const group of dropped) {
      if (!this.groups.delete(group)) continue
      this.changed.set(group, "removed")
      lowered = true
    }
    for (const [group, from] of rewrites) {
      if ((this.groups.get(group)?.height.lastIndex ?? 0) < from) continue
      this.setEnd([group, from - 1, chainUnknown])
      lowered = true
    }
    if (lowered) this.flush(nowMs)
  }

  /** The transaction is durable in the log: takes note, and writes what cannot wait. */
  note(changes: Changes, nowMs: number): void {
    let urgent = false
    for (const ending of changes.ends) this.setEnd(ending)
    for (const [group, state] of changes.hardStates) urgent = this.setState(group, state) || urgent
    if (urgent || this.dueMs(nowMs) === 0) this.flush(nowMs)
  }

  /** How long what has changed may still wait; undefined when nothing has. */
  dueMs(nowMs: number): number | undefined {
    if (this.changed.size === 0) return undefined
    return Math.max(0, this.writtenMs + lagMs - nowMs)
  }

  flush(nowMs: number): void {
    if (this.changed.size === 0) return
    this.write(this.takeChanges(), {})
    this.writtenMs = nowMs
  }

  /** What was lost with earlier contents is here again. */
  remembered(): void {
    this.forgetful = false
    this.write(this.takeChanges(), {})
  }

  /** The log is closed in order, and its files are as described. */
  close(description: string): void {
    this.write(this.takeChanges(), { closed: description })
    this.file.close()
  }

  private write(cells: ReadonlyArray<Cell>, marks: Marks): void {
    const startedMs = performance.now()
    this.file.write(cells, this.groups, { ...marks, forgetful: this.forgetful })
    this.writes += 1
    this.writeMs += performance.now() - startedMs
  }

  private takeChanges(): ReadonlyArray<Cell> {
    const cells = [...this.changed].map(([group, kind]) => this.cellOf(group, kind))
    this.changed.clear()
    return cells
  }

  private cellOf(group: GroupId, kind: Cell["_tag"]): Cell {
    const sentinel = this.groups.get(group)
    if (sentinel === undefined) return { _tag: "removed", group }
    if (kind !== "height") return { _tag: "whole", group, sentinel }
    const { height, chain, commitIndex } = sentinel
    return { _tag: kind, group, height, chain, commitIndex }
  }

  /** Answers whether it must be written before the commit is reported. */
  private setState(group: GroupId, state: HardState): boolean {
    const known = this.groups.get(group)
    const before = known ?? unknownGroup
    this.groups.set(group, sentinelOf(state, before.height.lastIndex, before.chain))
    const { term, votedFor, standing } = state
    const promised =
      term !== before.term || votedFor !== before.votedFor || standing !== before.standing
    this.mark(group, promised || known === undefined)
    return promised
  }

  private setEnd([group, lastIndex, chain]: LogEnding): void {
    const known = this.groups.get(group)
    const before = known ?? unknownGroup
    const height = { ...before.height, lastIndex }
    const commitIndex = Math.min(before.commitIndex, lastIndex)
    this.groups.set(group, { ...before, height, commitIndex, chain })
    this.mark(group, known === undefined)
  }

  private mark(group: GroupId, whole: boolean): void {
    if (whole) this.changed.set(group, "whole")
    else if (!this.changed.has(group)) this.changed.set(group, "height")
  }
}
