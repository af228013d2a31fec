/**
 * What the metadata leader remembers of moves back to preferred leaders: which are under way, and which failed and
 * must wait. Volatile: a new metadata leader begins with nothing and soon knows again. Time is an argument.
 */
import type { GroupId } from "../../storage/wal.ts"

export interface LeadershipMoveOptions {
  /** A move that has not arrived by then has failed. */
  readonly timeoutMs: number
  /** Wait after the first failure; doubles with each further one up to `retryMsMax`. */
  readonly retryMs: number
  readonly retryMsMax: number
  readonly inFlightMax: number
}

export const defaultLeadershipMoves: LeadershipMoveOptions = {
  timeoutMs: 3_000,
  retryMs: 5_000,
  retryMsMax: 300_000,
  inFlightMax: 50,
}

interface Failure {
  readonly count: number
  readonly retryAtMs: number
}

export class LeadershipMoves {
  private readonly options: LeadershipMoveOptions
  /** Group → when the move counts as failed. */
  private readonly deadlines = new Map<GroupId, number>()
  private readonly failures = new Map<GroupId, Failure>()

  constructor(options: LeadershipMoveOptions = defaultLeadershipMoves) {
    this.options = options
  }

  /** How many more may begin now: the `countMax` of `movesBack`. */
  get room(): number {
    return Math.max(0, this.options.inFlightMax - this.deadlines.size)
  }

  mayMove(group: GroupId, nowMs: number): boolean {
    if (this.deadlines.has(group)) return false
    const failure = this.failures.get(group)
    return failure === undefined || nowMs >= failure.retryAtMs
  }

  started(groups: Iterable<GroupId>, nowMs: number): void {
    for (const group of groups) this.deadlines.set(group, nowMs + this.options.timeoutMs)
  }

  /** The preferred leader leads. */
  arrived(group: GroupId): void {
    this.deadlines.delete(group)
    this.failures.delete(group)
  }

  /** Somebody else came to lead, or the transfer was refused. */
  failed(group: GroupId, nowMs: number): void {
    this.deadlines.delete(group)
    const count = (this.failures.get(group)?.count ?? 0) + 1
    const { retryMs, retryMsMax } = this.options
    const waitMs = Math.min(retryMsMax, retryMs * 2 ** Math.min(count - 1, 30))
    this.failures.set(group, { count, retryAtMs: nowMs + waitMs })
  }

  /** Fails every move whose time is up, and names them. */
  expire(nowMs: number): ReadonlyArray<GroupId> {
    const expired: Array<GroupId> = []
    for (const [group, deadline] of this.deadlines) if (nowMs >= deadline) expired.push(group)
    for (const group of expired) this.failed(group, nowMs)
    return expired
  }

  /** The group was deleted. */
  forget(group: GroupId): void {
    this.deadlines.delete(group)
    this.failures.delete(group)
  }
}
